#include "service/sagemaker/test_door.h"

namespace slipway::sagemaker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names_in(const Answer& answer, std::string_view list,
                                  std::string_view member) {
  std::vector<std::string> names;
  for (const json::value& each : answer.body.at(list).as_array())
    names.emplace_back(each.as_object().at(member).as_string());
  return names;
}

class Listing : public Door {
 protected:
  // One second apart.
  void make_models(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      make_model(name);
      world_.clock().advance(std::chrono::seconds(1));
    }
  }
  std::vector<std::string> models(std::string_view query) {
    return names_in(done("ListModels", query), "Models", "ModelName");
  }
  std::vector<std::string> endpoints(std::string_view query) {
    return names_in(done("ListEndpoints", query), "Endpoints", "EndpointName");
  }
};

TEST_F(Listing, an_empty_list_is_a_list) {
  EXPECT_THAT(models("{}"), IsEmpty());
  EXPECT_FALSE(done("ListModels", "{}").has("NextToken"));
}

TEST_F(Listing, the_newest_come_first_unless_asked_otherwise) {
  make_models({"b", "c", "a"});
  EXPECT_THAT(models("{}"), ElementsAre("a", "c", "b"));
  EXPECT_THAT(models(R"({"SortOrder":"Ascending"})"), ElementsAre("b", "c", "a"));
  EXPECT_THAT(models(R"({"SortBy":"Name","SortOrder":"Ascending"})"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(models(R"({"SortBy":"Name"})"), ElementsAre("c", "b", "a"));
}

TEST_F(Listing, pages_go_on_where_the_last_ended_also_when_something_was_made_meanwhile) {
  make_models({"m1", "m2", "m3", "m4", "m5"});
  const Answer first = done("ListModels", R"({"MaxResults":2})");
  EXPECT_THAT(names_in(first, "Models", "ModelName"), ElementsAre("m5", "m4"));
  make_models({"m6"});
  const Answer second = done(
      "ListModels", fmt::format(R"({{"MaxResults":2,"NextToken":"{}"}})", first.text("NextToken")));
  EXPECT_THAT(names_in(second, "Models", "ModelName"), ElementsAre("m3", "m2"));
  const Answer last = done("ListModels", fmt::format(R"({{"MaxResults":2,"NextToken":"{}"}})",
                                                     second.text("NextToken")));
  EXPECT_THAT(names_in(last, "Models", "ModelName"), ElementsAre("m1"));
  EXPECT_FALSE(last.has("NextToken"));
}

TEST_F(Listing, pages_meet_each_once_in_any_order_also_of_those_made_at_one_instant) {
  for (int i = 0; i < 7; ++i) make_model(fmt::format("m{}", i));
  make_models({"n1", "n2"});
  for (const std::string_view by : {"Name", "CreationTime"})
    for (const std::string_view direction : {"Ascending", "Descending"}) {
      const std::string asked = fmt::format(R"("SortBy":"{}","SortOrder":"{}")", by, direction);
      const auto whole = models(fmt::format("{{{}}}", asked));
      EXPECT_EQ(whole.size(), 9U);
      std::vector<std::string> paged;
      std::string token;
      do {
        const Answer page =
            done("ListModels",
                 fmt::format(R"({{{},"MaxResults":2{}}})", asked,
                             token.empty() ? "" : fmt::format(R"(,"NextToken":"{}")", token)));
        for (auto& name : names_in(page, "Models", "ModelName")) paged.push_back(name);
        token = page.has("NextToken") ? page.text("NextToken") : "";
      } while (!token.empty());
      EXPECT_EQ(paged, whole) << asked;
    }
}

TEST_F(Listing, a_page_has_ten_unless_asked_otherwise) {
  for (int i = 0; i < 12; ++i) make_model(fmt::format("m{}", i));
  EXPECT_EQ(models("{}").size(), 10U);
  EXPECT_EQ(models(R"({"MaxResults":100})").size(), 12U);
  EXPECT_THAT(refused("ListModels", R"({"MaxResults":101})"), HasSubstr("maxResults"));
}

TEST_F(Listing, names_and_times_filter) {
  make_models({"cat-1", "dog-1", "cat-2"});
  EXPECT_THAT(models(R"({"NameContains":"cat"})"), ElementsAre("cat-2", "cat-1"));
  EXPECT_THAT(models(R"({"NameContains":"bird"})"), IsEmpty());
  const double start = to_epoch_seconds(world_.clock().now()) - 3;
  EXPECT_THAT(models(fmt::format(R"({{"CreationTimeAfter":{}}})", start + 0.5)),
              ElementsAre("cat-2", "dog-1"));
  EXPECT_THAT(models(fmt::format(R"({{"CreationTimeBefore":{}}})", start + 0.5)),
              ElementsAre("cat-1"));
}

TEST_F(Listing, a_token_of_another_list_is_refused) {
  make_models({"m1", "m2"});
  const std::string token = done("ListModels", R"({"MaxResults":1})").text("NextToken");
  EXPECT_THAT(refused("ListModels", R"({"NextToken":"abc"})"), HasSubstr("NextToken"));
  EXPECT_THAT(refused("ListModels", fmt::format(R"({{"SortBy":"Name","NextToken":"{}"}})", token)),
              HasSubstr("NextToken"));
}

TEST_F(Listing, endpoints_are_listed_with_the_status_and_the_time_that_describe_tells) {
  deploy("fine");
  make_model("broken", "dies");
  make_config("broken", "broken");
  start_endpoint("broken", "broken");
  settle();
  EXPECT_THAT(endpoints(R"({"StatusEquals":"Failed"})"), ElementsAre("broken"));
  EXPECT_THAT(endpoints(R"({"SortBy":"Status","SortOrder":"Ascending"})"),
              ElementsAre("broken", "fine"));
  const Answer listed = done("ListEndpoints", R"({"StatusEquals":"InService"})");
  const json::object& fine = listed.body.at("Endpoints").as_array()[0].as_object();
  EXPECT_EQ(fine.at("LastModifiedTime"), describe("fine").body.at("LastModifiedTime"));
}

TEST_F(Listing, an_endpoint_that_was_deleted_is_listed_until_its_last_instance_has_ended) {
  deploy("mine");
  done("DeleteEndpoint", named("mine"));
  EXPECT_THAT(endpoints(R"({"StatusEquals":"Deleting"})"), ElementsAre("mine"));
  settle();
  EXPECT_THAT(endpoints("{}"), IsEmpty());
}

}  // namespace
}  // namespace slipway::sagemaker

#include "service/sagemaker/test_door.h"

namespace slipway::sagemaker {
namespace {

using testing::HasSubstr;

class Tags : public Door {
 protected:
  Tags() { make_model("Mine"); }

  std::string with(std::string_view members) {
    return fmt::format(R"({{"ResourceArn":"{}",{}}})", arn("model/mine"), members);
  }
  std::string listed(std::string_view members = R"("MaxResults":50)") {
    return json::serialize(done("ListTags", with(members)).body.at("Tags"));
  }
};

TEST_F(Tags, tags_are_given_at_birth_added_replaced_listed_and_taken_away) {
  done("CreateModel", R"({"ModelName":"born","PrimaryContainer":{"Image":"a/b:1"},
                          "Tags":[{"Key":"k","Value":"v"}]})");
  EXPECT_EQ(
      json::serialize(done("ListTags", fmt::format(R"({{"ResourceArn":"{}"}})", arn("model/born")))
                          .body.at("Tags")),
      R"([{"Key":"k","Value":"v"}])");
  EXPECT_EQ(listed(), "[]");
  done("AddTags", with(R"("Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}])"));
  done("AddTags", with(R"("Tags":[{"Key":"a","Value":"3"}])"));
  EXPECT_EQ(listed(), R"([{"Key":"a","Value":"3"},{"Key":"b","Value":"2"}])");
  done("DeleteTags", with(R"("TagKeys":["a","unknown"])"));
  EXPECT_EQ(listed(), R"([{"Key":"b","Value":"2"}])");
}

TEST_F(Tags, a_key_stands_once_and_a_resource_has_at_most_fifty) {
  EXPECT_THAT(
      refused("AddTags", with(R"("Tags":[{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}])")),
      HasSubstr("Duplicate"));
  std::string many;
  for (int i = 0; i < 50; ++i)
    many += fmt::format(R"({}{{"Key":"k{}","Value":""}})", i == 0 ? "" : ",", i);
  done("AddTags", with(fmt::format(R"("Tags":[{}])", many)));
  EXPECT_THAT(refused("AddTags", with(R"("Tags":[{"Key":"one-more","Value":""}])")),
              HasSubstr("50"));
}

TEST_F(Tags, keys_of_aws_are_neither_given_nor_taken_away) {
  EXPECT_EQ(refused("AddTags", with(R"("Tags":[{"Key":"aws:x","Value":"1"}])")),
            "System prefix 'aws:' reserved for AWS usage in tag key: aws:x");
  EXPECT_EQ(refused("DeleteTags", with(R"("TagKeys":["a","aws:x"])")),
            "System prefix 'aws:' reserved for AWS usage in tag key: aws:x");
  EXPECT_EQ(refused("CreateModel", R"({"ModelName":"born","PrimaryContainer":{"Image":"a/b:1"},
                                       "Tags":[{"Key":"aws:x","Value":"v"}]})"),
            "System prefix 'aws:' reserved for AWS usage in tag key: aws:x");
  done("AddTags", with(R"("Tags":[{"Key":"aws","Value":"1"}])"));
}

TEST_F(Tags, tags_of_what_is_not_there_are_refused_and_go_with_what_is_deleted) {
  EXPECT_THAT(refused("ListTags", fmt::format(R"({{"ResourceArn":"{}"}})", arn("model/none"))),
              HasSubstr(arn("model/none")));
  done("AddTags", with(R"("Tags":[{"Key":"a","Value":"1"}])"));
  done("DeleteModel", R"({"ModelName":"Mine"})");
  make_model("Mine");
  EXPECT_EQ(listed(), "[]");
}

TEST_F(Tags, an_endpoint_that_is_leaving_has_no_tags_any_more) {
  deploy("endpoint");
  const std::string query = fmt::format(R"({{"ResourceArn":"{}"}})", arn("endpoint/endpoint"));
  done("ListTags", query);
  done("DeleteEndpoint", named("endpoint"));
  settle();
  EXPECT_EQ(ask("ListTags", query).status, 400);
}

}  // namespace
}  // namespace slipway::sagemaker

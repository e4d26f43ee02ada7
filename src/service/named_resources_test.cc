#include "service/named_resources.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace slipway::service {
namespace {

using By = ResourceQuery::By;
using Order = ResourceQuery::Order;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr ResourceScope boats{"000000000000", "us-east-1", "harbour:boat"};

Timestamp at(int second) { return Timestamp(std::chrono::seconds(second)); }

class NamedResourcesTest : public testing::Test {
 protected:
  template <typename F>
  auto in_change(F work, const ResourceScope& scope = boats) {
    return store_->write([&](store::Transaction& tx) { return work(NamedResources(tx, scope)); });
  }
  Result<> make(std::string_view name, int second, const ResourceScope& scope = boats) {
    const NamedResource resource{
        .name = std::string(name),
        .arn = fmt::format("arn:{}:{}:{}/{}", scope.region, scope.account, scope.type, name),
        .document = "{}",
        .created = at(second)};
    return in_change([&](const NamedResources& all) { return all.create(resource); }, scope);
  }
  ResourcePage page(const ResourceQuery& query, const NamedResources::Keep& keep = {}) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<ResourcePage> {
          return NamedResources(tx, boats).list(query, keep);
        })
        .value();
  }
  static std::vector<std::string> names_of(const ResourcePage& page) {
    std::vector<std::string> names;
    for (const NamedResource& each : page.items) names.push_back(each.name);
    return names;
  }
  std::vector<std::string> names(const ResourceQuery& query) { return names_of(page(query)); }
  // Page after page of one list.
  std::vector<std::string> all_pages(ResourceQuery query) {
    std::vector<std::string> out;
    for (;;) {
      const ResourcePage next = page(query);
      for (const std::string& name : names_of(next)) out.push_back(name);
      if (!next.next) return out;
      query.position = *next.next;
    }
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_ / "store.db", named_resource_migrations()).value();
};

TEST_F(NamedResourcesTest, what_was_created_is_found_until_it_is_erased) {
  ASSERT_TRUE(make("ada", 1));
  const auto found = in_change([](const NamedResources& all) { return all.get("ada"); }).value();
  EXPECT_EQ(found.document, "{}");
  EXPECT_EQ(found.created, at(1));
  EXPECT_EQ(found.modified, at(1));
  EXPECT_TRUE(in_change([](const NamedResources& all) { return all.erase("ada"); }));
  EXPECT_EQ(in_change([](const NamedResources& all) { return all.get("ada"); }).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(in_change([](const NamedResources& all) { return all.erase("ada"); }).error().code,
            ErrorCode::not_found);
}

TEST_F(NamedResourcesTest, what_is_erased_leaves_no_tags_to_the_next_of_its_name) {
  ASSERT_TRUE(make("ada", 1));
  const auto ada = in_change([](const NamedResources& all) { return all.get("ada"); }).value();
  const auto left = store_->write([&](store::Transaction& tx) -> Result<tags::TagList> {
    const tags::TagList given{{"team", "blue"}};
    TRY_DO(tags::put(tx, tagged_by(ada.arn), given, {}));
    TRY_DO(NamedResources(tx, boats).erase("ada"));
    return tags::list(tx, tagged_by(ada.arn));
  });
  EXPECT_EQ(left.value(), tags::TagList{});
}

TEST_F(NamedResourcesTest, a_name_is_taken_once_in_an_account_a_region_and_a_type) {
  ASSERT_TRUE(make("ada", 1));
  EXPECT_EQ(make("ada", 2).error().code, ErrorCode::already_exists);
  EXPECT_TRUE(make("ada", 2, {"000000000000", "us-east-1", "harbour:crane"}));
  EXPECT_TRUE(make("ada", 2, {"000000000000", "eu-west-1", "harbour:boat"}));
  EXPECT_TRUE(make("ada", 2, {"111111111111", "us-east-1", "harbour:boat"}));
  EXPECT_THAT(names({}), ElementsAre("ada"));
}

TEST_F(NamedResourcesTest, an_arn_is_taken_once_by_whatever_type) {
  const NamedResource one{.name = "Ada", .arn = "arn:boat/ada"};
  const NamedResource other{.name = "ada", .arn = "arn:boat/ada"};
  ASSERT_TRUE(in_change([&](const NamedResources& all) { return all.create(one); }));
  EXPECT_EQ(in_change([&](const NamedResources& all) { return all.create(other); }).error().code,
            ErrorCode::already_exists);
  const auto found = store_->read([](store::Transaction& tx) -> Result<std::string> {
    return find_resource(tx, "arn:boat/ada").value().name;
  });
  EXPECT_EQ(found, "Ada");
}

TEST_F(NamedResourcesTest, a_new_document_is_a_modification) {
  ASSERT_TRUE(make("ada", 1));
  ASSERT_TRUE(in_change(
      [](const NamedResources& all) { return all.put_document("ada", R"({"sails":2})", at(7)); }));
  const auto found = in_change([](const NamedResources& all) { return all.get("ada"); }).value();
  EXPECT_EQ(found.document, R"({"sails":2})");
  EXPECT_EQ(found.created, at(1));
  EXPECT_EQ(found.modified, at(7));
  EXPECT_FALSE(
      in_change([](const NamedResources& all) { return all.mark_modified("bob", at(8)); }));
}

TEST_F(NamedResourcesTest, lists_are_ordered_by_name_and_by_creation_and_no_change_moves_one) {
  for (const auto& [name, second] : {std::pair("b", 1), {"c", 2}, {"a", 3}})
    ASSERT_TRUE(make(name, second));
  ASSERT_TRUE(in_change([](const NamedResources& all) { return all.mark_modified("b", at(9)); }));
  EXPECT_THAT(names({}), ElementsAre("a", "c", "b"));
  EXPECT_THAT(names({.order = Order::ascending}), ElementsAre("b", "c", "a"));
  EXPECT_THAT(names({.by = By::name}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(names({.by = By::name, .order = Order::ascending}), ElementsAre("a", "b", "c"));
}

TEST_F(NamedResourcesTest, pages_meet_each_once_in_any_order_also_of_those_made_at_one_instant) {
  for (int i = 0; i < 17; ++i) ASSERT_TRUE(make(fmt::format("n{:02}", i * 7 % 17), i / 5));
  for (const By by : {By::name, By::created})
    for (const Order order : {Order::ascending, Order::descending}) {
      const auto whole = names({.by = by, .order = order, .items_max = 100});
      EXPECT_EQ(whole.size(), 17U);
      for (std::size_t size = 1; size < 19; ++size)
        EXPECT_EQ(all_pages({.by = by, .order = order, .items_max = size}), whole);
    }
}

TEST_F(NamedResourcesTest, filters_hold_in_any_order_and_over_pages) {
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(make(fmt::format("{}-{:02}", i % 2 == 0 ? "cat" : "dog", i), i));
  for (const By by : {By::name, By::created})
    for (const Order order : {Order::ascending, Order::descending}) {
      auto found = all_pages({.by = by,
                              .order = order,
                              .items_max = 1,
                              .name_contains = "cat",
                              .created_after = at(2),
                              .created_before = at(10),
                              .modified_after = at(3),
                              .modified_before = at(9)});
      std::ranges::sort(found);
      EXPECT_THAT(found, ElementsAre("cat-04", "cat-06", "cat-08"));
    }
  EXPECT_THAT(names({.name_contains = "%"}), IsEmpty());
}

TEST_F(NamedResourcesTest, what_is_not_kept_does_not_shorten_the_page) {
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(make(fmt::format("n{}", i), i));
  const auto keep = [](NamedResource& each) {
    each.document = "seen";
    return each.name != "n7" && each.name != "n5";
  };
  const ResourcePage first = page({.items_max = 3}, keep);
  EXPECT_THAT(names_of(first), ElementsAre("n8", "n6", "n4"));
  EXPECT_EQ(first.items.front().document, "seen");
  EXPECT_THAT(names_of(page({.position = *first.next, .items_max = 3}, keep)),
              ElementsAre("n3", "n2", "n1"));
}

TEST_F(NamedResourcesTest, a_position_that_nobody_gave_is_the_first_page_or_another) {
  ASSERT_TRUE(make("a", 1));
  EXPECT_THAT(names({.position = "nonsense"}), ElementsAre("a"));
}

// From the page's start to its end, wherever it lies: nothing before it is read, nothing is sorted.
TEST_F(NamedResourcesTest, a_page_is_one_range_of_an_index) {
  const auto plan_of = [&](const ResourceQuery& query) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::string> {
          std::string out;
          auto rows = tx.query("EXPLAIN QUERY PLAN " + NamedResources::sql_of(query));
          while (rows.next()) out.append(rows.text(3)).append(";");
          return out;
        })
        .value();
  };
  const auto search = [](std::string_view index, std::string_view range) {
    return fmt::format("SEARCH named_resource USING {} (type=? AND account=? AND region=? AND {});",
                       index, range);
  };
  const auto up = Order::ascending;
  EXPECT_EQ(plan_of({.by = By::name}), search("PRIMARY KEY", "name<?"));
  EXPECT_EQ(plan_of({.by = By::name, .order = up}), search("PRIMARY KEY", "name>?"));
  EXPECT_EQ(plan_of({.by = By::created}),
            search("INDEX named_resource_created", "created_us>? AND (created_us,name)<(?,?)"));
  EXPECT_EQ(plan_of({.by = By::created, .order = up}),
            search("INDEX named_resource_created", "(created_us,name)>(?,?) AND created_us<?"));
}

}  // namespace
}  // namespace slipway::service

#include "engine/tags/tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace slipway::tags {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Rule = Violation::Rule;

const TaggedThing boat{"000000000000", "us-east-1", "boat/ada"};
constexpr Rules any_case{.key_case = Rules::Case::ignored};

class TagsTest : public testing::Test {
 protected:
  Result<> change(auto work) {
    return store_->write([&](store::Transaction& tx) -> Result<> { return work(tx); });
  }
  Result<> put(const TagList& given, const Rules& rules = {}, const TaggedThing& thing = boat) {
    return change([&](store::Transaction& tx) { return tags::put(tx, thing, given, rules); });
  }
  Result<> erase(const std::vector<std::string>& keys, const Rules& rules = {}) {
    return change([&](store::Transaction& tx) -> Result<> {
      tags::erase(tx, boat, keys, rules);
      return {};
    });
  }
  TagList read(auto look) {
    return store_->read([&](store::Transaction& tx) -> Result<TagList> { return look(tx); })
        .value();
  }
  TagList tags_of(const TaggedThing& thing) {
    return read([&](store::Transaction& tx) { return list(tx, thing); });
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_ / "store.db", std::span(&table, 1)).value();
};

TagList numbered(std::size_t count) {
  TagList out;
  for (std::size_t i = 0; i < count; ++i) out.emplace_back(std::to_string(i), "");
  return out;
}

TEST_F(TagsTest, tags_are_added_replaced_and_taken_away) {
  ASSERT_TRUE(put({{"team", "blue"}, {"cost", "7"}}));
  ASSERT_TRUE(put({{"team", "red"}, {"Team", "green"}}));
  EXPECT_THAT(tags_of(boat),
              ElementsAre(Pair("Team", "green"), Pair("cost", "7"), Pair("team", "red")));
  ASSERT_TRUE(erase({"team", "nothing"}));
  EXPECT_THAT(tags_of(boat), ElementsAre(Pair("Team", "green"), Pair("cost", "7")));
}

TEST_F(TagsTest, keys_of_any_case_are_one_where_the_rules_say_so) {
  ASSERT_TRUE(put({{"team", "blue"}}, any_case));
  ASSERT_TRUE(put({{"TEAM", "red"}}, any_case));
  EXPECT_THAT(tags_of(boat), ElementsAre(Pair("TEAM", "red")));
  ASSERT_TRUE(erase({"Team"}, any_case));
  EXPECT_THAT(tags_of(boat), IsEmpty());
}

TEST_F(TagsTest, they_come_in_the_order_of_keys_or_in_that_of_giving_and_in_pages) {
  ASSERT_TRUE(put({{"c", "1"}, {"a", "2"}, {"b", "3"}}));
  ASSERT_TRUE(put({{"c", "4"}, {"0", "5"}}));
  EXPECT_THAT(read([](auto& tx) { return list_as_given(tx, boat); }),
              ElementsAre(Pair("c", "4"), Pair("a", "2"), Pair("b", "3"), Pair("0", "5")));
  EXPECT_THAT(read([](auto& tx) { return list(tx, boat, "", 2); }),
              ElementsAre(Pair("0", "5"), Pair("a", "2")));
  EXPECT_THAT(read([](auto& tx) { return list(tx, boat, "a", 2); }),
              ElementsAre(Pair("b", "3"), Pair("c", "4")));
}

TEST_F(TagsTest, a_thing_has_no_more_than_the_rules_allow) {
  EXPECT_TRUE(put(numbered(50)));
  EXPECT_TRUE(put({{"7", "new"}}));
  const auto refused = put({{"more", ""}});
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(refused.error().kind, "too_many_tags");
  EXPECT_EQ(tags_of(boat).size(), 50U);
}

TEST_F(TagsTest, replacing_leaves_nothing_of_what_was) {
  ASSERT_TRUE(put(numbered(50)));
  ASSERT_TRUE(
      change([](auto& tx) { return replace(tx, boat, TagList{{"b", "1"}, {"a", "2"}}, Rules{}); }));
  EXPECT_THAT(read([](auto& tx) { return list_as_given(tx, boat); }),
              ElementsAre(Pair("b", "1"), Pair("a", "2")));
}

TEST_F(TagsTest, things_of_other_accounts_regions_and_names_have_their_own) {
  ASSERT_TRUE(put({{"team", "blue"}}));
  for (const TaggedThing& other : {TaggedThing{"111111111111", "us-east-1", "boat/ada"},
                                   TaggedThing{"000000000000", "", "boat/ada"},
                                   TaggedThing{"000000000000", "us-east-1", "boat/bob"}}) {
    EXPECT_THAT(tags_of(other), IsEmpty());
    ASSERT_TRUE(put({{"team", "red"}}, {}, other));
  }
  ASSERT_TRUE(change([](auto& tx) -> Result<> {
    erase_all(tx, {"000000000000", "us-east-1", "boat/bob"});
    move(tx, boat, {"000000000000", "us-east-1", "boat/bob"});
    return {};
  }));
  EXPECT_THAT(tags_of(boat), IsEmpty());
  EXPECT_THAT(tags_of({"000000000000", "us-east-1", "boat/bob"}),
              ElementsAre(Pair("team", "blue")));
}

TEST(TagRules, the_first_tag_that_breaks_one_is_told) {
  const auto broken = [](const TagList& given, const Rules& rules) {
    const auto found = find_violation(given, rules);
    return found ? std::optional(found->rule) : std::nullopt;
  };
  const Rules plain{.letters = Rules::Letters::plain, .reserved_prefix = "aws:"};
  EXPECT_EQ(broken({{"a", ""}, {"A", "v"}}, {}), std::nullopt);
  EXPECT_EQ(broken({{"a", ""}, {"A", "v"}}, any_case), Rule::repeated_key);
  EXPECT_EQ(broken({{"a", ""}, {"a", ""}}, {}), Rule::repeated_key);
  EXPECT_EQ(broken({{"", ""}}, {}), Rule::bad_key);
  EXPECT_EQ(broken({{std::string(129, 'k'), ""}}, {}), Rule::bad_key);
  EXPECT_EQ(broken({{"k", std::string(257, 'v')}}, {}), Rule::bad_value);
  EXPECT_EQ(broken({{"aws:k", ""}}, {}), std::nullopt);
  EXPECT_EQ(broken({{"aws:k", ""}}, plain), Rule::reserved_key);
  EXPECT_EQ(broken({{"k", "v!"}}, {}), std::nullopt);
  EXPECT_EQ(broken({{"k", "v!"}}, plain), Rule::bad_value);
  EXPECT_EQ(broken({{"größe: +-=._/@", "naïve"}}, plain), std::nullopt);
}

TEST(TagRules, lengths_count_bytes_or_characters) {
  TagList wide{{"k", {}}};
  for (int i = 0; i < 200; ++i) wide[0].second += "ü";
  EXPECT_FALSE(find_violation(wide, {}));
  const auto found = find_violation(wide, {.unit = Rules::Unit::bytes});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rule, Rule::bad_value);
  EXPECT_EQ(found->tag.first, "k");
}

}  // namespace
}  // namespace slipway::tags

#include "service/paging.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "gen/sagemaker.h"
#include "gen/sns.h"

namespace slipway::service {
namespace {

namespace api = aws::sagemaker;

class PagingTest : public testing::Test {
 protected:
  api::ListModelsInput models() {
    return api::ListModelsInput(arena_).NameContains("cat").SortBy("Name");
  }

  wire::Arena arena_;
  const Caller caller_{
      {identity::Principal::Kind::root, "000000000000", "arn:root", "000000000000"},
      "AKIA",
      "us-east-1"};
  const std::string token_ = PageTokens(caller_, models()).token_behind("cat-7");
};

TEST_F(PagingTest, a_token_gives_back_its_position) {
  EXPECT_EQ(PageTokens(caller_, models()).position_in(token_), "cat-7");
}

TEST_F(PagingTest, a_page_without_a_token_is_the_first) {
  EXPECT_EQ(PageTokens(caller_, models()).position_in(std::nullopt), "");
  EXPECT_EQ(PageTokens(caller_, models()).position_in(unless_empty("")), "");
  EXPECT_FALSE(PageTokens(caller_, models()).position_in(""));
}

TEST_F(PagingTest, a_token_is_little_longer_than_its_position) {
  EXPECT_LE(token_.size(), 12 + 8U);
}

TEST_F(PagingTest, a_token_is_good_for_pages_of_another_size_and_stands_beside_itself) {
  EXPECT_EQ(PageTokens(caller_, models().MaxResults(3).NextToken(token_)).position_in(token_),
            "cat-7");
}

TEST_F(PagingTest, what_is_given_as_nothing_is_as_if_it_were_not_given) {
  const auto given = api::ListModelsInput(arena_).NameContains("");
  const std::string token = PageTokens(caller_, given).token_behind("a");
  EXPECT_EQ(PageTokens(caller_, api::ListModelsInput(arena_)).position_in(token), "a");
}

TEST_F(PagingTest, a_token_of_another_filter_or_order_is_refused) {
  EXPECT_FALSE(PageTokens(caller_, models().NameContains("dog")).position_in(token_));
  EXPECT_FALSE(PageTokens(caller_, models().SortOrder("Descending")).position_in(token_));
  EXPECT_FALSE(PageTokens(caller_, models().CreationTimeAfter(Timestamp{})).position_in(token_));
}

TEST_F(PagingTest, a_token_of_another_operation_is_refused) {
  const auto configs = api::ListEndpointConfigsInput(arena_).NameContains("cat").SortBy("Name");
  EXPECT_FALSE(PageTokens(caller_, configs).position_in(token_));
  const std::string topics =
      PageTokens(caller_, aws::sns::ListTopicsInput(arena_)).token_behind("t");
  EXPECT_FALSE(PageTokens(caller_, aws::sns::ListSubscriptionsInput(arena_)).position_in(topics));
}

TEST_F(PagingTest, a_token_of_another_account_or_region_is_refused) {
  Caller other = caller_;
  other.region = "eu-west-1";
  EXPECT_FALSE(PageTokens(other, models()).position_in(token_));
  other = caller_;
  other.principal.account = "111111111111";
  EXPECT_FALSE(PageTokens(other, models()).position_in(token_));
}

TEST_F(PagingTest, a_token_that_was_changed_or_made_up_is_refused) {
  const PageTokens tokens(caller_, models());
  for (std::size_t i = 0; i < token_.size(); ++i) {
    std::string changed = token_;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(tokens.position_in(changed)) << changed;
    EXPECT_FALSE(tokens.position_in(token_.substr(0, i == 0 ? 1 : i)));
  }
  for (const std::string& made_up :
       {to_base64("cat-7"), std::string("cat-7"), std::string(8193, 'A'), token_ + "="})
    EXPECT_FALSE(tokens.position_in(made_up)) << made_up;
}

}  // namespace
}  // namespace slipway::service

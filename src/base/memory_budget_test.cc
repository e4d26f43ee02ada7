#include "base/memory_budget.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(MemoryBudget, what_is_claimed_has_half_and_leaves_the_rest_to_what_is_proven) {
  const auto budget = std::make_shared<MemoryBudget>(800);
  auto a = budget->open("a", Standing::claimed);
  auto b = budget->open("b", Standing::claimed);
  auto c = budget->open("c", Standing::claimed);
  EXPECT_TRUE(a.grow_to(200));
  EXPECT_TRUE(b.grow_to(200));
  EXPECT_FALSE(c.grow_to(1));
  auto known = budget->open("a", Standing::proven);
  EXPECT_TRUE(known.grow_to(400));
}

TEST(MemoryBudget, one_owner_has_at_most_half_and_the_next_finds_room) {
  const auto budget = std::make_shared<MemoryBudget>(800);
  auto greedy = budget->open("greedy", Standing::proven);
  auto more = budget->open("greedy", Standing::proven);
  EXPECT_TRUE(greedy.grow_to(300));
  EXPECT_FALSE(more.grow_to(101));
  EXPECT_TRUE(more.grow_to(100));
  auto other = budget->open("other", Standing::proven);
  EXPECT_TRUE(other.grow_to(400));
  EXPECT_EQ(budget->held(), 800U);
}

TEST(MemoryBudget, what_has_several_owners_counts_for_each) {
  const auto budget = std::make_shared<MemoryBudget>(800);
  std::vector<MemoryBudget::Share> flood;
  for (int i = 0; i < 10; ++i) {
    flood.push_back(budget->open({"key", "network " + std::to_string(i)}, Standing::claimed));
    EXPECT_EQ(flood.back().grow_to(50), i < 4) << "one key, however many networks";
  }
  auto other_key = budget->open(MemoryBudget::Owners{"other key", "network 20"}, Standing::claimed);
  EXPECT_TRUE(other_key.grow_to(200));
  flood.clear();
  other_key.release();
  EXPECT_EQ(budget->held(), 0U);
  for (int i = 0; i < 10; ++i) {
    flood.push_back(budget->open({"key " + std::to_string(i), "network"}, Standing::claimed));
    EXPECT_EQ(flood.back().grow_to(50), i < 4) << "one network, however many keys";
  }
}

TEST(MemoryBudget, what_was_held_is_given_back_when_the_share_goes) {
  const auto budget = std::make_shared<MemoryBudget>(800);
  {
    auto share = budget->open("a", Standing::claimed);
    EXPECT_TRUE(share.grow_to(60));
    MemoryBudget::Share moved = std::move(share);
    EXPECT_TRUE(moved.grow_to(100));
    EXPECT_EQ(budget->held(), 100U);
  }
  EXPECT_EQ(budget->held(), 0U);
}

TEST(MemoryBudget, a_share_of_no_budget_takes_what_it_likes) {
  MemoryBudget::Share share;
  EXPECT_TRUE(share.grow_to(1ULL << 40));
}

TEST(MemoryBudget, the_machine_has_memory) { EXPECT_GT(machine_memory_bytes(), 64ULL << 20); }

}  // namespace
}  // namespace slipway

#include "engine/fleet/placement.h"

#include <gtest/gtest.h>

#include <random>

namespace slipway::fleet {
namespace {

using Slots = std::vector<std::uint32_t>;

constexpr Resources machine{.cpus = 4, .memory_mib = 16384, .accelerators = 1};

Claim claim(double cpus, std::uint64_t memory_mib, std::uint32_t wanted) {
  return {.each = {.cpus = cpus, .memory_mib = memory_mib}, .wanted = wanted, .slots = {}};
}

std::vector<Claim> placed(std::uint32_t machines, std::vector<Claim> claims) {
  place({.each = machine, .count = machines}, claims);
  return claims;
}

TEST(Placement, a_copy_needs_its_cpus_its_memory_and_its_accelerators_on_one_machine) {
  EXPECT_EQ(placed(2, {claim(3, 100, 2)})[0].slots, (Slots{0, 1}));
  EXPECT_EQ(placed(2, {claim(3, 100, 3)})[0].slots.size(), 2U) << "2 x 1 free CPU is no room for 3";
  EXPECT_EQ(placed(2, {claim(0.25, 16384, 3)})[0].slots.size(), 2U);
  EXPECT_EQ(placed(2, {claim(0.25, 16385, 1)})[0].slots.size(), 0U);
  Claim accelerated = claim(1, 100, 3);
  accelerated.each.accelerators = 1;
  EXPECT_EQ(placed(2, {accelerated})[0].slots, (Slots{0, 1}));
}

TEST(Placement, exactly_what_fits_fits_also_in_fractions) {
  EXPECT_EQ(placed(1, {claim(0.1, 1, 40)})[0].slots.size(), 40U);
  EXPECT_EQ(placed(1, {claim(0.1, 1, 41)})[0].slots.size(), 40U);
}

TEST(Placement, copies_are_packed_or_spread) {
  EXPECT_EQ(placed(3, {claim(1, 100, 3)})[0].slots, (Slots{0, 0, 0}));
  Claim spread = claim(1, 100, 4);
  spread.spread = Spread::evenly;
  EXPECT_EQ(placed(3, {spread})[0].slots, (Slots{0, 1, 2, 0}));
}

TEST(Placement, one_that_starts_is_placed_whole_or_not_at_all_and_leaves_its_room_to_others) {
  Claim whole = claim(2, 100, 3);
  whole.start = Claim::Start::whole_or_none;
  const auto claims = placed(1, {whole, claim(2, 100, 2)});
  EXPECT_TRUE(claims[0].slots.empty());
  EXPECT_EQ(claims[1].slots, (Slots{0, 0}));
  whole.slots = {0};  // it is there already: what fits is taken
  EXPECT_EQ(placed(1, {whole})[0].slots, (Slots{0, 0}));
}

TEST(Placement, what_one_has_is_not_taken_by_another_that_grows) {
  std::vector<Claim> claims = placed(1, {claim(1, 100, 2), claim(1, 100, 2)});
  claims[0].wanted = 4;
  claims = placed(1, std::move(claims));
  EXPECT_EQ(claims[0].slots.size(), 2U);
  EXPECT_EQ(claims[1].slots.size(), 2U);
}

TEST(Placement, copies_of_machines_that_went_move_to_those_that_stay) {
  std::vector<Claim> claims = placed(2, {claim(4, 100, 2)});
  ASSERT_EQ(claims[0].slots, (Slots{0, 1}));
  claims.push_back(claim(1, 100, 1));
  claims = placed(1, std::move(claims));
  EXPECT_EQ(claims[0].slots, (Slots{0}));
  EXPECT_TRUE(claims[1].slots.empty());
  claims = placed(3, std::move(claims));
  EXPECT_EQ(claims[0].slots, (Slots{0, 1}));
  EXPECT_EQ(claims[1].slots, (Slots{2}));
}

TEST(Placement, a_copy_that_takes_more_than_before_loses_its_place_where_that_is_not_there) {
  std::vector<Claim> claims = placed(2, {claim(2, 100, 1), claim(2, 100, 1)});
  claims[0].each.cpus = 3;
  claims = placed(2, std::move(claims));
  EXPECT_EQ(claims[0].slots, (Slots{0})) << "earlier claims keep first";
  EXPECT_EQ(claims[1].slots, (Slots{1}));
}

TEST(Placement, no_machine_is_ever_given_away_twice_and_asking_again_changes_nothing) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 chance(seed);
    const auto below = [&](unsigned bound) { return static_cast<std::uint32_t>(chance() % bound); };
    std::vector<Claim> claims;
    for (unsigned step = 0; step < 30; ++step) {
      if (claims.empty() || below(3) == 0) {
        claims.push_back(claim(0.25 * (1 + below(12)), 128 * (1 + below(64)), below(5)));
        claims.back().spread = below(2) == 0 ? Spread::pack : Spread::evenly;
      } else if (below(4) == 0) {
        claims.erase(claims.begin() + below(static_cast<unsigned>(claims.size())));
      } else {
        claims[below(static_cast<unsigned>(claims.size()))].wanted = below(6);
      }
      const std::uint32_t machines = 1 + below(4);
      claims = placed(machines, std::move(claims));
      std::vector<Resources> used(machines);
      for (const Claim& each : claims) {
        ASSERT_LE(each.slots.size(), each.wanted);
        for (const std::uint32_t slot : each.slots) {
          ASSERT_LT(slot, machines) << "seed " << seed;
          used[slot].cpus += each.each.cpus;
          used[slot].memory_mib += each.each.memory_mib;
        }
      }
      for (const Resources& sum : used) {
        ASSERT_LE(sum.cpus, machine.cpus + 1e-6) << "seed " << seed;
        ASSERT_LE(sum.memory_mib, machine.memory_mib) << "seed " << seed;
      }
      const std::vector<Claim> again = placed(machines, claims);
      for (std::size_t i = 0; i < claims.size(); ++i)
        ASSERT_EQ(again[i].slots, claims[i].slots) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace slipway::fleet

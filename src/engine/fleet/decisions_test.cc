#include "engine/fleet/decisions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;

InstanceRecord instance(std::uint64_t ordinal, Generation generation, Phase phase) {
  return {.ordinal = ordinal, .generation = generation, .variant = "all", .phase = phase};
}

TEST(DecisionsTest, a_change_of_generations_is_told_step_by_step_with_its_cause) {
  FleetRecord before{.shares = {{1, 1.0}}};
  before.generations[1] = {};
  before.instances = {instance(1, 1, Phase::healthy)};
  FleetRow after{.wanted = 2, .record = before};
  after.record.generations[2].variants["all"].content = "digest";
  after.record.instances.push_back(instance(2, 2, Phase::starting));
  using Sentences = std::vector<std::string>;
  EXPECT_EQ(decisions_of(before, after, {}),
            (Sentences{"Generation 2 is wanted, and is brought up beside generation 1.",
                       "The model of variant 'all' (generation 2) is on the disk.",
                       "Instance 2 of variant 'all' (generation 2) is started; its first good "
                       "answer to the health check is waited for."}));

  FleetRow served = after;
  served.record.shares = {{2, 1.0}};
  served.record.instances = {instance(1, 1, Phase::draining), instance(2, 2, Phase::healthy)};
  EXPECT_EQ(
      decisions_of(after.record, served, {}),
      (Sentences{"Instance 1 of variant 'all' (generation 1) gets no further requests; those "
                 "under way are waited for. Another generation serves in its place.",
                 "Instance 2 of variant 'all' (generation 2) answered the health check and is "
                 "healthy.",
                 "Generation 2 serves: all of its instances are healthy."}));
  EXPECT_TRUE(decisions_of(served.record, served, {}).empty()) << "nothing was decided";
}

TEST(DecisionsTest, a_failure_says_why) {
  FleetRecord before;
  before.generations[3].variants["all"] = {};
  before.instances = {instance(1, 3, Phase::starting)};
  FleetRow after{.wanted = 3, .record = before};
  after.record.generations[3].variants["all"].failures = 1;
  after.record.failed = 3;
  after.record.reason = "it exited with status 1";
  after.record.instances = {instance(1, 3, Phase::ended)};
  const auto told = decisions_of(before, after, {{{3, "all"}, "The instance exited."}});
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[1],
            "Instance 1 of variant 'all' (generation 3) ended unasked. The instance exited.");
  EXPECT_EQ(told[2], "Generation 3 is given up: it exited with status 1");
}

TEST(DecisionBookTest, it_keeps_the_last_of_each_fleet_and_the_fleets_noted_last) {
  DecisionBook book;
  EXPECT_TRUE(book.below({"1/r/a"}).empty());
  for (std::size_t i = 0; i < decisions_kept_max + 5; ++i)
    book.note({"1/r/a"}, Timestamp(std::chrono::seconds(i)), {fmt::format("{}", i)});
  auto known = book.below({"1/r/a"});
  ASSERT_EQ(known.size(), 1U);
  EXPECT_EQ(known[0].decisions.size(), decisions_kept_max);
  EXPECT_EQ(known[0].decisions.front().text, "5");
  EXPECT_EQ(known[0].decisions.back().at, Timestamp(std::chrono::seconds(decisions_kept_max + 4)));
  for (std::size_t i = 0; i < fleets_with_decisions_max; ++i)
    book.note({fmt::format("2/{}", i)}, {}, {"x"});
  EXPECT_TRUE(book.below({"1/r/a"}).empty()) << "others were noted since";
  EXPECT_EQ(book.below({"2/0"}).size(), 1U);
}

TEST(DecisionBookTest, a_fleets_parts_are_found_with_it_and_others_are_not) {
  DecisionBook book;
  for (const char* id : {"1/r/a", "1/r/a:part", "1/r/a/transform", "1/r/ab", "1/r/a-b"})
    book.note({id}, {}, {"x"});
  std::vector<std::string> ids;
  for (const auto& each : book.below({"1/r/a"})) ids.push_back(each.id.text);
  EXPECT_EQ(ids, (std::vector<std::string>{"1/r/a", "1/r/a/transform", "1/r/a:part"}));
}

TEST(DecisionBookTest, a_long_sentence_is_cut_where_a_character_begins) {
  DecisionBook book;
  std::string text(decision_bytes_max - 1, 'x');
  text += "\xc3\xa4 and more";
  book.note({"f"}, {}, {text});
  const std::string kept = book.below({"f"})[0].decisions[0].text;
  EXPECT_EQ(kept, std::string(decision_bytes_max - 1, 'x') + " ...");
}

}  // namespace
}  // namespace slipway::fleet

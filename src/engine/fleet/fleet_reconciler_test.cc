#include "engine/fleet/fleet_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/test_folder.h"
#include "engine/fleet/observed_fleet.h"
#include "engine/fleet/record.h"
#include "engine/fleet/simulation.h"
#include "engine/fleet/test_store.h"

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

FleetOptions options() {
  FleetOptions options;
  options.built_ins["model"] = {.argv = {"/bin/model"}, .environment = {}};
  options.built_ins["python"] = {.argv = {"/bin/python-model"},
                                 .environment = {},
                                 .packages = environments::EnvironmentFlags{.environment = "--at"}};
  return options;
}

Variant variant(std::string name, std::uint32_t instances, std::string fault = "") {
  Variant variant{
      .name = std::move(name), .weight = 1, .serving = SingleModel{.instances = instances}};
  variant.program.built_in = "model";
  variant.program.model = artifacts::Artifact{.uri = "s3://bucket/model.tar.gz"};
  if (!fault.empty()) variant.program.environment["FAULT"] = fault;
  return variant;
}

class FleetReconcilerTest : public testing::Test {
 protected:
  FleetReconcilerTest() {
    world_.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
    world_.machine().set_faults_for("FAULT=silent", {.never_healthy = 1});
    world_.machine().set_faults_for("FAULT=start", {.start_fails = 1});
    world_.machine().set_faults_for("FAULT=fetch", {.prepares = 1});
  }

  template <typename F>
  auto write(F&& change) {
    return store_->write([&](store::Transaction& tx) { return change(world_.fleets(), tx); });
  }
  void put(std::vector<Variant> variants) {
    const auto put = write([&](Fleets& fleets, store::Transaction& tx) {
      return fleets.put_plan(tx, id_, {.variants = variants});
    });
    ASSERT_TRUE(put) << put.error().message;
  }
  // A new generation whose traffic is shifted in steps.
  void put_steered(std::vector<Variant> variants, const Shares& shares) {
    const auto put = write([&](Fleets& fleets, store::Transaction& tx) -> Result<> {
      TRY_DO(fleets.put_plan(tx, id_, {.variants = variants}));
      return fleets.set_shares(tx, id_, shares);
    });
    ASSERT_TRUE(put) << put.error().message;
  }
  Result<> share_out(const Shares& shares) {
    return write(
        [&](Fleets& fleets, store::Transaction& tx) { return fleets.set_shares(tx, id_, shares); });
  }
  Result<> give_up(Generation generation, std::string_view reason) {
    return write([&](Fleets& fleets, store::Transaction& tx) {
      return fleets.give_up(tx, id_, generation, reason);
    });
  }
  Result<> scale(Generation generation, std::uint32_t instances) {
    const VariantChange change{.name = "main", .weight = {}, .instances = instances};
    return write([&](Fleets& fleets, store::Transaction& tx) {
      return fleets.set_weights_and_counts(tx, id_, generation, {&change, 1});
    });
  }
  Shares routed_shares() {
    Shares shares;
    for (const routing::FleetRoute::Leg& leg : world_.fleet_route(id_)->legs)
      shares[leg.route->generation] = leg.share;
    return shares;
  }
  static Variant with_packages(std::uint32_t instances) {
    Variant made = variant("main", instances);
    made.program.built_in = "python";
    return made;
  }
  FleetStatus status() { return world_.status(id_); }
  std::size_t routed() {
    const auto route = world_.route(id_);
    std::size_t count = 0;
    if (route)
      for (const routing::VariantRoute& to : route->variants) count += to.instances.size();
    return count;
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ = open_test_store(folder_.path());
  Simulation world_{*store_, 1, options()};
  const FleetId id_{"000000000000/us-east-1/a"};
};

TEST_F(FleetReconcilerTest, ANewFleetIsCreatingThenReadyAndRoutedWithEveryInstance) {
  EXPECT_EQ(status().state, FleetState::gone);
  put({variant("main", 2), variant("other", 1)});
  EXPECT_EQ(status().state, FleetState::creating);
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(status().variants[0].instances_current, 2U);
  EXPECT_EQ(routed(), 3U);
  EXPECT_EQ(world_.machine().running(), 3U);
}

TEST_F(FleetReconcilerTest, InstancesAreGivenTheirEnvironmentToReadAndRunAlsoAfterACrash) {
  put({with_packages(2)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  world_.crash_and_restart();
  put({with_packages(3)});
  world_.run(1min);
  EXPECT_EQ(world_.machine().running(), 3U);
  for (const auto& [key, instance] : world_.machine().instances()) {
    const place::InstanceSpec& spec = instance.spec;
    const std::string directory = "/simulated/environments/packages";
    EXPECT_THAT(spec.argv, testing::IsSupersetOf({std::string("--at"), directory}));
    const auto mount = std::ranges::find(spec.mounts, directory, &place::Mount::host_path);
    ASSERT_NE(mount, spec.mounts.end());
    EXPECT_EQ(mount->access, place::Mount::Access::read_only);
  }
  const auto used =
      store_->read([](store::Transaction& tx) -> Result<Used> { return used_by_fleets(tx); });
  EXPECT_THAT(used->environments, testing::ElementsAre("packages"));
}

TEST_F(FleetReconcilerTest, PackagesThatCannotBeInstalledFailTheGenerationBeforeAnyInstanceStarts) {
  world_.set_environments_fail(true);
  put({with_packages(1)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_THAT(status().reason, HasSubstr("The environment of variant 'main' cannot be made: "
                                         "There is no package of that name."));
  EXPECT_TRUE(world_.machine().instances().empty());
}

TEST_F(FleetReconcilerTest, AFleetWhoseProgramDiesFailsAndSaysWhyWithTheLastLogLines) {
  put({variant("main", 1, "dies")});
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_THAT(status().reason, HasSubstr("'main'"));
  EXPECT_THAT(status().reason, HasSubstr("exited with status 1"));
  EXPECT_THAT(status().reason, HasSubstr("simulated instance fleet/"));
  EXPECT_EQ(world_.machine().running(), 0U);
  EXPECT_EQ(world_.machine().starts().size(), 3U);
}

TEST_F(FleetReconcilerTest, AProgramThatNeverAnswersFailsAtItsStartupTimeout) {
  put({variant("main", 1, "silent")});
  world_.run(7min);
  EXPECT_EQ(status().state, FleetState::creating);
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_THAT(status().reason, HasSubstr("within 480 s"));
  EXPECT_EQ(world_.machine().running(), 0U);
}

TEST_F(FleetReconcilerTest, AnArtifactThatIsNotThereIsTheReason) {
  world_.set_fetch_fails(1);
  put({variant("main", 1)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_THAT(status().reason, HasSubstr("s3://bucket/model.tar.gz"));
  EXPECT_TRUE(world_.machine().starts().empty());
}

TEST_F(FleetReconcilerTest, AnArtifactThatItsReaderMayNotReadIsTheReason) {
  world_.unreadable() = {"s3://bucket/model.tar.gz"};
  put({variant("main", 1)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_EQ(status().reason, "s3://bucket/model.tar.gz is closed.");
  EXPECT_TRUE(world_.machine().starts().empty());
}

TEST_F(FleetReconcilerTest, ARightThatIsTakenAwayStopsTheInstancesThatWouldCome) {
  put({variant("main", 1)});
  world_.run(1min);
  ASSERT_EQ(status().state, FleetState::ready);
  world_.unreadable() = {"s3://bucket/model.tar.gz"};
  const std::vector<VariantChange> more{{.name = "main", .weight = {}, .instances = 3}};
  ASSERT_TRUE(write([&](Fleets& fleets, store::Transaction& tx) {
    return fleets.set_weights_and_counts(tx, id_, more);
  }));
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::update_failed);
  EXPECT_EQ(status().reason, "s3://bucket/model.tar.gz is closed.");
  EXPECT_EQ(world_.machine().running(), 1U);
  EXPECT_EQ(routed(), 1U) << "what runs serves on";
  world_.unreadable().clear();
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(world_.machine().running(), 3U);
}

TEST_F(FleetReconcilerTest, CodeThatDoesNotComeWithTheModelIsFetchedAndItsVariableSaysWhereItLies) {
  Variant with_code = variant("main", 1);
  with_code.program.environment["CODE_DIR"] = "s3://bucket/code.tar.gz";
  with_code.program.code = Code{{.uri = "s3://bucket/code.tar.gz"}, "CODE_DIR"};
  put({with_code});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  ASSERT_EQ(world_.machine().instances().size(), 1U);
  const place::InstanceSpec& spec = world_.machine().instances().begin()->second.spec;
  EXPECT_EQ(spec.environment.at("CODE_DIR"), "/simulated/artifacts/content");
  EXPECT_EQ(spec.mounts.size(), 2U);
}

TEST_F(FleetReconcilerTest, CodeThatIsNotThereIsTheReason) {
  Variant with_code = variant("main", 1);
  with_code.program.model.reset();
  with_code.program.code = Code{{.uri = "s3://bucket/code.tar.gz"}, "CODE_DIR"};
  world_.set_fetch_fails(1);
  put({with_code});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_THAT(status().reason, HasSubstr("The code s3://bucket/code.tar.gz of variant 'main'"));
}

TEST_F(FleetReconcilerTest, AnImageThatThisServerDoesNotHaveIsTheReason) {
  Variant unknown = variant("main", 1);
  unknown.program.built_in = "nobody-knows";
  put({unknown});
  world_.run(1min);
  EXPECT_THAT(status().reason, HasSubstr("'nobody-knows'"));
}

TEST_F(FleetReconcilerTest, AnUpdateServesTheOldUntilAllOfTheNewIsHealthyThenEndsTheOld) {
  put({variant("main", 2)});
  world_.run(1min);
  put({variant("main", 3)});
  EXPECT_EQ(status().state, FleetState::updating);
  world_.run(1min, [&] {
    const auto route = world_.route(id_);
    ASSERT_EQ(route->variants[0].instances.size(), route->generation == 1 ? 2U : 3U);
  });
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(status().serving(), 2U);
  EXPECT_EQ(world_.machine().running(), 3U);
}

TEST_F(FleetReconcilerTest, WhoShiftsTrafficInStepsGivesEachGenerationItsShare) {
  put({variant("main", 2)});
  world_.run(1min);
  put_steered({variant("main", 3)}, {{1, 1.0}});
  EXPECT_EQ(status().state, FleetState::updating);
  EXPECT_EQ(share_out({{1, 0.5}, {2, 0.5}}).error().kind, "not_up");
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::updating) << "nobody has given it anything yet";
  EXPECT_TRUE(status().wanted_came_up);
  EXPECT_EQ(routed_shares(), (Shares{{1, 1.0}}));
  EXPECT_EQ(world_.machine().running(), 5U);

  ASSERT_TRUE(share_out({{1, 0.75}, {2, 0.25}}));
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::updating);
  EXPECT_EQ(routed_shares(), (Shares{{1, 0.75}, {2, 0.25}}));
  const VariantStatus main = status().variants.at(0);
  EXPECT_EQ(main.instances_current, 5U);
  ASSERT_EQ(main.generations.size(), 2U);
  EXPECT_EQ(main.generations[0].instances_current, 2U);
  EXPECT_EQ(main.generations[1].instances_current, 3U);
  EXPECT_EQ(main.generations[1].share, 0.25);

  ASSERT_TRUE(share_out({{1, 0.0}, {2, 1.0}}));
  world_.run(10min);
  EXPECT_EQ(world_.machine().running(), 5U) << "the old stands by";
  EXPECT_EQ(status().state, FleetState::updating);
  ASSERT_TRUE(share_out({{2, 1.0}}));
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(world_.machine().running(), 3U);
  put({variant("main", 1)});
  world_.run(1min);
  EXPECT_EQ(status().serving(), 3U) << "the next update is all at once again";
}

TEST_F(FleetReconcilerTest, TrafficThatWasShiftedGoesBackAndSharesOutliveCrashes) {
  put({variant("main", 1)});
  world_.run(1min);
  put_steered({variant("main", 1)}, {{1, 1.0}});
  world_.run(1min);
  ASSERT_TRUE(share_out({{1, 0.9}, {2, 0.1}}));
  world_.crash_and_restart();
  world_.run(1min);
  EXPECT_EQ(routed_shares(), (Shares{{1, 0.9}, {2, 0.1}}));
  ASSERT_TRUE(share_out({{1, 1.0}}));
  world_.run(1min);
  EXPECT_EQ(routed_shares(), (Shares{{1, 1.0}}));
  EXPECT_EQ(world_.machine().running(), 2U) << "it is wanted still, and may be given a share again";
}

TEST_F(FleetReconcilerTest, TheOldestServesAloneAgainWhereItIsChangedAfterAnUpdateThatFailed) {
  put({variant("main", 1)});
  world_.run(1min);
  put_steered({variant("main", 1)}, {{1, 1.0}});
  world_.run(1min);
  ASSERT_TRUE(share_out({{1, 0.5}, {2, 0.5}}));
  put({variant("main", 1, "start")});
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::update_failed);
  EXPECT_EQ(routed_shares(), (Shares{{1, 0.5}, {2, 0.5}}));
  const std::vector<VariantChange> more{{.name = "main", .weight = {}, .instances = 2}};
  ASSERT_TRUE(write([&](Fleets& fleets, store::Transaction& tx) {
    return fleets.set_weights_and_counts(tx, id_, more);
  }));
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(routed_shares(), (Shares{{1, 1.0}}));
  EXPECT_EQ(world_.machine().running(), 2U);
}

TEST_F(FleetReconcilerTest, EachGenerationThatServesHasCountsOfItsOwn) {
  put({variant("main", 1)});
  world_.run(1min);
  put_steered({variant("main", 1)}, {{1, 1.0}});
  world_.run(1min);
  ASSERT_TRUE(share_out({{1, 0.5}, {2, 0.5}}));
  ASSERT_TRUE(scale(1, 3));
  ASSERT_TRUE(scale(2, 2));
  EXPECT_EQ(scale(7, 2).error().kind, "no_such_generation");
  world_.run(1min);
  const VariantStatus main = status().variants.at(0);
  ASSERT_EQ(main.generations.size(), 2U);
  EXPECT_EQ(main.generations[0].instances_current, 3U);
  EXPECT_EQ(main.generations[1].instances_current, 2U);
  EXPECT_EQ(routed_shares(), (Shares{{1, 0.5}, {2, 0.5}}));
  ASSERT_TRUE(share_out({{2, 1.0}}));
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(world_.machine().running(), 2U);
}

TEST_F(FleetReconcilerTest, WhatServesIsScaledAlsoWhereAnUpdateFailed) {
  put({variant("main", 1)});
  world_.run(1min);
  put({variant("main", 1, "start")});
  world_.run(5min);
  ASSERT_TRUE(scale(1, 3));
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::update_failed);
  EXPECT_EQ(routed(), 3U);
}

TEST_F(FleetReconcilerTest, AGenerationThatCameUpAndIsFoundWantingIsGivenUp) {
  put({variant("main", 1)});
  world_.run(1min);
  put_steered({variant("main", 2)}, {{1, 1.0}});
  world_.run(1min);
  ASSERT_TRUE(share_out({{1, 0.9}, {2, 0.1}}));
  EXPECT_EQ(give_up(2, "An alarm rang.").error().kind, "serves");
  EXPECT_EQ(give_up(1, "An alarm rang.").error().kind, "no_such_generation");
  ASSERT_TRUE(share_out({{1, 1.0}, {2, 0.0}}));
  ASSERT_TRUE(give_up(2, "An alarm rang."));
  ASSERT_TRUE(give_up(2, "Another one rang."));
  world_.crash_and_restart();
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::update_failed);
  EXPECT_EQ(status().reason, "An alarm rang.");
  EXPECT_FALSE(status().wanted_came_up);
  EXPECT_EQ(routed_shares(), (Shares{{1, 1.0}}));
  EXPECT_EQ(world_.machine().running(), 1U);
  EXPECT_EQ(share_out({{1, 0.5}, {2, 0.5}}).error().kind, "not_up");
  put({variant("main", 2)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
}

TEST_F(FleetReconcilerTest, AFirstGenerationThatIsGivenUpHasFailed) {
  put({variant("main", 1, "silent")});
  world_.run(10s);
  ASSERT_TRUE(give_up(1, "Nobody waits for it any more."));
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::failed);
  EXPECT_EQ(status().reason, "Nobody waits for it any more.");
  EXPECT_EQ(world_.machine().running(), 0U);
}

TEST_F(FleetReconcilerTest, SharesThatDoNotDivideTheTrafficAreRefused) {
  put({variant("main", 1)});
  world_.run(1min);
  put_steered({variant("main", 1)}, {{1, 1.0}});
  world_.run(1min);
  EXPECT_EQ(share_out({}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(share_out({{1, 0.5}, {2, 0.4}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(share_out({{1, 1.5}, {2, -0.5}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(share_out({{1, 0.5}, {7, 0.5}}).error().kind, "no_such_generation");
  EXPECT_EQ(routed_shares(), (Shares{{1, 1.0}}));
  ASSERT_TRUE(
      write([&](Fleets& fleets, store::Transaction& tx) { return fleets.remove(tx, id_); }));
  EXPECT_EQ(share_out({{1, 1.0}}).error().code, ErrorCode::conflict);
  world_.run(1min);
  EXPECT_EQ(share_out({{1, 1.0}}).error().code, ErrorCode::not_found);
}

TEST_F(FleetReconcilerTest, AnUpdateThatDoesNotComeUpLeavesTheOldServing) {
  put({variant("main", 2)});
  world_.run(1min);
  put({variant("main", 1, "start")});
  world_.run(5min);
  EXPECT_EQ(status().state, FleetState::update_failed);
  EXPECT_THAT(status().reason, HasSubstr("could not be started"));
  EXPECT_EQ(status().serving(), 1U);
  EXPECT_EQ(routed(), 2U);
  put({variant("main", 1)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(status().serving(), 3U);
  EXPECT_EQ(status().reason, "");
}

TEST_F(FleetReconcilerTest, ADeadInstanceIsReplacedAtOnceThenLaterAndLater) {
  put({variant("main", 1)});
  world_.run(2min);
  const auto kill_the_running = [&] {
    const auto route = world_.route(id_);
    world_.machine().kill(route->variants[0].instances[0]->key, {.status = {}, .signal = 11});
  };
  kill_the_running();
  world_.run(900ms);
  EXPECT_EQ(routed(), 1U);
  kill_the_running();
  world_.run(900ms);
  EXPECT_EQ(routed(), 0U);
  world_.run(1s);
  EXPECT_EQ(routed(), 1U);
  EXPECT_EQ(status().state, FleetState::ready);
}

TEST_F(FleetReconcilerTest, WhatEndedBecauseItWasAskedToIsReplacedAtOnceHoweverOften) {
  put({variant("main", 1)});
  world_.run(2min);
  for (int i = 0; i < 5; ++i) {
    const auto route = world_.route(id_);
    ASSERT_EQ(routed(), 1U) << i;
    world_.machine().kill(route->variants[0].instances[0]->key, {.status = 0, .asked = true});
    world_.run(900ms);
  }
  EXPECT_EQ(routed(), 1U);
}

// A full disk: what follows from an observation is tried again by the loop's delays alone.
TEST_F(FleetReconcilerTest, ACommitThatIsLostIsTriedLaterAndLater) {
  put({variant("main", 1)});
  std::size_t lost = 0;
  world_.run(1min, [&] {
    if (world_.machine().running() > 0 && lost == 0) world_.commit_faults().set({.lost = 1});
    if (world_.commit_faults().last_was_lost() && ++lost > 1000) world_.commit_faults().set({});
  });
  EXPECT_LT(lost, 100U);
  world_.commit_faults().set({});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(routed(), 1U);
}

TEST_F(FleetReconcilerTest, CountsAndWeightsChangeInPlace) {
  put({variant("main", 1), variant("other", 1)});
  world_.run(1min);
  const std::vector<VariantChange> changes{{.name = "main", .weight = 0.25, .instances = 3}};
  ASSERT_TRUE(write([&](Fleets& fleets, store::Transaction& tx) {
    return fleets.set_weights_and_counts(tx, id_, changes);
  }));
  EXPECT_EQ(status().state, FleetState::updating);
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
  EXPECT_EQ(status().serving(), 1U);
  EXPECT_EQ(status().variants[0].instances_current, 3U);
  EXPECT_EQ(world_.route(id_)->weight_total, 1.25);
  const std::vector<VariantChange> fewer{{.name = "main", .weight = {}, .instances = 1}};
  ASSERT_TRUE(write([&](Fleets& fleets, store::Transaction& tx) {
    return fleets.set_weights_and_counts(tx, id_, fewer);
  }));
  world_.run(1min);
  EXPECT_EQ(world_.machine().running(), 2U);
  const std::vector<VariantChange> unknown{{.name = "nobody", .weight = 1.0, .instances = {}}};
  const auto refused = write([&](Fleets& fleets, store::Transaction& tx) {
    return fleets.set_weights_and_counts(tx, id_, unknown);
  });
  EXPECT_EQ(refused.error().kind, "no_such_variant");
}

TEST_F(FleetReconcilerTest, RemovingTakesTheRoutesFirstThenTheInstancesThenEveryTrace) {
  put({variant("main", 2)});
  world_.run(1min);
  ASSERT_TRUE(
      write([&](Fleets& fleets, store::Transaction& tx) { return fleets.remove(tx, id_); }));
  EXPECT_EQ(status().state, FleetState::removing);
  const auto refused = write([&](Fleets& fleets, store::Transaction& tx) {
    return fleets.put_plan(tx, id_, {.variants = {variant("main", 1)}});
  });
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  bool stopped_while_routed = false;
  world_.run(1min,
             [&] { stopped_while_routed |= world_.route(id_) && world_.machine().running() < 2; });
  EXPECT_FALSE(stopped_while_routed);
  EXPECT_EQ(status().state, FleetState::gone);
  EXPECT_TRUE(world_.machine().instances().empty());
  put({variant("main", 1)});
  world_.run(1min);
  EXPECT_EQ(status().state, FleetState::ready);
}

TEST_F(FleetReconcilerTest, AfterACrashTheSameInstancesServeAtOnce) {
  put({variant("main", 2)});
  world_.run(1min);
  const auto before = world_.machine().starts();
  world_.crash_and_restart();
  while (world_.step()) {
  }
  EXPECT_EQ(routed(), 2U);
  world_.run(5min);
  EXPECT_EQ(world_.machine().starts(), before);
  EXPECT_EQ(status().state, FleetState::ready);
}

TEST_F(FleetReconcilerTest, AnOldInstanceIsStoppedOnlyWhenNobodyHoldsItAnyMore) {
  put({variant("main", 1)});
  world_.run(1min);
  auto held = world_.route(id_);  // as a router with a request under way does
  put({variant("main", 1)});
  world_.run(10s);
  EXPECT_EQ(status().serving(), 2U);
  EXPECT_EQ(world_.machine().running(), 2U);
  held.reset();
  world_.run(1s);
  EXPECT_EQ(world_.machine().running(), 1U);
}

TEST_F(FleetReconcilerTest, TheTimeToComeUpBeginsWhereWhatWasFetchedForAnInstanceIsThere) {
  Variant slow = variant("main", 3);
  slow.program.environment["FAULT"] = "fetch";
  slow.program.startup_timeout = 1s;
  put({slow});
  world_.run(2s);
  EXPECT_EQ(status().state, FleetState::creating) << "an image is on its way for up to a minute";
  world_.run(2min);
  EXPECT_EQ(status().state, FleetState::ready) << status().reason;
  EXPECT_EQ(world_.machine().starts().size(), 3U);
}

TEST(ObservedFleet, WhatIsQuotedOfAnInstanceIsWhatItPrintedLast) {
  const place::InstanceKey key{"fleet/a/1/main/1"};
  using Kind = place::Observation::Kind;
  ObservedFleet observed;
  take_in(observed, place::Observation{.kind = Kind::adopted, .key = key, .tail = "of before\n"});
  EXPECT_EQ(observed.of(key).tail, "of before");
  take_in(observed, HealthReport{.key = key, .health = HealthReport::Health::unhealthy});
  take_in(observed, HealthReport{.key = key, .health = HealthReport::Health::healthy});
  take_in(observed, place::Observation{.kind = Kind::printed, .key = key, .tail = "of now\x01\n"});
  EXPECT_EQ(observed.of(key).tail, "of now ");
}

TEST(FleetKeys, AKeyTellsItsFleetAlsoWhereTheIdHoldsSlashes) {
  const FleetId id{"000000000000/us-east-1/endpoint/a"};
  const place::InstanceKey key = key_of(id, {.ordinal = 7, .generation = 3, .variant = "main"});
  EXPECT_EQ(key.text, "fleet/000000000000/us-east-1/endpoint/a/3/main/7");
  EXPECT_EQ(fleet_of(key), id);
  EXPECT_FALSE(fleet_of({"jobs/1/2/3/4"}));
  EXPECT_FALSE(fleet_of({"fleet/1/2"}));
  EXPECT_FALSE(fleet_of({""}));
}

TEST(FleetPlans, APlanThatIsWrittenIsReadBack) {
  FleetPlan plan{.variants = {variant("main", 2), variant("b", 0)}};
  set_balancing(plan.variants[0], routing::Balancing::least_outstanding);
  plan.variants[0].program.environment = {{"A", "\"quoted\" \n ü"}};
  plan.variants[1].program.model.reset();
  EXPECT_EQ(plan_from_text(to_text(plan)).value(), plan);
  EXPECT_EQ(plan_from_text("{\"version\":99}").error().code, ErrorCode::corrupted);
  EXPECT_EQ(plan_from_text("nonsense").error().code, ErrorCode::corrupted);
}

TEST(FleetPlans, ImpossiblePlansAreRefusedWithASentence) {
  EXPECT_FALSE(check({}));
  EXPECT_FALSE(check({.variants = {variant("a", 1), variant("a", 1)}}));
  EXPECT_FALSE(check({.variants = {variant("a/b", 1)}}));
  Variant heavy = variant("a", 1);
  heavy.weight = -1;
  EXPECT_FALSE(check({.variants = {heavy}}));
  EXPECT_TRUE(check({.variants = {variant("a", 0)}}));
}

}  // namespace
}  // namespace slipway::fleet

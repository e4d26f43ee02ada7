#include "engine/fleet/fleet.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/test_folder.h"
#include "engine/fleet/record.h"
#include "engine/fleet/simulation.h"
#include "engine/fleet/test_store.h"

namespace slipway::fleet {
namespace {

constexpr std::uint32_t instances_max = 10;

FleetPlan plan(std::uint32_t instances) {
  return {.variants = {{.name = "all",
                        .serving = SingleModel{.instances = instances},
                        .program = {.built_in = "test"}}}};
}

// Fleets of a machine that bears ten instances; nobody starts any.
class FleetLimitTest : public testing::Test {
 protected:
  FleetLimitTest() { store_ = store::Store::open(folder_ / "store.db", migrations()).value(); }

  Result<Generation> put(const std::string& id, const FleetPlan& plan) {
    return store_->write(
        [&](store::Transaction& tx) { return fleets_.put_plan(tx, FleetId{id}, plan); });
  }
  Result<> scale(const std::string& id, std::uint32_t instances) {
    const VariantChange change{.name = "all", .weight = {}, .instances = instances};
    return store_->write([&](store::Transaction& tx) {
      return fleets_.set_weights_and_counts(tx, FleetId{id}, {&change, 1});
    });
  }
  // Notes, as a reconcile does, that all requests go to that generation.
  void let_serve(const std::string& id, Generation generation) {
    ASSERT_TRUE(store_->write([&](store::Transaction& tx) -> Result<> {
      FleetRow row = *load_row(tx, FleetId{id});
      const FleetRecord before = row.record;
      row.record.shares = {{generation, 1.0}};
      save_record(tx, FleetId{id}, before, row);
      return {};
    }));
  }
  FleetState state(const std::string& id) {
    return store_
        ->write([&](store::Transaction& tx) -> Result<FleetState> {
          return fleets_.status(tx, FleetId{id}).state;
        })
        .value();
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  Fleets fleets_{[](const FleetId&) {}, instances_max};
};

TEST_F(FleetLimitTest, MoreThanAllMayHaveTogetherIsRefusedAndNothingIsLeftOfIt) {
  ASSERT_TRUE(put("one", plan(6)));
  const auto refused = put("two", plan(5));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, "too_many_instances");
  using Details = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(refused.error().details, (Details{{"limit", "10"}, {"used", "6"}, {"asked", "5"}}));
  EXPECT_EQ(state("two"), FleetState::gone);
  EXPECT_TRUE(put("two", plan(4)));
}

TEST_F(FleetLimitTest, AllFleetsAreLookedAtPageByPageAndThoseBelowAnIdTogether) {
  for (const char* id : {"1/r/a", "1/r/a:part", "1/r/ab", "1/r/job/transform", "2/r/a"})
    ASSERT_TRUE(put(id, plan(1)));
  const auto ids = [&](auto look) {
    std::vector<std::string> out;
    const auto looks = store_->read(
        [&](store::Transaction& tx) -> Result<std::vector<FleetLook>> { return look(tx); });
    for (const FleetLook& each : *looks) {
      EXPECT_EQ(each.status.state, FleetState::creating);
      out.push_back(each.id.text);
    }
    return out;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids([&](auto& tx) { return fleets_.look(tx, {}, 2); }), (Ids{"1/r/a", "1/r/a:part"}));
  EXPECT_EQ(ids([&](auto& tx) { return fleets_.look(tx, {"1/r/ab"}, 9); }),
            (Ids{"1/r/job/transform", "2/r/a"}));
  EXPECT_EQ(ids([&](auto& tx) { return fleets_.look_below(tx, {"1/r/a"}); }),
            (Ids{"1/r/a", "1/r/a:part"}));
  EXPECT_EQ(ids([&](auto& tx) { return fleets_.look_below(tx, {"1/r/job"}); }),
            (Ids{"1/r/job/transform"}));
}

TEST_F(FleetLimitTest, AFleetMayChangeItsCountsWithinTheLimitAndAlwaysToFewer) {
  ASSERT_TRUE(put("one", plan(6)));
  ASSERT_TRUE(put("two", plan(4)));
  EXPECT_EQ(scale("one", 7).error().kind, "too_many_instances");
  EXPECT_TRUE(scale("one", 5));
  EXPECT_TRUE(scale("two", 5));
  EXPECT_TRUE(put("one", plan(5))) << "a new generation of the same size takes no more";
  EXPECT_TRUE(store_->write([&](store::Transaction& tx) {
    return Fleets([](const FleetId&) {}, 4).put_plan(tx, FleetId{"one"}, plan(3));
  })) << "fewer than before, though more than there may be";
}

TEST_F(FleetLimitTest, AGenerationThatServesBesideTheWantedOneMayHaveAsManyAsThatMight) {
  const Generation old = put("one", plan(4)).value();
  ASSERT_TRUE(put("one", plan(4)));
  ASSERT_TRUE(put("two", plan(4)));
  let_serve("one", old);
  const auto scale_old = [&](std::uint32_t instances) {
    const VariantChange change{.name = "all", .weight = {}, .instances = instances};
    return store_->write([&](store::Transaction& tx) {
      return fleets_.set_weights_and_counts(tx, FleetId{"one"}, old, {&change, 1});
    });
  };
  EXPECT_EQ(scale_old(7).error().kind, "too_many_instances");
  EXPECT_TRUE(scale_old(6));
  EXPECT_TRUE(put("two", plan(6))) << "the wanted generation counts, which has as many as before";
}

TEST_F(FleetLimitTest, WhatWasGivenUpTakesNoRoomFromOtherFleets) {
  const Generation old = put("one", plan(4)).value();
  let_serve("one", old);
  const Generation failed = put("one", plan(10)).value();
  EXPECT_FALSE(put("two", plan(6)));
  ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
    return fleets_.give_up(tx, FleetId{"one"}, failed, "it was found wanting");
  }));
  EXPECT_TRUE(put("two", plan(6)));
  EXPECT_FALSE(put("three", plan(1)));
}

TEST_F(FleetLimitTest, WhatServesInThePlaceOfWhatWasGivenUpTakesAsMuchRoomAsItIsChangedTo) {
  const Generation old = put("one", plan(4)).value();
  let_serve("one", old);
  const Generation failed = put("one", plan(10)).value();
  ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
    return fleets_.give_up(tx, FleetId{"one"}, failed, "it was found wanting");
  }));
  const VariantChange change{.name = "all", .weight = {}, .instances = 7};
  ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
    return fleets_.set_weights_and_counts(tx, FleetId{"one"}, old, {&change, 1});
  }));
  EXPECT_FALSE(put("two", plan(4)));
  EXPECT_TRUE(put("two", plan(3)));
}

// The same fleets with their reconciler: whether its simulated instances come up decides what they
// take.
TEST(FleetClaimTest, WhatTheReconcilerGivesUpTakesNoRoomAndWhatServesKeepsItsOwn) {
  const TestFolder folder;
  const auto store = open_test_store(folder.path());
  Simulation world(*store, 1, {.built_ins = {{"test", {.argv = {"/bin/test"}}}}});
  world.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
  const auto put = [&](const char* id, std::uint32_t instances, const char* fault) {
    const auto made = store->write([&](store::Transaction& tx) {
      FleetPlan wanted = plan(instances);
      wanted.variants[0].program.environment["FAULT"] = fault;
      return world.fleets().put_plan(tx, FleetId{id}, wanted);
    });
    ASSERT_TRUE(made) << made.error().message;
    world.run(std::chrono::minutes(5));
  };
  // What a server that bears so many says of one fleet more.
  const auto has_room = [&](std::uint32_t free) {
    const auto asks = [&](std::uint32_t instances) {
      return store->write([&](store::Transaction& tx) -> Result<> {
        TRY_DO(Fleets([](const FleetId&) {}, instances_max)
                   .put_plan(tx, FleetId{"more"}, plan(instances)));
        return fail(ErrorCode::conflict, "only asked");
      });
    };
    return asks(free).error().message == "only asked" &&
           asks(free + 1).error().kind == "too_many_instances";
  };
  put("new", 5, "dies");
  EXPECT_EQ(world.status({"new"}).state, FleetState::failed);
  EXPECT_TRUE(has_room(10)) << "nothing serves in its place";
  put("one", 4, "");
  EXPECT_EQ(world.status({"one"}).state, FleetState::ready);
  EXPECT_TRUE(has_room(6));
  put("one", 9, "dies");
  EXPECT_EQ(world.status({"one"}).state, FleetState::update_failed);
  EXPECT_TRUE(has_room(6)) << "four serve on";
  put("one", 7, "");
  EXPECT_EQ(world.status({"one"}).state, FleetState::ready);
  EXPECT_TRUE(has_room(3));
}

TEST_F(FleetLimitTest, MachinesThatAreOfferedAndInstancesThatComeAndGoAreNotCounted) {
  const FleetPlan offering{
      .variants = {{.name = "all", .serving = Machines{.each = {.cpus = 96}, .count = 60}}}};
  EXPECT_TRUE(put("offering", offering));
  FleetPlan elastic = plan(1);
  elastic.variants[0].serving = routing::Elastic{.concurrency_max = 200, .provisioned = 2};
  EXPECT_TRUE(put("elastic", elastic));
  EXPECT_FALSE(put("one", plan(9)));
  EXPECT_TRUE(put("one", plan(8)));
}

TEST(FleetStatusTest, AFleetIsReadyOnceRequestsGoToWhatServes) {
  const TestFolder folder;
  const auto store = store::Store::open(folder / "store.db", migrations()).value();
  const FleetId id{"one"};
  std::optional<Shares> routed = Shares();
  Fleets fleets([](const FleetId&) {}, 0, nullptr, [&](const FleetId&) { return routed; });
  const auto stored = store->write([&](store::Transaction& tx) -> Result<Generation> {
    TRY(const Generation made,
        fleets.put_plan(tx, id,
                        {.variants = {{.name = "all",
                                       .serving = SingleModel{.instances = 0},
                                       .program = {.built_in = "test"}}}}));
    FleetRow row = *load_row(tx, id);
    const FleetRecord before = row.record;
    row.record.shares = {{made, 1.0}};
    row.record.applied_revision = row.revision;
    save_record(tx, id, before, row);
    return made;
  });
  ASSERT_TRUE(stored) << stored.error().message;
  const auto state = [&] {
    return store
        ->read([&](store::Transaction& tx) -> Result<FleetState> {
          FleetStatus status = fleets.status(tx, id);
          EXPECT_EQ(status.variants.size(), 1U);
          status.variants.clear();
          EXPECT_TRUE(fleets.outline(tx, id) == status) << "all but the variants";
          return status.state;
        })
        .value();
  };
  EXPECT_EQ(state(), FleetState::creating);
  routed = {{*stored + 1, 1.0}};
  EXPECT_EQ(state(), FleetState::updating);
  routed = {{*stored, 1.0}};
  EXPECT_EQ(state(), FleetState::ready);
  routed.reset();
  EXPECT_EQ(state(), FleetState::ready) << "not known yet: requests wait";
}

TEST(FleetMigration, InstancesOfAnOlderRecordBecomeRows) {
  const TestFolder folder;
  const auto path = folder / "store.db";
  const FleetId id{"000000000000/us-east-1/old"};
  const std::vector<store::Migration> before(migrations().begin(), migrations().begin() + 2);
  {
    const auto old = store::Store::open(path, before).value();
    ASSERT_TRUE(old->write([&](store::Transaction& tx) -> Result<> {
      tx.run("INSERT INTO fleet(id, wanted, revision, removing, record) VALUES(?1, 3, 1, 0, ?2)",
             id.text,
             R"({"version":1,"serving":3,"failed":0,"applied_revision":1,"scaling_failed":false,)"
             R"("reason":"","changed_at":5,"next_ordinal":9,"generations":{)"
             R"("2":{"begun":1,"variants":{}},)"
             R"("3":{"begun":2,"variants":{"b":{"content":"c","failures":1,"not_before":3}}}},)"
             R"("instances":[)"
             R"({"ordinal":7,"generation":2,"variant":"a","phase":4,"since":11},)"
             R"({"ordinal":8,"generation":3,"variant":"b","phase":1,"since":12}]})");
      tx.run("INSERT INTO fleet(id, wanted, revision, removing) VALUES('new', 1, 1, 0)");
      tx.run(
          "INSERT INTO fleet(id, wanted, revision, removing, record) "
          "VALUES('first', 4, 1, 0, ?1)",
          R"({"version":1,"serving":0,"failed":0,"applied_revision":0,"scaling_failed":false,)"
          R"("reason":"","changed_at":5,"next_ordinal":1,"generations":{},"instances":[]})");
      return {};
    }));
  }
  const auto store = store::Store::open(path, migrations()).value();
  const auto row = store->read([&](store::Transaction& tx) -> Result<FleetRow> {
    EXPECT_TRUE(load_row(tx, FleetId{"new"})->record.instances.empty());
    EXPECT_TRUE(load_row(tx, FleetId{"first"})->record.shares.empty());
    return *load_row(tx, id);
  });
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ(row->record.next_ordinal, 9U);
  EXPECT_EQ(row->record.shares, (Shares{{3, 1.0}})) << "what served has all of the traffic";
  EXPECT_FALSE(row->record.generations.at(2).came_up);
  EXPECT_TRUE(row->record.generations.at(3).came_up);
  EXPECT_EQ(row->record.generations.at(3).variants.at("b").content, "c");
  EXPECT_EQ(row->record.instances, (std::vector<InstanceRecord>{{.ordinal = 7,
                                                                 .generation = 2,
                                                                 .variant = "a",
                                                                 .phase = Phase::ended,
                                                                 .since = server_time_from(11)},
                                                                {.ordinal = 8,
                                                                 .generation = 3,
                                                                 .variant = "b",
                                                                 .phase = Phase::healthy,
                                                                 .since = server_time_from(12)}}));
}

}  // namespace
}  // namespace slipway::fleet

#include "engine/fleet/fleet.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/test_folder.h"

namespace slipway::fleet {
namespace {

constexpr std::uint32_t instances_max = 10;

// Fleets of a machine that bears ten instances; nobody starts any.
class FleetLimitTest : public testing::Test {
 protected:
  FleetLimitTest() { store_ = store::Store::open(folder_ / "store.db", migrations()).value(); }

  static FleetPlan plan(std::uint32_t instances) {
    return {.variants = {{.name = "all", .instances = instances, .program = {.built_in = "test"}}}};
  }
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

TEST_F(FleetLimitTest, MachinesThatAreOfferedAndInstancesThatComeAndGoAreNotCounted) {
  FleetPlan offering{.variants = {{.name = "all", .instances = 60}}};
  offering.variants[0].offers = Resources{.cpus = 96};
  EXPECT_TRUE(put("offering", offering));
  FleetPlan elastic = plan(1);
  elastic.variants[0].elastic = Elastic{.concurrency_max = 200, .provisioned = 2};
  EXPECT_TRUE(put("elastic", elastic));
  EXPECT_FALSE(put("one", plan(9)));
  EXPECT_TRUE(put("one", plan(8)));
}

}  // namespace
}  // namespace slipway::fleet

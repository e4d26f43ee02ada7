// Random histories from seeds: plans, counts, kills, removals, crashes of the server between any
// two of its effects, and every fault that the simulated place knows. SLIPWAY_SEED=N plays one
// alone.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/log.h"
#include "base/test_folder.h"
#include "engine/fleet/simulation_check.h"
#include "engine/fleet/test_store.h"

namespace slipway::fleet {
namespace {

constexpr std::uint64_t seeds = 300;

void play(store::Store& store, std::uint64_t seed) {
  try {
    FleetHistory(store, seed).play();
  } catch (const std::exception& broken) {
    ADD_FAILURE() << "SLIPWAY_SEED=" << seed << ": " << broken.what();
  }
}

TEST(FleetSimulation, EveryHistoryKeepsThePromisesAndComesToRest) {
  configure_log(std::getenv("SLIPWAY_SEED") ? LogLevel::info : LogLevel(4), LogFormat::human);
  const TestFolder folder;
  const auto store = open_test_store(folder.path());
  if (const char* seed = std::getenv("SLIPWAY_SEED")) return play(*store, std::stoull(seed));
  const char* count = std::getenv("SLIPWAY_SEEDS");
  const std::uint64_t last = count ? std::stoull(count) : seeds;
  for (std::uint64_t seed = 1; seed <= last && !testing::Test::HasFailure(); ++seed)
    play(*store, seed);
}

}  // namespace
}  // namespace slipway::fleet

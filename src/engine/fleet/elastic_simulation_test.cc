// Random histories of an elastic variant from seeds: bursts and silence, instances that do not
// start or die, and crashes of the server between any two of its effects. SLIPWAY_SEED=N plays one
// alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/test_folder.h"
#include "engine/fleet/elastic_aim.h"
#include "engine/fleet/simulation.h"
#include "engine/fleet/test_store.h"

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 200;

FleetOptions options() {
  FleetOptions options;
  options.built_ins["model"] = {.argv = {"/bin/model"}, .environment = {}};
  options.idle_time = 30s;
  return options;
}

class BrokenPromise : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ElasticHistory {
 public:
  ElasticHistory(store::Store& store, std::uint64_t seed)
      : store_(store), world_(store, seed, options()), id_{fmt::format("elastic/{}", seed)} {
    elastic_.requests_per_instance = 1 + draw(4);
    elastic_.concurrency_max = 1 + draw(20);
    elastic_.provisioned = draw(2) == 0 ? 0 : draw(elastic_.concurrency_max + 1);
  }

  void play() {
    deploy();
    what_ended_with_a_former_server_stays_ended();
    for (std::uint64_t acts = 5 + draw(15); acts > 0; --acts) act();
    world_.crash_point().disarm();
    world_.machine().set_faults({});
    whoever_waits_is_served();
    silence_ends_all_but_the_provisioned();
    end();
  }

 private:
  std::uint32_t draw(std::uint32_t bound) {
    return static_cast<std::uint32_t>(below(world_.random(), bound));
  }
  static void require(bool holds, const std::string& promise) {
    if (!holds) throw BrokenPromise(promise);
  }

  void deploy() {
    Variant variant{.name = "all", .serving = elastic_};
    variant.program.built_in = "model";
    variant.program.startup_timeout = 60s;
    const auto put = store_.write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(world_.fleets().put_plan(tx, id_, {.variants = {variant}}));
      return {};
    });
    require(put.has_value(), "the plan is taken");
    world_.run(2min);
    require(world_.status(id_).state == FleetState::ready, "an elastic fleet becomes ready");
  }

  const routing::VariantRoute* variant() {
    route_ = world_.route(id_);
    return route_ && !route_->variants.empty() ? &route_->variants.front() : nullptr;
  }

  // What a router does when requests come; whoever was there before a crash has lost its
  // connection.
  void come(std::uint32_t count) {
    const routing::VariantRoute* const to = variant();
    const auto* const elastic =
        to == nullptr ? nullptr : std::get_if<routing::ElasticRoute>(&to->serving);
    if (elastic == nullptr) return;
    std::erase_if(permits_,
                  [&](const auto& permit) { return permit.limiter() != elastic->limiter.get(); });
    for (; count > 0; --count)
      if (auto permit = routing::Permit::acquire(elastic->limiter, elastic_.concurrency_max))
        permits_.push_back(*std::move(permit));
    require(permits_.size() <= elastic_.concurrency_max, "more permits than the concurrency");
  }
  void go(std::uint32_t count) {
    permits_.resize(permits_.size() - std::min<std::size_t>(count, permits_.size()));
  }

  void act() {
    if (draw(3) == 0) world_.crash_point().arm(draw(10));
    switch (draw(7)) {
      case 0:
      case 1: come(1 + draw(30)); break;
      case 2: come(1); break;
      case 3: go(1 + draw(30)); break;
      case 4: go(1000); break;
      case 5: world_.machine().set_faults(faults()); break;
      default: kill_one(); break;
    }
    world_.run(std::chrono::milliseconds(1ULL << draw(17)), [this] { look(); });
  }
  place::SimulatedFaults faults() {
    const auto some = [&] { return draw(2) == 0 ? 0 : static_cast<double>(draw(50)) / 100; };
    return {.start_fails = some(),
            .never_healthy = some(),
            .dies_starting = some(),
            .dies_later = some(),
            .ignores_stop = some()};
  }
  void kill_one() {
    std::vector<place::InstanceKey> keys;
    for (const auto& [key, instance] : world_.machine().instances()) keys.push_back(key);
    if (!keys.empty())
      world_.machine().kill(keys[draw(static_cast<std::uint32_t>(keys.size()))],
                            {.status = {}, .signal = 9});
  }

  std::uint32_t most() const { return instances_for(elastic_, elastic_.concurrency_max); }

  void look() {
    for (const auto& [key, count] : world_.machine().starts())
      require(count <= 1, fmt::format("{} was started {} times", key.text, count));
    if (const routing::VariantRoute* const to = variant())
      require(
          to->instances.size() <= most(),
          fmt::format("{} instances are routed, {} are the most", to->instances.size(), most()));
    const FleetState state = world_.status(id_).state;
    require(state == FleetState::ready, fmt::format("it is '{}'", name_of(state)));
  }

  // The requests that it stood for went with that server.
  void what_ended_with_a_former_server_stays_ended() {
    come(1);
    world_.run(1min);
    go(1);
    place::SimulatedMachine& machine = world_.machine();
    for (const place::InstanceKey& key : std::views::keys(std::map(machine.instances())))
      machine.kill(key, {.status = 0, .signal = {}, .asked = true});
    const std::size_t started = machine.starts().size();
    world_.crash_and_restart();
    world_.run(10s);
    const std::size_t again = machine.starts().size() - started;
    const std::uint32_t standing = provisioned_instances(elastic_);
    require(again == standing,
            fmt::format("{} instances came again, {} are provisioned", again, standing));
  }

  // No request is held without an instance coming.
  void whoever_waits_is_served() {
    world_.run(1s);
    come(1 + draw(30));
    const std::uint32_t needed =
        instances_for(elastic_, static_cast<std::uint32_t>(permits_.size()));
    world_.run(2min, [this] { look(); });
    const routing::VariantRoute* const to = variant();
    require(to != nullptr && to->instances.size() >= needed,
            fmt::format("{} instances for {} requests", to ? to->instances.size() : 0,
                        permits_.size()));
  }

  void silence_ends_all_but_the_provisioned() {
    go(1000);
    world_.run(3min, [this] { look(); });
    const std::uint32_t standing = provisioned_instances(elastic_);
    require(world_.machine().running() == standing,
            fmt::format("{} instances run in silence, {} are provisioned",
                        world_.machine().running(), standing));
    const routing::VariantRoute* const to = variant();
    require(to != nullptr && to->instances.size() == standing, "the provisioned are routed");
  }

  // Histories share a store: nothing of one may be left to the next.
  void end() {
    permits_.clear();
    route_.reset();
    const auto removed = store_.write(
        [&](store::Transaction& tx) -> Result<> { return world_.fleets().remove(tx, id_); });
    require(removed.has_value(), "an elastic fleet can be removed");
    world_.run(5min);
    require(world_.status(id_).state == FleetState::gone, "a removed fleet goes");
    require(world_.machine().instances().empty(), "a removed fleet leaves nothing running");
  }

  store::Store& store_;
  Simulation world_;
  const FleetId id_;
  routing::Elastic elastic_;
  std::shared_ptr<const routing::GenerationRoute> route_;
  std::vector<routing::Permit> permits_;
};

void play(store::Store& store, std::uint64_t seed) {
  try {
    ElasticHistory(store, seed).play();
  } catch (const std::exception& broken) {
    ADD_FAILURE() << "SLIPWAY_SEED=" << seed << ": " << broken.what();
  }
}

TEST(ElasticSimulation, NobodyWaitsInVainAndSilenceEndsWhatIsNotProvisioned) {
  configure_log(std::getenv("SLIPWAY_SEED") ? LogLevel::info : LogLevel(4), LogFormat::human);
  const TestFolder folder;
  const auto store = open_test_store(folder.path());
  if (const char* seed = std::getenv("SLIPWAY_SEED")) return play(*store, std::stoull(seed));
  for (std::uint64_t seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed)
    play(*store, seed);
}

}  // namespace
}  // namespace slipway::fleet

// One random history of a fleet, from a seed, and what must hold all the way. For the simulation
// tests.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/fleet/simulation.h"

namespace slipway::fleet {

class BrokenPromise : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws BrokenPromise, with what was broken, where the reconciler did what it must not.
class FleetHistory {
 public:
  FleetHistory(store::Store& store, std::uint64_t seed)
      : store_(store), world_(store, seed, options()), id_{fmt::format("sim/{}", seed)} {}

  void play() {
    world_.machine().set_faults(draw_faults());
    world_.set_fetch_fails(chance(4) ? 0.2 : 0);
    world_.set_commit_faults({.lost = chance(3) ? small() : 0,
                              .slow_max = std::chrono::milliseconds(chance(3) ? 2'000 : 0)});
    change_plan();
    const std::uint64_t acts = 3 + below(world_.random(), 12);
    for (std::uint64_t i = 0; i < acts; ++i) act();
    converge();
    end();
  }

 private:
  static FleetOptions options() {
    FleetOptions options;
    options.built_ins["model"] = {
        .argv = {"/bin/model"}, .environment = {}, .packages = BuiltInProgram::Packages::prepared};
    return options;
  }

  bool chance(std::uint64_t one_in) { return below(world_.random(), one_in) == 0; }
  double small() { return chance(2) ? 0 : static_cast<double>(below(world_.random(), 40)) / 100; }
  static void require(bool holds, const std::string& promise) {
    if (!holds) throw BrokenPromise(promise);
  }

  place::SimulatedFaults draw_faults() {
    return {.start_fails = small(),
            .never_healthy = small(),
            .dies_starting = small(),
            .dies_later = small(),
            .hangs_later = small(),
            .ignores_stop = small()};
  }

  FleetPlan draw_plan() {
    FleetPlan plan;
    const std::uint64_t variants = 1 + below(world_.random(), 3);
    for (std::uint64_t i = 0; i < variants; ++i) {
      Variant variant{.name = fmt::format("v{}", i)};
      variant.instances = static_cast<std::uint32_t>(below(world_.random(), 4));
      if (i == 0) variant.instances = std::max(variant.instances, 1U);
      variant.program.built_in = "model";
      if (!chance(3))
        variant.program.model = artifacts::Artifact{.uri = "s3://bucket/model.tar.gz"};
      variant.program.startup_timeout = std::chrono::seconds(60);
      plan.variants.push_back(std::move(variant));
    }
    return plan;
  }

  template <typename F>
  void write(F&& change) {
    const auto done = store_.write(
        [&](store::Transaction& tx) -> Result<> { return change(world_.fleets(), tx); });
    if (!done && done.error().code != ErrorCode::conflict &&
        done.error().code != ErrorCode::not_found)
      throw BrokenPromise(done.error().message);
  }
  void change_plan() {
    const FleetPlan plan = draw_plan();
    write([&](Fleets& fleets, store::Transaction& tx) -> Result<> {
      TRY_DO(fleets.put_plan(tx, id_, plan));
      return {};
    });
  }
  void change_counts() {
    std::vector<VariantChange> changes{{.name = "v0", .weight = {}, .instances = {}}};
    changes[0].weight = static_cast<double>(below(world_.random(), 3));
    changes[0].instances = 1 + static_cast<std::uint32_t>(below(world_.random(), 4));
    write([&](Fleets& fleets, store::Transaction& tx) {
      return fleets.set_weights_and_counts(tx, id_, changes);
    });
  }
  void remove() {
    write([&](Fleets& fleets, store::Transaction& tx) { return fleets.remove(tx, id_); });
  }
  void kill_one() {
    std::vector<place::InstanceKey> keys;
    for (const auto& [key, instance] : world_.machine().instances()) keys.push_back(key);
    if (keys.empty()) return;
    world_.machine().kill(keys[below(world_.random(), keys.size())], {.status = {}, .signal = 9});
  }

  void act() {
    if (chance(2)) world_.crash_point().arm(below(world_.random(), 12));
    switch (below(world_.random(), 8)) {
      case 0: change_plan(); break;
      case 1: change_counts(); break;
      case 2: kill_one(); break;
      case 3: world_.crash_and_restart(); break;
      case 4: world_.machine().set_faults(draw_faults()); break;
      case 5:
        if (chance(3)) remove();
        break;
      default: break;
    }
    const auto span = std::chrono::milliseconds(1ULL << below(world_.random(), 17));
    world_.run(span, [this] { look(); });
  }

  // After every step.
  void look() {
    for (const auto& [key, count] : world_.machine().starts())
      require(count <= 1, fmt::format("{} was started {} times", key.text, count));
    const FleetStatus status = world_.status(id_);
    const auto route = world_.route(id_);
    const bool removing = status.state == FleetState::removing || status.state == FleetState::gone;
    require(!removing || !route || world_.commit_lost(),
            "a fleet that is being removed is still routed");
    if (!route) return;
    for (const routing::VariantRoute& variant : route->variants)
      for (const auto& instance : variant.instances) look_at(*instance, *route);
    const bool moved = route->generation != routed_generation_ && routed_generation_ != 0;
    require(!moved || route->generation > routed_generation_ || route->generation == 0,
            "routes moved back to an older generation");
    require(route->generation == status.serving || status.serving == 0,
            "what is routed is not what serves");
    if (moved && route->generation != 0) look_at_move(*route, status);
    if (route->generation != 0) routed_generation_ = route->generation;
  }
  void look_at(const routing::InstanceRoute& instance, const routing::FleetRoute& route) {
    require(instance.key.text.find(fmt::format("/{}/v", route.generation)) != std::string::npos,
            fmt::format("{} is routed in generation {}", instance.key.text, route.generation));
  }
  // Traffic moves only to a generation that is there with every instance.
  void look_at_move(const routing::FleetRoute& route, const FleetStatus& status) {
    for (const VariantStatus& variant : status.variants) {
      const auto to = std::ranges::find(route.variants, variant.name, &routing::VariantRoute::name);
      require(to != route.variants.end() && to->instances.size() >= variant.instances_current,
              "traffic moved to a generation that was not complete");
    }
  }

  void converge() {
    world_.crash_point().disarm();
    world_.machine().set_faults({});
    world_.set_fetch_fails(0);
    world_.set_commit_faults({});
    const auto span = std::chrono::minutes(20);
    world_.run(span, [this] { look(); });
    FleetState state = world_.status(id_).state;
    const bool stays = state == FleetState::failed || state == FleetState::update_failed ||
                       state == FleetState::gone || state == FleetState::ready;
    require(stays, fmt::format("the fleet stays '{}'", name_of(state)));
    if (state == FleetState::failed || state == FleetState::gone)
      require(world_.machine().running() == 0,
              "instances of a fleet that failed or is gone run on");
    if (state != FleetState::ready) change_plan();
    world_.run(span, [this] { look(); });
    const FleetStatus status = world_.status(id_);
    require(status.state == FleetState::ready,
            fmt::format("the fleet is '{}', not ready: {}", name_of(status.state), status.reason));
    std::size_t wanted = 0;
    for (const VariantStatus& variant : status.variants) wanted += variant.instances_wanted;
    require(world_.machine().running() == wanted,
            fmt::format("{} instances run, {} are wanted", world_.machine().running(), wanted));
    std::size_t routed = 0;
    for (const routing::VariantRoute& variant : world_.route(id_)->variants)
      routed += variant.instances.size();
    require(routed == wanted, fmt::format("{} instances are routed, {} wanted", routed, wanted));
  }

  void end() {
    remove();
    world_.run(std::chrono::minutes(5), [this] { look(); });
    require(world_.status(id_).state == FleetState::gone, "a removed fleet does not go");
    require(world_.machine().instances().empty(), "a removed fleet leaves instances behind");
  }

  store::Store& store_;
  Simulation world_;
  const FleetId id_;
  Generation routed_generation_ = 0;
};

}  // namespace slipway::fleet

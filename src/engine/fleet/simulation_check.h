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
    world_.commit_faults().set({.lost = chance(3) ? small() : 0,
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
        .argv = {"/bin/model"}, .environment = {}, .packages = environments::EnvironmentFlags{}};
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
      const auto count = static_cast<std::uint32_t>(below(world_.random(), 4));
      variant.serving = SingleModel{.instances = i == 0 ? std::max(count, 1U) : count};
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
      steered_ = false;
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
  void change_counts_of_the_oldest() {
    const Generation oldest = world_.status(id_).serving();
    const VariantChange change{
        .name = "v0",
        .weight = {},
        .instances = 1 + static_cast<std::uint32_t>(below(world_.random(), 4))};
    write([&](Fleets& fleets, store::Transaction& tx) {
      return fleets.set_weights_and_counts(tx, id_, oldest, {&change, 1});
    });
  }
  // Refused where requests go to it.
  void give_up() {
    const Generation wanted = world_.status(id_).wanted;
    write([&](Fleets& fleets, store::Transaction& tx) {
      return fleets.give_up(tx, id_, wanted, "It is found wanting.");
    });
  }
  // Of one that is coming up, or of what serves already; most of what is asked for is refused.
  void change_shares() {
    const FleetStatus status = world_.status(id_);
    Shares shares;
    if (status.serving() != 0) shares[status.serving()] = 0;
    shares[status.wanted] = 0;
    const double share = static_cast<double>(below(world_.random(), 5)) / 4;
    shares.begin()->second = 1 - share;
    shares.rbegin()->second += share;
    if (shares.size() == 2 && chance(2) && shares.begin()->second == 0)
      shares.erase(shares.begin());
    write([&](Fleets& fleets, store::Transaction& tx) -> Result<> {
      TRY_DO(fleets.set_shares(tx, id_, shares));
      steered_ = true;
      return {};
    });
  }
  // An update that somebody shifts in steps.
  void change_plan_in_steps() {
    const Shares shares = world_.status(id_).shares;
    const FleetPlan plan = draw_plan();
    if (shares.empty()) return;
    write([&](Fleets& fleets, store::Transaction& tx) -> Result<> {
      TRY_DO(fleets.put_plan(tx, id_, plan));
      TRY_DO(fleets.set_shares(tx, id_, shares));
      steered_ = true;
      return {};
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
    switch (below(world_.random(), 13)) {
      case 0: change_plan(); break;
      case 1: change_counts(); break;
      case 2: kill_one(); break;
      case 3: world_.crash_and_restart(); break;
      case 4: world_.machine().set_faults(draw_faults()); break;
      case 5:
        if (chance(3)) remove();
        break;
      case 6: change_plan_in_steps(); break;
      case 7:
      case 8: change_shares(); break;
      case 9: change_counts_of_the_oldest(); break;
      case 10: give_up(); break;
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
    const auto route = world_.fleet_route(id_);
    const bool removing = status.state == FleetState::removing || status.state == FleetState::gone;
    require(!removing || !route || world_.commit_faults().last_was_lost(),
            "a fleet that is being removed is still routed");
    if (!route) return;
    Shares routed;
    for (const routing::FleetRoute::Leg& leg : route->legs) {
      routed[leg.route->generation] = leg.share;
      look_at_leg(*leg.route, status);
    }
    require(routed == status.shares || status.shares.empty() || removing ||
                world_.commit_faults().last_was_lost(),
            "traffic is not divided as is stored");
    if (!routed.empty()) routed_ = std::move(routed);
  }
  void look_at_leg(const routing::GenerationRoute& route, const FleetStatus& status) {
    for (const routing::VariantRoute& variant : route.variants)
      for (const auto& instance : variant.instances)
        require(
            instance->key.text.find(fmt::format("/{}/v", route.generation)) != std::string::npos,
            fmt::format("{} is routed in generation {}", instance->key.text, route.generation));
    if (routed_.empty() || routed_.contains(route.generation)) return;
    require(route.generation > routed_.begin()->first, "routes moved back to an older generation");
    look_at_move(route, status);
  }
  // Traffic moves only to a generation that is there with every instance.
  void look_at_move(const routing::GenerationRoute& route, const FleetStatus& status) {
    for (const VariantStatus& variant : status.variants) {
      const auto in = std::ranges::find(variant.generations, route.generation,
                                        &VariantStatus::InGeneration::generation);
      if (in == variant.generations.end()) continue;
      const auto to = std::ranges::find(route.variants, variant.name, &routing::VariantRoute::name);
      require(to != route.variants.end() && to->instances.size() >= in->instances_current,
              "traffic moved to a generation that was not complete");
    }
  }

  void converge() {
    world_.crash_point().disarm();
    world_.machine().set_faults({});
    world_.set_fetch_fails(0);
    world_.commit_faults().set({});
    const auto span = std::chrono::minutes(20);
    world_.run(span, [this] { look(); });
    FleetState state = world_.status(id_).state;
    const bool steered = state == FleetState::updating && steered_;
    const bool stays = state == FleetState::failed || state == FleetState::update_failed ||
                       state == FleetState::gone || state == FleetState::ready || steered;
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
  Shares routed_;         // as last seen
  bool steered_ = false;  // the wanted generation has what change_shares() gave it
};

}  // namespace slipway::fleet

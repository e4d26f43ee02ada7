// What a simulated world does to the commits of its reconciles.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "engine/reconciler.h"

namespace slipway::engine {

// Loses commits, and lets time pass between one and its effects, by chance from the world's seed.
// One for a world, whose servers come and go.
class CommitFaults {
 public:
  // How likely a reconcile's commit is lost, and how long the world may go on between one that is
  // not and its effects.
  struct Chances {
    double lost = 0;
    std::chrono::milliseconds slow_max{0};
  };

  // Both outlive it.
  CommitFaults(Random& random, ManualClock& clock) : random_(random), clock_(clock) {}

  void set(const Chances& chances) { chances_ = chances; }
  // Whether the last commit was lost, so that its effects are to come with the next.
  bool last_was_lost() const { return last_was_lost_; }

  // Has them happen to the commits of a loop. `meanwhile` lets the world do what it does in the
  // time that has passed. Before the loop's first step.
  void befall(ReconcilerLoop& loop, std::function<void()> meanwhile = [] {}) {
    loop.set_faults({.loses_commit = [this] { return last_was_lost_ = draws_loss(); },
                     .before_effects =
                         [this, meanwhile = std::move(meanwhile)] {
                           if (chances_.slow_max.count() == 0) return;
                           const auto bound = static_cast<std::uint64_t>(chances_.slow_max.count());
                           clock_.advance(std::chrono::milliseconds(below(random_, bound)));
                           meanwhile();
                         }});
  }

 private:
  bool draws_loss() {
    constexpr std::uint64_t parts = 1'000;
    return static_cast<double>(below(random_, parts)) < chances_.lost * parts;
  }

  Random& random_;
  ManualClock& clock_;
  Chances chances_;
  bool last_was_lost_ = false;
};

}  // namespace slipway::engine

// A simulated place whose server can end between any two of its effects. For simulations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include "place/simulated/simulated_place.h"

namespace slipway::place {

// Thrown out of an effect: the server ends here.
class SimulatedCrash : public std::runtime_error {
 public:
  SimulatedCrash() : std::runtime_error("the simulated server ends here") {}
};

// Counts effects down to the one at which the server ends.
class CrashPoint {
 public:
  void arm(std::uint64_t effects) { left_ = effects; }
  void disarm() { left_.reset(); }
  bool reached() const { return reached_; }
  void survive() { reached_ = false; }
  // Before or after an effect. Once reached, the server does nothing any more.
  void pass() {
    if (reached_) throw SimulatedCrash();
    if (!left_ || (*left_)-- > 0) return;
    left_.reset();
    reached_ = true;
    throw SimulatedCrash();
  }

 private:
  std::optional<std::uint64_t> left_;
  bool reached_ = false;
};

// The simulated place with crash points around every effect.
class CrashingPlace final : public Place {
 public:
  CrashingPlace(SimulatedMachine& machine, CrashPoint& crash, ObservationSink sink)
      : place_(machine, std::move(sink)), crash_(crash) {}

  Capabilities capabilities() const override { return place_.capabilities(); }
  void start(const InstanceKey& key, const InstanceSpec& spec) override {
    crash_.pass();
    place_.start(key, spec);
    crash_.pass();
  }
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override {
    crash_.pass();
    place_.stop(key, grace);
    crash_.pass();
  }
  void forget(const InstanceKey& key) override {
    crash_.pass();
    place_.forget(key);
    crash_.pass();
  }
  void adopt() override { place_.adopt(); }
  std::filesystem::path directory_of(const InstanceKey& key) const override {
    return place_.directory_of(key);
  }
  void push_logs(std::move_only_function<void()> done) override {
    place_.push_logs(std::move(done));
  }

 private:
  SimulatedPlace place_;
  CrashPoint& crash_;
};

}  // namespace slipway::place

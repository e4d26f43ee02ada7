// The instances of a process place that run: their ends are heard, and they are ended, politely or
// by force.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "cell/cgroups.h"
#include "cell/layers.h"
#include "net/loop.h"
#include "place/place.h"
#include "place/process/run_directory.h"

namespace slipway::place {

// An instance without a memory limit has its turn at one of so many looks at what instances take.
inline constexpr unsigned usage_turns = 30;

// Holds what the place knows of an instance while it runs.
struct RunningInstance {
  InstanceKey key;
  RunDirectory directory;
  ProcessId process;  // its keeper
  std::uint64_t memory_bytes_max = 0;
  unsigned turn = 0;  // of usage_turns
  std::optional<cell::Cgroup> group = {};
  bool forced = false;      // ended by us
  bool holds_room = false;  // and its files go as soon as it has ended
};

// A pidfd for each, watched by the place's loop, on whose thread everything here happens.
class RunningInstances {
 public:
  // `ended` is told of each that ends, while it still stands here: it takes it out. `loop` outlives
  // this object.
  RunningInstances(net::Loop& loop, const cell::Layers& layers,
                   std::function<void(const InstanceKey&)> ended);

  // Watches it from now on; false: its process is gone, and nothing is watched.
  bool add(const InstanceKey& key, const RunDirectory& directory, const ProcessId& process);
  // Watches it no more, and reaps it where it has ended and was a child of this process.
  RunningInstance take(const InstanceKey& key);

  bool empty() const { return watched_.empty(); }
  bool contains(const InstanceKey& key) const { return watched_.contains(key); }
  RunningInstance& at(const InstanceKey& key) { return watched_.at(key)->instance; }
  template <typename Act>
  void for_each(Act act) {
    for (const auto& [key, watched] : watched_) act(watched->instance);
  }

  // Asks it to end, and forces it after `grace`, or sooner where that was said before; false: none
  // such runs.
  bool stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void stop_all(std::chrono::milliseconds grace);
  // Ends it now, with all that it started.
  void force(const InstanceKey& key) { force(*watched_.at(key)); }

 private:
  using SteadyClock = std::chrono::steady_clock;

  struct Watched final : net::Watcher {
    Watched(RunningInstances& among, RunningInstance&& what, Fd process);
    ~Watched() override;
    void on_ready(std::uint32_t events) noexcept override;

    RunningInstances& owner;
    RunningInstance instance;
    Fd pidfd;
    SteadyClock::time_point forced_at = SteadyClock::time_point::max();  // not asked to end
    net::TimerId timer = 0;
  };

  void stop(Watched& watched, std::chrono::milliseconds grace);
  void force(Watched& watched);

  net::Loop& loop_;
  const cell::Layers& layers_;
  const std::function<void(const InstanceKey&)> ended_;
  std::map<InstanceKey, std::unique_ptr<Watched>> watched_;
  unsigned added_ = 0;
};

}  // namespace slipway::place

// Starts that the warmed parent was asked for and has not answered: its cells are made side by
// side, and the place's thread waits for none of them.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "place/place.h"
#include "place/process/run_directory.h"

namespace slipway::place {

// Limit: so many cells are being made at once. More would only share the same cores.
inline constexpr std::size_t starts_at_once_max = 4;

// One thread. The sockets are watched by `epoll`, which outlives this object.
class PendingStarts {
 public:
  using SteadyClock = std::chrono::steady_clock;

  struct Start {
    InstanceKey key;
    InstanceSpec spec;
    RunDirectory directory;
    uid_t user = 0;
  };
  struct Outcome {
    Start start;
    Result<ProcessId> process;  // as ask_for_cell() has it
    // It was to be stopped meanwhile, within so much.
    std::optional<std::chrono::milliseconds> stop = {};
  };

  explicit PendingStarts(int epoll) : epoll_(epoll) {}

  bool has_room() const { return pending_.size() < starts_at_once_max; }
  bool empty() const { return pending_.empty(); }
  bool contains(const InstanceKey& key) const;

  // `socket`: the order has been sent there.
  void add(Fd socket, Start start);
  // Notes that it is to be stopped as soon as it runs; false: the key is not among these.
  bool stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void stop_all(std::chrono::milliseconds grace);

  // What epoll says of a descriptor: the outcome, once the answer is whole. Nothing for others'.
  std::optional<Outcome> read(int fd);
  // Those that were not answered in time, as kind "silent".
  std::vector<Outcome> late(SteadyClock::time_point now);

 private:
  struct Pending {
    Fd socket;
    Start start;
    SteadyClock::time_point asked_at;
    std::string answer = {};
    std::optional<std::chrono::milliseconds> stop = {};
  };
  Outcome take(std::map<int, Pending>::iterator pending, Result<ProcessId> process);

  const int epoll_;
  std::map<int, Pending> pending_;  // by socket
};

}  // namespace slipway::place

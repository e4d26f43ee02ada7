// Has the cells of new instances made: by the warmed parent where it takes them, which makes them
// side by side while nobody waits; else by slipway-cell, which is waited for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "cell/layers.h"
#include "cell/order.h"
#include "net/loop.h"
#include "place/place.h"
#include "place/process/process_place.h"
#include "place/process/run_directory.h"
#include "place/process/zygote.h"

namespace slipway::place {

// Limit: the warmed parent makes so many at once. More would only share the same cores.
inline constexpr std::size_t starts_at_once_max = 4;

// The thread of the place's loop only.
class CellMaker {
 public:
  // An instance that is to run, with what the place gave it.
  struct Start {
    InstanceKey key;
    InstanceSpec spec;
    RunDirectory directory;
    uid_t user = 0;
    std::string cgroup = {};  // empty: it has none
  };
  struct Outcome {
    Start start;
    Result<ProcessId> process;  // as ask_for_cell() has it
    // It was to be stopped meanwhile, within so much.
    std::optional<std::chrono::milliseconds> stop = {};
  };

  // `made` is told of the outcome of each start, within make() or later. `loop` and `options`
  // outlive this object; `short_root`: a path to the place's root for sockets' addresses.
  CellMaker(net::Loop& loop, const ProcessPlaceOptions& options, const cell::Layers& layers,
            const std::string& short_root, std::function<void(Outcome)> made);

  // Has the warmed parent come up.
  void begin() { zygote_.begin(); }

  bool has_room() const { return pending_.size() < starts_at_once_max; }
  bool empty() const { return pending_.empty(); }
  // Whether a start of this key is on its way.
  bool contains(const InstanceKey& key) const { return pending_.contains(key); }

  void make(Start start);
  // Notes that it is to be stopped as soon as it runs; false: none of this key is on its way.
  bool stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void stop_all(std::chrono::milliseconds grace);

 private:
  // A start that the warmed parent was asked for and has not answered.
  struct Pending final : net::Watcher {
    Pending(CellMaker& among, Fd answering, Start what);
    ~Pending() override;
    void on_ready(std::uint32_t events) noexcept override;

    CellMaker& owner;
    Fd socket;
    Start start;
    net::TimerId patience = 0;
    std::string answer = {};
    std::optional<std::chrono::milliseconds> stop = {};
  };

  cell::Order order_of(const Start& start) const;
  void take_answer(const InstanceKey& key, Result<ProcessId> process);
  void finish(Outcome outcome);

  net::Loop& loop_;
  const ProcessPlaceOptions& options_;
  const cell::Layers& layers_;
  const std::function<void(Outcome)> made_;
  Zygote zygote_;
  std::map<InstanceKey, std::unique_ptr<Pending>> pending_;
};

}  // namespace slipway::place

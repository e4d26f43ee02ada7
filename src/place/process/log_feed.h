// The feed offers what the instances of a process place print to whoever keeps it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>

#include "place/place.h"
#include "place/process/log_watch.h"
#include "place/process/process_place.h"
#include "place/process/run_directory.h"

namespace slipway::place {

// One round offers so much of one running instance, the next one the rest. What is kept of one that
// has ended is offered at once.
inline constexpr std::size_t parts_per_round_max = 8;

// One thread.
class LogFeed {
 public:
  using SteadyClock = std::chrono::steady_clock;

  // The sink outlives this object; null: what is printed is in the run directories alone.
  explicit LogFeed(LogSink* sink) : sink_(sink) {}

  // Of an instance that runs.
  void add(const InstanceKey& key, const RunDirectory& directory, const Labels& labels);
  // Of one that has ended, whether it was added or not: offers all that is left, but of a log that
  // became too long its last part alone, however long its file says that it is.
  void finish(const InstanceKey& key, const RunDirectory& directory, const Labels& labels);
  // Of one that is looked at no more.
  void remove(const InstanceKey& key);

  // Notes who printed since the last look, and moves aside what became too long. Quick.
  void look();
  // Whether a push is due (log_push_period).
  bool is_due(SteadyClock::time_point now) const { return now - pushed_at_ >= log_push_period; }
  // Offers what those printed who printed since the last push, and returns them.
  std::set<InstanceKey> push();

 private:
  struct Source {
    RunDirectory directory;
    Labels labels;
    std::uint64_t offered = 0;  // and taken, up to there
  };
  enum class Left : std::uint8_t { nothing, more };  // for the next round

  Source source_of(const RunDirectory& directory, const Labels& labels) const;
  // `follows`: whether the instance may print more.
  Left offer(const InstanceKey& key, Source& source, LogPart::Follows follows);

  LogSink* const sink_;
  LogWatch watch_;
  std::map<InstanceKey, Source> sources_;
  SteadyClock::time_point pushed_at_ = {};
  std::set<InstanceKey> printed_;  // since the last push
  std::set<InstanceKey> behind_;   // more is to be offered, or the sink took not all
};

}  // namespace slipway::place

// A process place is this inside: one loop on one thread, and what it keeps of each instance.
// process_place.cc holds the ends of instances and what is done now and then, process_starts.cc
// their beginnings.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <utility>

#include "base/fd.h"
#include "net/loop.h"
#include "place/process/cell_maker.h"
#include "place/process/groups.h"
#include "place/process/limit_watch.h"
#include "place/process/log_feed.h"
#include "place/process/process_place.h"
#include "place/process/reports.h"
#include "place/process/run_directory.h"
#include "place/process/running.h"
#include "place/process/users.h"

namespace slipway::place {

// Everything but post(), end() and what is const happens on the loop's thread. An allocation that
// fails there ends the process (each entry from the loop is noexcept): half a start or half an end
// must not be forgotten, and the next server finds what runs.
class ProcessPlace::Impl final : public net::BatchHook {
 public:
  Impl(Ground ground, ObservationSink sink);
  ~Impl() override;

  // Has `command` run on the loop's thread.
  void post(Task command);
  std::future<void> end(std::chrono::milliseconds grace);

  void start(const InstanceKey& key, const InstanceSpec& spec);
  void stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void forget(const InstanceKey& key);
  void adopt();
  void push_logs();

  const cell::Layers& layers() const { return layers_; }
  RunDirectory directory_of(const InstanceKey& key) const {
    return RunDirectory(options_.root / key.file_name());
  }

 private:
  void on_batch_end() noexcept override;  // after starts have moved on

  // Beginnings.
  void start_fresh(const InstanceKey& key, const InstanceSpec& spec, const RunDirectory& directory);
  void finish_start(CellMaker::Outcome outcome);
  bool watch(const InstanceKey& key, const RunDirectory& directory, const ProcessId& process);
  // Watches what an earlier start, perhaps of a former server, left running in the directory;
  // false where nothing runs there.
  bool take_over(const InstanceKey& key, const RunDirectory& directory);
  void adopt_one(const RunDirectory& directory);
  void stop_unstarted(const InstanceKey& key, std::chrono::milliseconds grace);

  void on_exit(const InstanceKey& key);
  void tend();
  void tend_soon();

  const ProcessPlaceOptions options_;
  const cell::Layers layers_;
  const Fd root_lock_;
  const ShortRoot short_root_;
  const Reports reports_;
  std::atomic<bool> ending_ = false;  // nothing is started any more

  net::LoopThread thread_{"place"};
  RunningInstances running_;
  CellMaker cells_;
  std::deque<std::pair<InstanceKey, InstanceSpec>> line_;  // those that wait for room there
  LogFeed logs_;
  LimitWatch limits_;
  Users users_;
  Groups groups_;
  net::TimerId tend_timer_ = 0;            // 0: there is nothing to tend
  std::optional<std::promise<void>> end_;  // end() waits for it
};

}  // namespace slipway::place

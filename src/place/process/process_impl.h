// What a process place is inside: one thread, and what it keeps of each instance. process_place.cc
// holds its loop and the ends of instances, process_starts.cc their beginnings.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "place/process/disk_watch.h"
#include "place/process/groups.h"
#include "place/process/log_feed.h"
#include "place/process/pending_starts.h"
#include "place/process/process_place.h"
#include "place/process/run_directory.h"
#include "place/process/users.h"
#include "place/process/zygote.h"

namespace slipway::place {

// An instance without a memory limit has its turn at one of so many looks at what instances take.
inline constexpr unsigned usage_turns = 30;

class ProcessPlace::Impl {
 public:
  using Command = std::move_only_function<void()>;
  using SteadyClock = std::chrono::steady_clock;

  Impl(Ground ground, ObservationSink sink);
  ~Impl();

  void post(Command command);
  void start(const InstanceKey& key, const InstanceSpec& spec);
  void stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void stop_unstarted(const InstanceKey& key, std::chrono::milliseconds grace);
  std::future<void> end(std::chrono::milliseconds grace);
  void forget(const InstanceKey& key);
  void adopt();

  const cell::Layers& layers() const { return layers_; }
  RunDirectory directory_of(const InstanceKey& key) const {
    return RunDirectory(options_.root / key.file_name());
  }
  void push_logs();

 private:
  // The instance's addresses by a path that fits into a socket's address.
  Addresses addresses_of(const RunDirectory& directory) const;

  struct Running {
    RunDirectory directory;
    ProcessId process;
    int pidfd = -1;
    SteadyClock::time_point forced_at = SteadyClock::time_point::max();
    std::uint64_t memory_bytes_max = 0;
    unsigned turn = 0;
    std::optional<cell::Cgroup> group = {};
    bool forced = false;      // ended by us
    bool holds_room = false;  // and its files go as soon as it has ended
  };

  void run();
  void run_commands();
  int wait_ms() const;
  void force(Running& running);
  void force_what_is_late();
  void tend_now_and_then();
  void watch_usage();
  void watch_disk();
  bool disk_is_full() const { return options_.room && options_.room->is_nearly_full(); }
  void end_over_limit(const InstanceKey& key, Running& running, const std::string& reason);

  void start_fresh(const InstanceKey& key, const InstanceSpec& spec, const RunDirectory& directory);
  cell::Order order_of(const PendingStarts::Start& start) const;
  void start_process(PendingStarts::Start start);
  void take_answer(PendingStarts::Outcome outcome);  // of the warmed parent
  void finish_start(PendingStarts::Outcome outcome);
  void begin_those_that_may();
  void tell_end();
  bool watch(const InstanceKey& key, const RunDirectory& directory, const ProcessId& process);
  // Watches what an earlier start, perhaps of a former server, left running in the directory;
  // false where nothing runs there.
  bool take_over(const InstanceKey& key, const RunDirectory& directory);
  void adopt_one(const RunDirectory& directory);
  void report_end_of(const InstanceKey& key, const RunDirectory& directory, const Exit& otherwise);
  void tell_running(const InstanceKey& key, const RunDirectory& directory, Observation::Kind kind);
  void tell_exit(const InstanceKey& key, const RunDirectory& directory, const Exit& exit);
  void on_exit(const InstanceKey& key);

  const ProcessPlaceOptions options_;
  const cell::Layers layers_;
  const ObservationSink sink_;
  const Fd root_lock_;
  const int root_;
  const std::string reach_;  // the root by a short path
  const int epoll_;
  const int wake_;

  std::mutex mutex_;
  std::deque<Command> commands_;  // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::atomic<bool> ending_ = false;

  // The thread's own.
  std::map<InstanceKey, Running> running_;
  std::map<int, InstanceKey> keys_;  // by pidfd
  LogFeed logs_;
  PendingStarts starts_{epoll_};
  std::deque<std::pair<InstanceKey, InstanceSpec>> line_;  // those that wait for room there
  std::optional<std::promise<void>> end_;                  // end() waits for it
  Users users_{layers_};
  Groups groups_;
  Zygote zygote_;
  SteadyClock::time_point tended_at_ = {};
  SteadyClock::time_point zygote_tended_at_ = {};
  SteadyClock::time_point usage_checked_at_ = {};
  unsigned watched_ = 0;
  unsigned looks_ = 0;
  DiskLooks disk_looks_;
  std::jthread thread_;
};

}  // namespace slipway::place

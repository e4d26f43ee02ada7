// Instances as processes of this host that outlive the server: a server that was killed with
// SIGKILL finds them again and watches on.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/disk_room.h"
#include "base/fd.h"
#include "base/result.h"
#include "cell/layers.h"
#include "place/place.h"

namespace slipway::place {

// Limits and paces.
inline constexpr std::uint64_t log_bytes_max = 8 * 1024 * 1024;  // then the older half moves aside
// Between two looks at what instances print and take, while there are any; one with a memory limit
// may pass it for so long.
inline constexpr std::chrono::milliseconds check_period{100};
// How often what instances printed is offered to the log's sink, and observed.
inline constexpr std::chrono::milliseconds log_push_period{250};
inline constexpr std::chrono::milliseconds pid_file_wait_max{2'000};
inline constexpr std::uint64_t open_files_max = 65'536;
// Of one instance: processes with their threads where it has a user of its own, and processes alone
// by looking.
inline constexpr std::uint64_t tasks_max = 8'192;
inline constexpr std::size_t processes_max = 1'024;
inline constexpr std::uint64_t file_bytes_max = 16ULL << 30;          // one file that it writes
inline constexpr std::uint64_t shared_memory_bytes_max = 2ULL << 30;  // its /dev/shm

// Isolation keeps an instance's code to its own (cell/README.md).
enum class Isolation : std::uint8_t {
  automatic,  // what this machine has
  required,   // all that there is, or no start
  off,        // nothing: instances are processes of the server's user like any other
};

// Says where a process place keeps its instances, and how it starts and confines them.
struct ProcessPlaceOptions {
  // Each instance has a directory of its own below it: its working directory, with its sockets.
  std::filesystem::path root;
  // A warmed parent to fork instances from ("/path/slipway-modelserver", "--zygote"); the socket's
  // path is appended. Used for specs whose argv[0] is `zygote[0]`. Empty: plain starts only.
  std::vector<std::string> zygote;
  // slipway-cell. Empty: the one beside this program.
  std::filesystem::path cell = {};
  Isolation isolation = Isolation::automatic;
  // As in a cell's order: where the mounts' inside paths begin.
  std::string kept_free = {};
  // The disk of `root`; it outlives the place. Where it is nearly full, the instance that holds
  // most of it is ended, and its files go. None: each has its limit, and that is all.
  const DiskRoom* room = nullptr;
  // Takes what instances print; it outlives the place. Null: that is in their directories alone.
  LogSink* log = nullptr;
  // The labels of an instance that a release started which kept none with it.
  std::function<Labels(const InstanceKey&)> labels_of_older = {};
  // For tests: a machine that has no more than these, and a control group to divide instead of the
  // server's own (empty: none).
  std::optional<cell::Layers> layers = {};
  std::optional<std::string> cgroup = {};
};

// Each key has a directory <root>/<key.file_name()>/ with
//   key      the key's text
//   spec     written before the start, with the labels: the key is used from here on. No
//            environment stands in it
//   lock     held (flock) by the instance's keeper for life: proof that it runs
//   pid      "PID STARTTIME" of the keeper: what to signal and to watch
//   log      what the instance printed; log.1 what was before (copied aside at log_bytes_max)
//   ended    how it ended, once known
//   run/     the instance's own: its working directory, HOME, sockets, tmp/
// An instance runs in a cell (cell/README.md): it has no descriptor but 0, 1 and 2, only the
// environment of its spec, and of the files above only run/ and, as what it prints, the log. It
// reads what its spec's mounts give and the system's own parts.
//
// One thread of its own starts, signals and watches: a net::Loop, which sleeps while nothing runs.
// The sink is called there.
// Limits of memory are kept by control groups where the server has some to divide (groups.h); else,
// like those of processes and of files on the disk (disk_watch.h), by looking: an instance that is
// past one is killed.
class ProcessPlace final : public Place {
 public:
  // Refuses where `root` cannot be made, another process's place uses it (conflict), or isolation
  // is required and something is missing: unavailable, the message names it.
  static Result<std::unique_ptr<ProcessPlace>> open(ProcessPlaceOptions options,
                                                    ObservationSink sink);
  // Does the same in two steps, for whoever has other things to do meanwhile: the first refuses,
  // and waits for the processes that try what this machine isolates instances with.
  struct Ground {
    ProcessPlaceOptions options;
    Fd lock;  // of `options.root`
    cell::Layers layers;
  };
  static Result<Ground> prepare(ProcessPlaceOptions options);
  static std::unique_ptr<ProcessPlace> open(Ground ground, ObservationSink sink);
  // Leaves the instances running; stop() them first where they should not.
  ~ProcessPlace() override;

  Capabilities capabilities() const override;
  void start(const InstanceKey& key, const InstanceSpec& spec) override;
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override;
  void forget(const InstanceKey& key) override;
  void adopt() override;
  std::filesystem::path directory_of(const InstanceKey& key) const override;  // run/ above
  void push_logs(std::move_only_function<void()> done) override;
  // Starts nothing more, drops without a word what was to be started and had not begun, and stops
  // all that runs. From any thread, once; when the future is ready all have been asked to end, and
  // no observation of a start will come any more.
  std::future<void> end(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit ProcessPlace(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::place

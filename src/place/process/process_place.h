// Instances as processes of this host that outlive the server: a server that was killed with
// SIGKILL finds them again and watches on.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "place/place.h"

namespace slipway::place {

// Limits and paces.
inline constexpr std::uint64_t log_bytes_max = 8 * 1024 * 1024;  // then the older half moves aside
inline constexpr std::chrono::milliseconds log_check_period{1'000};
// Between two looks at the memory of an instance that has a limit; it may pass it for so long.
inline constexpr std::chrono::milliseconds memory_check_period{100};
inline constexpr std::chrono::milliseconds pid_file_wait_max{2'000};
inline constexpr std::chrono::milliseconds zygote_answer_max{2'000};
inline constexpr std::uint64_t open_files_max = 65'536;

struct ProcessPlaceOptions {
  // Each instance has a directory of its own below it: its working directory, with its sockets.
  std::filesystem::path root;
  // A warmed parent to fork instances from ("/path/slipway-modelserver", "--zygote"); the socket's
  // path is appended. Used for specs whose argv[0] is `zygote[0]`. Empty: plain starts only.
  std::vector<std::string> zygote;
};

// Each key has a directory <root>/<key.file_name()>/ with
//   key      the key's text
//   spec     written before the start: the key is used from here on
//   lock     held (flock) by the instance for life: proof that it runs, without trusting a pid
//   pid      "PID STARTTIME": what to signal, and a second proof where a program closed the lock
//   log      what it printed; log.1 what was before (copied aside at log_bytes_max)
//   ended    how it ended, once known
// The child leads a session of its own, has no descriptor but 0, 1, 2 and the lock, only the
// environment of its spec, and the directory as its working directory.
//
// One thread of its own starts, signals and watches (epoll over pidfds); the sink is called there.
// A memory limit is kept by looking: an instance whose processes hold more is killed.
//
// Where another process's child ended, its status cannot be learned: the Exit says neither.
class ProcessPlace final : public Place {
 public:
  // Refuses where `root` cannot be made or another process's place uses it: conflict.
  static Result<std::unique_ptr<ProcessPlace>> open(ProcessPlaceOptions options,
                                                    ObservationSink sink);
  // Leaves the instances running; stop() them first where they should not.
  ~ProcessPlace() override;

  Capabilities capabilities() const override;
  void start(const InstanceKey& key, const InstanceSpec& spec) override;
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override;
  void forget(const InstanceKey& key) override;
  void adopt() override;
  std::string log_tail(const InstanceKey& key, std::size_t lines) const override;
  Result<LogPart> read_log(const InstanceKey& key, std::uint64_t offset) const override;

 private:
  class Impl;
  explicit ProcessPlace(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::place

// The files of one key under the process place: what survives the server.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "place/place.h"

namespace slipway::place {

// A process, told apart from a later one of the same number by when it started (clock ticks since
// boot, field 22 of /proc/PID/stat).
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
};

// Whether that very process runs now: not ended, not a zombie.
bool is_alive(const ProcessId& process);

// Whether its number belongs to another process now.
bool has_new_owner(const ProcessId& process);

// So much of a log is read at once.
inline constexpr std::size_t log_read_bytes_max = 256 * 1024;

// A part of a log.
struct LogText {
  std::string text;
  std::uint64_t next_offset = 0;  // pass it to read on
};

// One key's directory. No state of its own but the path: two of one path see the same.
class RunDirectory {
 public:
  RunDirectory() = default;
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::string file(const char* name) const { return path_ / name; }
  // The instance's own directory: where it works, with its sockets. Nothing below it is believed.
  std::string own() const { return path_ / "run"; }

  // Makes the directories and notes key and spec: from here on the key is used. The instance's own
  // belongs to `user` (0: who the server is). conflict: the directory belongs to another key.
  // `cgroup`: its group's folder; empty: it has none.
  Result<> make(const InstanceKey& key, const InstanceSpec& spec, uid_t user,
                const std::string& cgroup) const;
  // The user noted by make().
  uid_t user() const;
  // The key it belongs to; nothing where it is none.
  std::optional<InstanceKey> key() const;
  // The addresses noted by make().
  Addresses addresses() const;
  // The labels noted by make(); nothing where a release made it that knew of none.
  std::optional<Labels> labels() const;
  // The memory limit noted by make(); 0: none.
  std::uint64_t memory_bytes_max() const;
  // The control group noted by make(); empty: none.
  std::string cgroup() const;
  // Appends a line of the place's own to the log, as far as the disk has room.
  void note_in_log(std::string_view line) const;
  bool used() const;

  std::optional<ProcessId> process() const;
  // Whether a keeper holds the lock.
  bool locked() const;
  // Seconds since the key was used.
  std::chrono::milliseconds age() const;

  // Noted before an instance is asked to end, so that also a later server knows why it did.
  void note_stop() const;
  std::optional<Exit> ended() const;
  void note_end(const Exit& exit) const;
  // Removes the sockets, so that nobody connects to what is gone.
  void remove_sockets() const;
  // Removes what the instance wrote itself, once it has ended; the rest stays until remove().
  void remove_own() const;
  void remove() const;

  // Moves the log aside (log.1) where it passed `bytes_max`. The caller keeps others out.
  void rotate_log(std::uint64_t bytes_max) const;
  // The last `lines` lines, at most `log_tail_bytes_max`.
  std::string log_tail(std::size_t lines) const;
  // Returns what was printed from `offset` on (0: the oldest that is kept), at most
  // `log_read_bytes_max`. not_found: no such key.
  Result<LogText> read_log(std::uint64_t offset) const;

 private:
  std::uint64_t log_base() const;

  std::filesystem::path path_;
};

}  // namespace slipway::place

// The access log: one JSON line for each request that was answered. Lines are handed to a thread of
// its own, so that a slow disk or a full pipe holds up nobody: what has no room is counted, and the
// log itself says how much that was.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace slipway::service {

// What waits to be written at most.
inline constexpr std::size_t access_lines_bytes_max = 4 << 20;

// One file or pipe, and the thread that writes to it. Thread-safe.
class AccessLog {
 public:
  // Appends to `file`; "-" is standard output. A file that was moved away is begun anew, as log
  // rotation wants it. invalid_argument: it cannot be opened.
  // Keeps `bytes_max` of lines beside those that are being written.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& file, const Clock& clock,
                                                 std::size_t bytes_max = access_lines_bytes_max);
  // Writes what waits for a second at most, then drops it.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // From any thread, without waiting for the disk. `line` ends with a newline.
  void add(std::string_view line);

  // Lines that were not written since the start: for lack of room, or because writing failed.
  std::uint64_t lost() const;

 private:
  AccessLog(std::string file, Fd out, const Clock& clock, std::size_t bytes_max);

  void run();
  void follow_rotation();
  void write(std::string_view lines);
  bool write_piece(std::string_view& rest);
  void lose(std::uint64_t lines, std::string_view why);
  bool gives_up() const;

  const std::string file_;  // "-": standard output
  const Clock& clock_;
  const std::size_t bytes_max_;
  Fd out_;                  // the thread's
  Instant warned_at_ = {};  // the thread's
  bool begun_ = false;      // the thread's: a line is on its way
  bool torn_ = false;       // the thread's: what was written last ends within a line

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;           // whole lines
  std::uint64_t overflowed_ = 0;  // lines that had no room since the last that were taken
  std::uint64_t lost_ = 0;
  bool stopping_ = false;
  Instant give_up_at_ = Instant::max();
  std::jthread thread_;
};

}  // namespace slipway::service

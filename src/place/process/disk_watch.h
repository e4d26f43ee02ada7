// How much instances hold on the disk, and who goes first when it is full.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/disk_room.h"

namespace slipway::place {

// Limits and paces.
inline constexpr std::uint64_t own_bytes_max = 16ULL << 30;  // of one instance, its files together
inline constexpr std::uint64_t own_files_max = 1'000'000;    // with folders
// An instance of less weight than this is not what fills a disk.
inline constexpr std::uint64_t filling_weight_min = 4ULL << 20;
inline constexpr std::chrono::milliseconds disk_check_period{10'000};
inline constexpr std::chrono::milliseconds full_disk_check_period{100};
inline constexpr std::chrono::milliseconds forced_end_wait_max{5'000};

inline constexpr std::uint64_t file_weight = 4'096;  // a file, however small, weighs so much

// Says what a tree of files takes on the disk.
struct DiskUse {
  std::uint64_t bytes = 0;  // allocated; a file counts once, however many names it has
  std::uint64_t files = 0;

  // Returns what it weighs beside others: a disk may run out of either.
  std::uint64_t weight() const { return std::max(bytes, files * file_weight); }
};

// Counts what lies in an instance's own directory, and what the processes below `keeper` hold open
// or mapped of that disk without a name. Folders nested deeper than 128 count as all that there may
// be.
DiskUse disk_use_of(const std::filesystem::path& own, pid_t keeper);

// Why an instance of such use is ended; empty: it is within its limits.
std::string disk_excess(const DiskUse& use);

// Why the largest is ended on a full disk.
std::string filling_reason(const DiskUse& use);

// When to look: often while the disk is full; a look that takes long is followed by a pause.
class DiskLooks {
 public:
  using Clock = std::chrono::steady_clock;

  bool due(bool full, Clock::time_point now) const {
    return now - looked_at_ >= (full ? full_disk_check_period : disk_check_period) + pause_;
  }
  void note(Clock::time_point begun, Clock::time_point ended);

 private:
  Clock::time_point looked_at_ = {};
  Clock::duration pause_ = {};
};

// Before a server of `root` starts: where the disk of `room` is nearly full, removes what ended
// instances left there, and ends those that run, the largest first, until it is not. What an
// instance prints says so. Does nothing while another process's place uses the root.
void make_room(const std::filesystem::path& root, const DiskRoom& room);

}  // namespace slipway::place

// How much may still be written to a disk: what lets a full one be got out of.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace slipway {

// The reserve: 1/64 of the disk, within these bounds and at most a quarter of it. Bodies, archives
// and logs stop before all of it, changes of rows before half of it; what deletes goes on to the
// end.
inline constexpr std::uint64_t disk_reserve_min = 64ULL << 20;
inline constexpr std::uint64_t disk_reserve_max = 1ULL << 30;
// For so long nothing was left when a deletion takes the reserve's file: time for whoever runs
// programs to end the one that fills the disk, and which would take that as well.
inline constexpr std::chrono::milliseconds disk_release_patience{500};

// Watches the disk that holds one folder. Thread-safe; asks the kernel each time (a microsecond).
class DiskRoom {
 public:
  // `folder` exists. Where a part of the reserve can be allocated as a file in it ("reserve"), what
  // else fills the disk (a model's code) leaves that much, and release_file() gives it free.
  explicit DiskRoom(const std::filesystem::path& folder);

  // Whether `bytes` more may be written, by what a client sends or a program prints. unavailable
  // "disk_full": the message says how much is free, and what to do.
  Result<> admit_bytes(std::uint64_t bytes) const;

  // Whether rows may be changed in a way that frees nothing. `reusable_bytes`: room that the
  // database has within its file.
  Result<> admit_change(std::uint64_t reusable_bytes) const;
  // Whether admit_change() needs to know of any.
  bool is_low() const;

  // Whether less is left than a quarter of the reserve, or hardly a file more can be made. Clients
  // stop before: what a program writes has taken it, or others have.
  bool is_nearly_full() const;

  // Lets go of the reserve's file where hardly anything else is left, and was not when this was
  // first asked, `patience` ago: before a deletion.
  void release_file(std::chrono::milliseconds patience = disk_release_patience);
  // Allocates it again when there is room enough. Called now and then.
  void keep_file();

 private:
  // Returns what anybody may write now; everything where the disk cannot be asked.
  std::uint64_t free_bytes() const;
  std::unexpected<Error> full(std::uint64_t free) const;

  const std::filesystem::path folder_;
  std::uint64_t reserve_ = 0;
  std::mutex file_mutex_;
  std::optional<std::chrono::steady_clock::time_point> wanted_since_;  // guarded by file_mutex_
};

}  // namespace slipway

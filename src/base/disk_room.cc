#include "base/disk_room.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"

namespace slipway {
namespace {

constexpr std::uint64_t reserve_divisor = 64;
constexpr std::uint64_t reserve_share_max = 4;  // at most a quarter of a small disk
constexpr std::uint64_t change_divisor = 2;     // changes of rows stop before half of the reserve
constexpr std::uint64_t full_divisor = 4;       // programs that hold much are ended below this
constexpr std::uint64_t file_divisor = 4;       // the part of it that is allocated as a file
constexpr std::uint64_t file_bytes_max = 64ULL << 20;
// So many files, and at most this share of all that the file system has, are kept for the server's.
constexpr std::uint64_t names_kept_max = 1'024;
constexpr std::uint64_t names_divisor = 64;
// Room within the database's file that is worth going on for.
constexpr std::uint64_t reusable_bytes_min = 1ULL << 20;

struct Space {
  std::uint64_t total = 0;
  std::uint64_t free = ~0ULL;
  bool has_names = true;  // room for more files
};

Space space_of(const std::filesystem::path& folder) {
  struct statvfs status{};
  if (::statvfs(folder.c_str(), &status) != 0) return {};
  return {.total = status.f_blocks * status.f_frsize,
          .free = status.f_bavail * status.f_frsize,
          .has_names = status.f_favail >=
                       std::min<std::uint64_t>(status.f_files / names_divisor, names_kept_max)};
}

std::uint64_t file_bytes(std::uint64_t reserve) {
  return std::min(reserve / file_divisor, file_bytes_max);
}

}  // namespace

DiskRoom::DiskRoom(const std::filesystem::path& folder) : folder_(folder) {
  const std::uint64_t total = space_of(folder).total;
  reserve_ = std::min(std::clamp(total / reserve_divisor, disk_reserve_min, disk_reserve_max),
                      total / reserve_share_max);
  keep_file();
}

std::uint64_t DiskRoom::free_bytes() const { return space_of(folder_).free; }

std::unexpected<Error> DiskRoom::full(std::uint64_t free) const {
  return fail(ErrorCode::unavailable,
              fmt::format("The disk that holds the data directory is full: {} bytes are free, and "
                          "the last {} are kept for deleting. Delete objects, queues, endpoints or "
                          "models, or give the disk more room.",
                          free, reserve_),
              "disk_full");
}

Result<> DiskRoom::admit_bytes(std::uint64_t bytes) const {
  const std::uint64_t free = free_bytes();
  if (free < reserve_ || free - reserve_ < bytes) return full(free);
  return {};
}

bool DiskRoom::is_low() const { return free_bytes() < reserve_ / change_divisor; }

Result<> DiskRoom::admit_change(std::uint64_t reusable_bytes) const {
  const std::uint64_t free = free_bytes();
  if (free >= reserve_ / change_divisor || reusable_bytes >= reusable_bytes_min) return {};
  return full(free);
}

bool DiskRoom::is_nearly_full() const {
  const Space space = space_of(folder_);
  return space.free < reserve_ / full_divisor || !space.has_names;
}

void DiskRoom::release_file(std::chrono::milliseconds patience) {
  const bool wanted = free_bytes() < file_bytes(reserve_);
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(file_mutex_);
  if (!wanted) return wanted_since_.reset();
  if (!wanted_since_) wanted_since_ = now;
  if (now - *wanted_since_ >= patience) ::unlink((folder_ / "reserve").c_str());
}

// Where the file system cannot allocate without writing, the reserve is a matter of counting alone.
void DiskRoom::keep_file() {
  const std::uint64_t bytes = file_bytes(reserve_);
  const std::filesystem::path path = folder_ / "reserve";
  const std::lock_guard lock(file_mutex_);
  if (bytes == 0 || free_bytes() < reserve_ + bytes || ::access(path.c_str(), F_OK) == 0) return;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) != 0)
    ::unlink(path.c_str());
}

}  // namespace slipway

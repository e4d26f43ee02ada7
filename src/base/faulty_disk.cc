#include "base/faulty_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

namespace slipway {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t page_bytes = 4096;

fs::path path_of(int fd) { return fs::read_symlink(fmt::format("/proc/self/fd/{}", fd)); }
fs::path path_of(const DiskName& at) { return path_of(at.folder) / at.name; }

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

FaultyDisk::FaultyDisk(fs::path graves, Plan plan)
    : graves_(std::move(graves)), plan_(plan), random_(plan.seed) {}

std::uint64_t FaultyDisk::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}

std::string FaultyDisk::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

bool FaultyDisk::has_power() const {
  const std::lock_guard lock(mutex_);
  return !dead_;
}

// Returns the errno of the fault that is due, or 0.
int FaultyDisk::step(std::string_view what, const fs::path& path) {
  if (dead_) return EIO;
  if (steps_ + 1 == plan_.dying_step) {
    failed_ = fmt::format("power went before {} {}", what, path.filename().string());
    die();
    return EIO;
  }
  if (++steps_ != plan_.failing_step || plan_.fault == Fault::none) return 0;
  failed_ = fmt::format("{} {}", what, path.filename().string());
  return plan_.fault == Fault::full ? ENOSPC : EIO;
}

void FaultyDisk::forget_bytes(const fs::path& file) {
  if (const auto found = unsynced_.find(file); found != unsynced_.end() && !found->second.lost)
    unsynced_.erase(found);
}

void FaultyDisk::keep_bytes(const fs::path& file) {
  if (!unsynced_.contains(file)) unsynced_[file].bytes = read_all(file);
}

int FaultyDisk::create(const DiskName& at) {
  const std::lock_guard lock(mutex_);
  const fs::path path = path_of(at);
  if (const int error = step("create", path)) return errno = error, -1;
  const int fd = kernel_disk().create(at);
  if (fd >= 0) names_.push_back({NameChange::Kind::made, path});
  return fd;
}

ssize_t FaultyDisk::write(int file, std::string_view bytes, off_t offset) {
  const std::lock_guard lock(mutex_);
  const fs::path path = path_of(file);
  const int error = step("write", path);
  if (dead_) return errno = EIO, -1;
  keep_bytes(path);
  if (error) {  // some of it may have been written
    kernel_disk().write(file, bytes.substr(0, below(random_, bytes.size() + 1)), offset);
    return errno = error, -1;
  }
  return kernel_disk().write(file, bytes, offset);
}

int FaultyDisk::sync_bytes(int file) {
  const fs::path path = path_of(file);
  if (const int error = before_sync(path)) return errno = error, -1;
  const std::lock_guard lock(mutex_);
  forget_bytes(path);
  return 0;
}

int FaultyDisk::sync_names(int folder) {
  const fs::path path = path_of(folder);
  {
    const std::lock_guard lock(mutex_);
    if (const int error = step("sync folder", path)) return errno = error, -1;
  }
  synced_names(path);
  return 0;
}

int FaultyDisk::rename(const DiskNames& names) {
  const std::lock_guard lock(mutex_);
  const fs::path from = path_of(names.from);
  const fs::path to = path_of(names.to);
  if (const int error = step("rename", from)) return errno = error, -1;
  if (fs::exists(to)) bury(to);
  if (kernel_disk().rename(names) != 0) return -1;
  names_.push_back({NameChange::Kind::moved, to, from});
  if (auto bytes = unsynced_.extract(from)) {
    bytes.key() = to;
    unsynced_.insert(std::move(bytes));
  }
  return 0;
}

int FaultyDisk::link(const DiskNames& names) {
  const std::lock_guard lock(mutex_);
  const fs::path to = path_of(names.to);
  if (const int error = step("link", to)) return errno = error, -1;
  if (kernel_disk().link(names) != 0) return -1;
  names_.push_back({NameChange::Kind::made, to});
  return 0;
}

int FaultyDisk::unlink(const DiskName& at) {
  const fs::path path = path_of(at);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return errno = ENOENT, -1;
  if (const int error = remove(path)) return errno = error, -1;
  return 0;
}

int FaultyDisk::before_change(const fs::path& file) {
  const std::lock_guard lock(mutex_);
  const int error = step("write", file);
  if (!dead_) keep_bytes(file);
  return error;
}

int FaultyDisk::before_sync(const fs::path& file) {
  const std::lock_guard lock(mutex_);
  const int error = step("sync", file);
  if (error && !dead_)
    if (const auto found = unsynced_.find(file); found != unsynced_.end())
      found->second.lost = true;
  return error;
}

void FaultyDisk::created(const fs::path& file) {
  const std::lock_guard lock(mutex_);
  if (!dead_) names_.push_back({NameChange::Kind::made, file});
}

void FaultyDisk::synced(const fs::path& file) {
  const std::lock_guard lock(mutex_);
  forget_bytes(file);
  std::erase_if(names_, [&](const NameChange& change) {
    return change.kind == NameChange::Kind::made && change.path == file;
  });
}

int FaultyDisk::remove(const fs::path& file) {
  const std::lock_guard lock(mutex_);
  if (const int error = step("unlink", file)) return error;
  bury(file);
  return 0;
}

void FaultyDisk::synced_names(const fs::path& folder) {
  const std::lock_guard lock(mutex_);
  std::erase_if(names_, [&](const NameChange& change) {
    return change.path.parent_path() == folder || change.from.parent_path() == folder;
  });
}

void FaultyDisk::bury(const fs::path& file) {
  const fs::path grave = graves_ / fmt::format("{}", steps_);
  std::error_code ignored;
  fs::rename(file, grave, ignored);
  if (auto bytes = unsynced_.extract(file)) {
    bytes.key() = grave;
    unsynced_.insert(std::move(bytes));
  }
  names_.push_back({NameChange::Kind::removed, file, grave});
}

void FaultyDisk::take_back(const NameChange& change) {
  std::error_code ignored;
  const bool made = change.kind == NameChange::Kind::made;
  if (made)
    fs::remove(change.path, ignored);
  else if (change.kind == NameChange::Kind::moved)
    fs::rename(change.path, change.from, ignored);
  else
    fs::rename(change.from, change.path, ignored);
  const fs::path now = made || change.kind == NameChange::Kind::moved ? change.path : change.from;
  const fs::path then = change.kind == NameChange::Kind::removed ? change.path : change.from;
  if (auto bytes = unsynced_.extract(now); bytes && !made) {
    bytes.key() = then;
    unsynced_.insert(std::move(bytes));
  }
}

void FaultyDisk::lose_bytes(const fs::path& file, const Unsynced& unsynced) {
  const std::string now = read_all(file);
  std::string after = unsynced.bytes;
  const std::uint64_t mixed = unsynced.lost ? 0 : below(random_, 3);  // none, all, some arrived
  if (mixed == 1) after = now;
  if (mixed == 2) {
    after.resize(std::max(now.size(), after.size()));
    for (std::size_t at = 0; at < now.size(); at += page_bytes)
      if (below(random_, 2) == 0) after.replace(at, page_bytes, now, at, page_bytes);
    if (below(random_, 2) == 0) after.resize(now.size());
  }
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, after.data(), after.size(), 0);
  ::close(fd);
}

void FaultyDisk::cut_power() {
  const std::lock_guard lock(mutex_);
  if (!dead_) die();
}

void FaultyDisk::die() {
  dead_ = true;
  for (std::size_t kept = below(random_, names_.size() + 1); names_.size() > kept;
       names_.pop_back())
    take_back(names_.back());
  for (const auto& [file, unsynced] : unsynced_) lose_bytes(file, unsynced);
}

}  // namespace slipway

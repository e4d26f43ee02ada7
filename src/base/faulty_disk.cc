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
fs::path path_of(const DiskName& at) {
  const fs::path name(at.name);
  if (!name.is_absolute()) return path_of(at.folder) / name;
  return fs::weakly_canonical(name.parent_path()) / name.filename();
}

bool is_within(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

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

template <typename Make>
int FaultyDisk::make_name(std::string_view what, const DiskName& at, Make make) {
  const std::lock_guard lock(mutex_);
  const fs::path path = path_of(at);
  if (const int error = step(what, path)) return errno = error, -1;
  const int made = make();
  if (made < 0) return made;
  names_.push_back({NameChange::Kind::made, path});
  unsynced_.erase(path);  // what had this name is another file
  return made;
}

int FaultyDisk::create(const DiskName& at) {
  return make_name("create", at, [&] { return kernel_disk().create(at); });
}

int FaultyDisk::make_folder(const DiskName& at) {
  return make_name("make folder", at, [&] { return kernel_disk().make_folder(at); });
}

int FaultyDisk::link_to(std::string_view target, const DiskName& at) {
  return make_name("link", at, [&] { return kernel_disk().link_to(target, at); });
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

// One disk: everything that was written to it.
int FaultyDisk::sync_all(int file) {
  const fs::path path = path_of(file);
  const std::lock_guard lock(mutex_);
  if (const int error = step("sync all from", path)) {
    if (!dead_)
      for (auto& [written, unsynced] : unsynced_) unsynced.lost = true;
    return errno = error, -1;
  }
  std::erase_if(unsynced_, [](const auto& each) { return !each.second.lost; });
  names_.clear();
  return 0;
}

// What lies in a folder moves with it.
void FaultyDisk::move_unsynced(const fs::path& from, const fs::path& to) {
  std::map<fs::path, Unsynced> moved;
  for (auto it = unsynced_.begin(); it != unsynced_.end();) {
    const auto next = std::next(it);
    if (is_within(it->first, from)) {
      auto bytes = unsynced_.extract(it);
      const fs::path within = bytes.key().lexically_relative(from);
      bytes.key() = within == "." ? to : to / within;
      moved.insert(std::move(bytes));
    }
    it = next;
  }
  unsynced_.merge(moved);
}

int FaultyDisk::rename(const DiskNames& names) {
  const std::lock_guard lock(mutex_);
  const fs::path from = path_of(names.from);
  const fs::path to = path_of(names.to);
  if (const int error = step("rename", from)) return errno = error, -1;
  if (fs::is_regular_file(to)) bury(to);  // a folder gives way only where it is empty
  if (kernel_disk().rename(names) != 0) return -1;
  names_.push_back({NameChange::Kind::moved, to, from});
  move_unsynced(from, to);
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
  if (!fs::exists(fs::symlink_status(path, ignored))) return errno = ENOENT, -1;
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
  move_unsynced(file, grave);
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
  if (made)
    unsynced_.erase(now);
  else
    move_unsynced(now, then);
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
  std::error_code ignored;  // it may be read-only by now
  fs::permissions(file, fs::perms::owner_write, fs::perm_options::add, ignored);
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

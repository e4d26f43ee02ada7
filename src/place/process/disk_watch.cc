#include "place/process/disk_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "place/process/memory_watch.h"
#include "place/process/pidfd.h"
#include "place/process/root_lock.h"
#include "place/process/run_directory.h"

namespace slipway::place {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds start_time_max{2'000};  // until an instance noted its process
constexpr unsigned depth_max = 128;
constexpr std::uint64_t block_bytes = 512;  // of st_blocks
// A look that takes longer than this is followed by a pause of ten times as long.
constexpr std::chrono::milliseconds short_look{10};
constexpr int pause_factor = 10;

using Folder = std::unique_ptr<DIR, decltype([](DIR* folder) { ::closedir(folder); })>;

Folder open_folder(int at, const char* name) {
  Fd fd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Folder folder(fd ? ::fdopendir(fd.get()) : nullptr);
  if (folder) fd.release();
  return folder;
}

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

// Walks by descriptors: the instance may swap folders for links meanwhile, and nest them deeper
// than a path is long.
class Count {
 public:
  explicit Count(dev_t disk) : disk_(disk) {}

  void add_below(Folder folder) {
    std::vector<Folder> open;
    open.push_back(std::move(folder));
    while (!open.empty() && use_.files <= own_files_max && use_.bytes <= own_bytes_max) {
      const dirent* const entry = ::readdir(open.back().get());
      if (entry == nullptr) {
        open.pop_back();
        continue;
      }
      const int at = ::dirfd(open.back().get());
      struct stat info{};
      if (is_dots(entry->d_name) || ::fstatat(at, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      add(info);
      if (!S_ISDIR(info.st_mode) || info.st_dev != disk_) continue;
      if (open.size() >= depth_max) use_.bytes = own_bytes_max + 1;
      if (Folder inner = open_folder(at, entry->d_name)) open.push_back(std::move(inner));
    }
  }

  // Files without a name live as long as somebody has them open, or mapped. Only root is shown
  // what others have mapped.
  void add_open_files_of(pid_t pid) {
    add_links_of(fmt::format("/proc/{}/fd", pid));
    add_links_of(fmt::format("/proc/{}/map_files", pid));
  }

  const DiskUse& use() const { return use_; }

 private:
  void add_links_of(const std::string& name) {
    const Folder folder = open_folder(AT_FDCWD, name.c_str());
    while (const dirent* const entry = folder ? ::readdir(folder.get()) : nullptr) {
      struct stat info{};
      if (::fstatat(::dirfd(folder.get()), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode) &&
          info.st_nlink == 0)
        add(info);
    }
  }

  void add(const struct stat& info) {
    if (info.st_dev != disk_) return;
    if (!S_ISDIR(info.st_mode) && info.st_nlink != 1 && !seen_.insert(info.st_ino).second) return;
    ++use_.files;
    use_.bytes += static_cast<std::uint64_t>(info.st_blocks) * block_bytes;
  }

  const dev_t disk_;
  DiskUse use_;
  std::set<ino_t> seen_;  // of those that may be met twice
};

bool end_keeper(const ProcessId& process) {
  const Fd pidfd(pidfd_open(process.pid));
  if (!pidfd || !is_alive(process)) return false;
  end_all_below(process.pid);
  pidfd_signal(pidfd.get(), SIGKILL);
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, static_cast<int>(forced_end_wait_max.count())) == 1;
}

struct Holder {
  RunDirectory directory;
  ProcessId process;
  DiskUse use;
};

// Of those that run, the one that holds most; what others left is removed.
std::optional<Holder> largest_below(const fs::path& root) {
  std::optional<Holder> largest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (!entry.is_directory(error)) continue;
    const RunDirectory directory(entry.path());
    const auto process = directory.process();
    const bool starts = !process && (directory.locked() || directory.age() < start_time_max);
    if (!directory.key() || starts) continue;
    if (!process || !is_alive(*process)) {
      directory.remove_own();
      continue;
    }
    const DiskUse use = disk_use_of(directory.own(), process->pid);
    if (use.weight() >= filling_weight_min && (!largest || use.weight() > largest->use.weight()))
      largest = Holder{directory, *process, use};
  }
  return largest;
}

}  // namespace

DiskUse disk_use_of(const fs::path& own, pid_t keeper) {
  Folder folder = open_folder(AT_FDCWD, own.c_str());
  struct stat info{};
  if (!folder || ::fstat(::dirfd(folder.get()), &info) != 0) return {};
  Count count(info.st_dev);
  count.add_below(std::move(folder));
  for (const pid_t pid : processes_below(keeper)) count.add_open_files_of(pid);
  return count.use();
}

std::string disk_excess(const DiskUse& use) {
  if (use.bytes > own_bytes_max)
    return fmt::format(
        "its files take more than the limit of {} MiB of the disk, and it was "
        "ended",
        own_bytes_max >> 20);
  if (use.files > own_files_max)
    return fmt::format("it has more than the limit of {} files, and was ended", own_files_max);
  return {};
}

std::string filling_reason(const DiskUse& use) {
  return fmt::format(
      "the disk was full, of which its {} files took {} MiB, more than any other "
      "instance's, and it was ended",
      use.files, use.bytes >> 20);
}

void DiskLooks::note(Clock::time_point begun, Clock::time_point ended) {
  const auto took = ended - begun;
  looked_at_ = ended;
  pause_ = took < short_look ? Clock::duration{} : pause_factor * took;
}

void make_room(const fs::path& root, const DiskRoom& room) {
  if (!room.is_nearly_full() || !fs::exists(root)) return;
  const auto lock = lock_root(root);
  if (!lock) return;
  while (room.is_nearly_full()) {
    const auto largest = largest_below(root);
    if (!largest || !room.is_nearly_full()) return;
    const std::string reason = filling_reason(largest->use);
    log_warning("place", "an instance is ended before the start",
                {{"instance", largest->directory.key()->text}, {"what", reason}});
    if (!end_keeper(largest->process)) return;
    largest->directory.remove_own();
    largest->directory.note_in_log("slipway: this instance: " + reason);
    if (!largest->directory.ended()) largest->directory.note_end({.signal = SIGKILL});
  }
}

}  // namespace slipway::place

#include "place/process/memory_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

namespace slipway::place {

namespace {

constexpr int sweeps_max = 100;
constexpr std::size_t proc_bytes_max = 64 * 1024;
constexpr std::uint64_t block_bytes = 512;  // of st_blocks, whatever the file system

// A file of /proc as it is now; empty where the process has ended. The kernel gives a page at most
// at a time.
std::string_view read_proc(const std::string& path, std::string& space) {
  space.resize(proc_bytes_max);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::size_t count = 0;
  for (ssize_t got = 1; got > 0 && count < space.size();) {
    got = ::read(fd, space.data() + count, space.size() - count);
    if (got > 0) count += static_cast<std::size_t>(got);
  }
  ::close(fd);
  return std::string_view(space).substr(0, count);
}

std::vector<std::uint64_t> numbers(std::string_view text) {
  std::vector<std::uint64_t> list;
  while (!text.empty()) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{}) list.push_back(value);
    const auto read = static_cast<std::size_t>(end - text.data());
    text.remove_prefix(std::min(text.size(), read + 1));
  }
  return list;
}

std::uint64_t page_bytes() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

std::uint64_t value_kib(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Pages of its own, and pages of shared memory as if they were all its own: never too little.
std::uint64_t most_of(pid_t pid, std::string& space) {
  const std::string_view status = read_proc(fmt::format("/proc/{}/status", pid), space);
  return (value_kib(status, "RssAnon:") + value_kib(status, "RssShmem:")) << 10;
}

// Files that lie in memory and are held by descriptors, each once however many hold it. No process
// need have them mapped, so what processes map does not tell of them.
class HeldMemory {
 public:
  // The cell's own /dev/shm counts whole, whoever holds its files. The host's belongs to all: of it
  // count the files that are held.
  explicit HeldMemory(pid_t process) {
    struct stat host{};
    struct stat cell{};
    struct statvfs used{};
    const std::string folder = fmt::format("/proc/{}/root/dev/shm", process);
    if (::stat(folder.c_str(), &cell) != 0 || ::statvfs(folder.c_str(), &used) != 0) return;
    if (::stat("/dev/shm", &host) == 0 && cell.st_dev == host.st_dev) return;
    own_device_ = cell.st_dev;
    bytes_ += (used.f_blocks - used.f_bfree) * used.f_frsize;
  }

  void add(pid_t pid) {
    const std::string list = fmt::format("/proc/{}/fd", pid);
    DIR* const folder = ::opendir(list.c_str());
    if (folder == nullptr) return;
    while (const dirent* const entry = ::readdir(folder))
      if (entry->d_name[0] != '.' && looks_in_memory(::dirfd(folder), entry->d_name))
        add_file(::dirfd(folder), entry->d_name);
    ::closedir(folder);
  }

  std::uint64_t bytes() const { return bytes_; }
  bool has(dev_t device, ino_t inode) const {
    return (own_device_ != 0 && device == own_device_) || files_.contains({device, inode});
  }

 private:
  static bool looks_in_memory(int folder, const char* descriptor) {
    char text[16];
    const ssize_t size = ::readlinkat(folder, descriptor, text, sizeof text);
    const std::string_view to(text, size < 0 ? 0 : static_cast<std::size_t>(size));
    return to.starts_with("/memfd:") || to.starts_with("/dev/shm/");
  }
  void add_file(int folder, const char* descriptor) {
    struct stat file{};
    if (::fstatat(folder, descriptor, &file, 0) != 0 || has(file.st_dev, file.st_ino)) return;
    files_.insert({file.st_dev, file.st_ino});
    bytes_ += static_cast<std::uint64_t>(file.st_blocks) * block_bytes;
  }

  std::set<std::pair<dev_t, ino_t>> files_;
  dev_t own_device_ = 0;  // 0: the host's /dev/shm
  std::uint64_t bytes_ = 0;
};

// Whether a line of /proc/PID/smaps begins a mapping ("7f00-7f80 rw-s 00000000 00:01 77 /memfd:x"),
// and then whether it is one of what is held.
enum class Line : std::uint8_t { detail, other_mapping, held_mapping };
Line kind_of(const std::string& line, const HeldMemory& held) {
  const std::size_t dash = line.find('-');
  const std::size_t blank = line.find(' ');
  if (dash == std::string::npos || dash > blank || line.find(':') < blank) return Line::detail;
  char* rest = nullptr;
  const std::size_t device = line.find(' ', line.find(' ', blank + 1) + 1);
  if (device == std::string::npos) return Line::other_mapping;
  const auto high = static_cast<unsigned>(std::strtoul(line.c_str() + device, &rest, 16));
  if (*rest != ':') return Line::other_mapping;
  const auto low = static_cast<unsigned>(std::strtoul(rest + 1, &rest, 16));
  const ino_t inode = std::strtoul(rest, nullptr, 10);
  return held.has(makedev(high, low), inode) ? Line::held_mapping : Line::other_mapping;
}

// The process's part of mapped memory that is counted as held already. Pages of its own in a
// private mapping of such a file are not.
std::uint64_t mapped_of(pid_t pid, const HeldMemory& held) {
  std::ifstream smaps(fmt::format("/proc/{}/smaps", pid));
  std::uint64_t bytes = 0;
  std::uint64_t part = 0;
  bool counts = false;
  for (std::string line; std::getline(smaps, line);) {
    const Line kind = kind_of(line, held);
    if (kind != Line::detail) counts = kind == Line::held_mapping;
    if (!counts) continue;
    if (line.starts_with("Pss:")) part = value_kib(line, "Pss:");
    if (!line.starts_with("Anonymous:")) continue;
    const std::uint64_t anonymous = value_kib(line, "Anonymous:");
    bytes += part > anonymous ? part - anonymous : 0;
  }
  return bytes << 10;
}

// Shared pages by parts, so that a tree's sum counts each once. Walks the page tables.
std::uint64_t part_of(pid_t pid, const HeldMemory& held, std::string& space) {
  const std::string_view rollup = read_proc(fmt::format("/proc/{}/smaps_rollup", pid), space);
  if (rollup.empty()) {
    const auto fields = numbers(read_proc(fmt::format("/proc/{}/statm", pid), space));
    if (fields.size() < 3 || fields[1] < fields[2]) return 0;
    return (fields[1] - fields[2]) * page_bytes();
  }
  const std::uint64_t all = (value_kib(rollup, "Pss_Anon:") + value_kib(rollup, "Pss_Shmem:"))
                            << 10;
  const std::uint64_t counted = held.bytes() == 0 ? 0 : mapped_of(pid, held);
  return all > counted ? all - counted : 0;
}

// Each thread lists the children that it started itself.
void add_children(pid_t pid, std::vector<pid_t>& to, std::string& space) {
  const std::string tasks = fmt::format("/proc/{}/task", pid);
  DIR* const folder = ::opendir(tasks.c_str());
  if (folder == nullptr) return;
  while (const dirent* const entry = ::readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    for (const std::uint64_t child :
         numbers(read_proc(fmt::format("{}/{}/children", tasks, entry->d_name), space)))
      if (to.size() < watched_processes_max) to.push_back(static_cast<pid_t>(child));
  }
  ::closedir(folder);
}

std::vector<pid_t> processes_below(pid_t process, std::string& space) {
  std::vector<pid_t> found{process};
  for (std::size_t i = 0; i < found.size(); ++i) add_children(found[i], found, space);
  found.erase(found.begin());
  return found;
}

}  // namespace

std::vector<pid_t> processes_below(pid_t process) {
  std::string space;
  return processes_below(process, space);
}

Usage usage_below(pid_t process, std::uint64_t bytes_max) {
  std::string space;
  const std::vector<pid_t> processes = processes_below(process, space);
  Usage usage{.processes = processes.size()};
  HeldMemory held(process);
  for (const pid_t pid : processes) {
    held.add(pid);
    usage.bytes += most_of(pid, space);
  }
  usage.bytes += held.bytes();
  if (usage.bytes <= bytes_max) return usage;
  usage.bytes = held.bytes();
  for (const pid_t pid : processes) usage.bytes += part_of(pid, held, space);
  return usage;
}

void end_all_below(pid_t process) {
  std::string space;
  std::set<pid_t> stopped;
  for (int sweep = 0; sweep < sweeps_max; ++sweep) {
    bool more = false;
    for (const pid_t pid : processes_below(process, space))
      if (stopped.insert(pid).second) {
        more = true;
        ::kill(pid, SIGSTOP);
      }
    if (!more) break;
  }
  for (const pid_t pid : stopped) ::kill(pid, SIGKILL);
}

}  // namespace slipway::place

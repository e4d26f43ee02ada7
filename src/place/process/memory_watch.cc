#include "place/process/memory_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <string_view>

namespace slipway::place {

namespace {

constexpr int sweeps_max = 100;
constexpr std::size_t proc_bytes_max = 64 * 1024;

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

// Shared pages by parts, so that a tree's sum counts each once. Walks the page tables.
std::uint64_t part_of(pid_t pid, std::string& space) {
  const std::string_view rollup = read_proc(fmt::format("/proc/{}/smaps_rollup", pid), space);
  if (rollup.empty()) {
    const auto fields = numbers(read_proc(fmt::format("/proc/{}/statm", pid), space));
    if (fields.size() < 3 || fields[1] < fields[2]) return 0;
    return (fields[1] - fields[2]) * page_bytes();
  }
  return (value_kib(rollup, "Pss_Anon:") + value_kib(rollup, "Pss_Shmem:")) << 10;
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

Usage usage_below(pid_t process, std::uint64_t bytes_max) {
  std::string space;
  const std::vector<pid_t> processes = processes_below(process, space);
  Usage usage{.processes = processes.size()};
  for (const pid_t pid : processes) usage.bytes += most_of(pid, space);
  if (usage.bytes <= bytes_max) return usage;
  usage.bytes = 0;
  for (const pid_t pid : processes) usage.bytes += part_of(pid, space);
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

#include "place/process/memory_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::place {

namespace {

// A small file of /proc as it is now; empty where the process has ended.
std::string_view read_proc(const std::string& path, std::string& space) {
  space.resize(4096);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t got = ::read(fd, space.data(), space.size());
  ::close(fd);
  return std::string_view(space).substr(0, got < 0 ? 0 : static_cast<std::size_t>(got));
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

std::uint64_t memory_of(pid_t pid, std::string& space) {
  const auto fields = numbers(read_proc(fmt::format("/proc/{}/statm", pid), space));
  if (fields.size() < 3 || fields[1] < fields[2]) return 0;
  return (fields[1] - fields[2]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
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

}  // namespace

std::uint64_t memory_of_tree(pid_t pid) {
  std::string space;
  std::vector<pid_t> tree{pid};
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    bytes += memory_of(tree[i], space);
    add_children(tree[i], tree, space);
  }
  return bytes;
}

}  // namespace slipway::place

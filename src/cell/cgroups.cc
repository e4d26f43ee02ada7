#include "cell/cgroups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "base/fd.h"

namespace slipway::cell {

namespace fs = std::filesystem;

namespace {

constexpr const char* hierarchy = "/sys/fs/cgroup";
constexpr const char* server_group = "server";
constexpr const char* way_to_it =
    "Run the server as a systemd service with Delegate=yes, or alone in a container with a cgroup "
    "namespace of its own that may write to /sys/fs/cgroup";

std::string read_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char bytes[4096];
  for (ssize_t got = 0; file && (got = ::read(file.get(), bytes, sizeof bytes)) != 0;) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0) text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}

// These files take a value in one piece, and say at once whether it holds.
bool write_value(const std::string& path, std::string_view value) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file &&
         ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

Result<> set(const std::string& path, std::string_view value) {
  if (write_value(path, value)) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("The control group cannot be set up: {} to {}: {}", value, path,
                          errno_text(errno)));
}

Result<> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("The control group {} cannot be made: {}", path, errno_text(errno)));
}

// Whether `word` is one of those that stand in a file between blanks.
bool lists(const std::string& path, std::string_view word) {
  const std::string text = " " + read_file(path);
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if (text[at - 1] == ' ' && (end == text.size() || text[end] == ' ' || text[end] == '\n'))
      return true;
  }
  return false;
}

bool has_cgroup2() {
  struct statfs info{};
  return ::statfs(hierarchy, &info) == 0 &&
         static_cast<unsigned long>(info.f_type) == CGROUP2_SUPER_MAGIC;
}

// The folder of a process's group.
std::string group_of(const std::string& process) {
  const std::string text = "\n" + read_file(fmt::format("/proc/{}/cgroup", process));
  constexpr std::string_view mark = "\n0::";
  const std::size_t at = text.find(mark);
  if (at == text.npos) return {};
  const std::size_t from = at + mark.size();
  const std::string path = text.substr(from, text.find('\n', from) - from);
  return path == "/" ? hierarchy : hierarchy + path;
}

std::unexpected<Error> not_left(std::string_view why) {
  return fail(ErrorCode::unavailable, fmt::format("{}. {}", why, way_to_it));
}

}  // namespace

bool Cgroup::exists() const { return ::access(path_.c_str(), F_OK) == 0; }

std::size_t Cgroup::processes() const {
  const std::string text = read_file(path_ + "/cgroup.procs");
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

bool Cgroup::ran_out_of_memory() const {
  const std::string text = "\n" + read_file(path_ + "/memory.events");
  constexpr std::string_view name = "\noom_kill ";
  const std::size_t at = text.find(name);
  return at != text.npos && text[at + name.size()] != '0';
}

void Cgroup::end_all() const { write_value(path_ + "/cgroup.kill", "1"); }

bool Cgroup::remove() const { return ::rmdir(path_.c_str()) == 0 || errno == ENOENT; }

Result<std::string> Cgroups::own_base() {
  if (!has_cgroup2()) return not_left("there is no cgroup v2 at /sys/fs/cgroup");
  const std::string base = group_of("self");
  if (base.empty()) return not_left("this process has no control group");
  // It was divided before, by this process.
  const fs::path above = fs::path(base).parent_path();
  if (fs::path(base).filename() == server_group &&
      lists(above / "cgroup.subtree_control", "memory"))
    return above.string();
  if (!lists(base + "/cgroup.controllers", "memory"))
    return not_left(fmt::format("{} has no memory controller", base));
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"})
    if (::access((base + file).c_str(), W_OK) != 0)
      return not_left(fmt::format("{}{} cannot be written", base, file));
  // The kernel divides no group that has members, but for the root of all.
  const bool is_root = ::access((base + "/cgroup.type").c_str(), F_OK) != 0;
  const std::string alone = fmt::format("{}\n", ::getpid());
  if (!is_root && read_file(base + "/cgroup.procs") != alone)
    return not_left(fmt::format("in {} there are other processes, too", base));
  // Before Linux 5.14 a group cannot be ended as one.
  if (!is_root && ::access((base + "/cgroup.kill").c_str(), F_OK) != 0)
    return not_left("the kernel is older than 5.14");
  return base;
}

Result<Cgroups> Cgroups::claim(const std::string& base, const std::string& name) {
  if (group_of("self") == base) {
    TRY_DO(make_folder(base + "/" + server_group));
    TRY_DO(set(fmt::format("{}/{}/cgroup.procs", base, server_group), "0"));
  }
  Cgroups groups;
  groups.folder_ = base + "/" + name;
  TRY_DO(make_folder(groups.folder_));
  groups.limits_memory_ = lists(base + "/cgroup.controllers", "memory");
  groups.limits_processes_ = lists(base + "/cgroup.controllers", "pids");
  const std::string wanted = fmt::format("{}{}", groups.limits_memory_ ? "+memory " : "",
                                         groups.limits_processes_ ? "+pids" : "");
  if (wanted.empty()) return groups;
  TRY_DO(set(base + "/cgroup.subtree_control", wanted));
  TRY_DO(set(groups.folder_ + "/cgroup.subtree_control", wanted));
  return groups;
}

Result<> Cgroups::make(const Cgroup& group, const CgroupLimits& limits) const {
  if (group.exists()) group.remove();
  TRY_DO(make_folder(group.path()));
  auto limited = limit(group, limits);
  if (!limited) group.remove();
  return limited;
}

Result<> Cgroups::limit(const Cgroup& group, const CgroupLimits& limits) const {
  if (limits_processes_ && limits.tasks != 0)
    TRY_DO(set(group.path() + "/pids.max", std::to_string(limits.tasks)));
  if (!limits_memory_ || limits.memory_bytes == 0) return {};
  TRY_DO(set(group.path() + "/memory.max", std::to_string(limits.memory_bytes)));
  // All of it, rather than the one process that happened to ask last.
  TRY_DO(set(group.path() + "/memory.oom.group", "1"));
  // There is no such file where the kernel does not count swap.
  const std::string swap = group.path() + "/memory.swap.max";
  if (::access(swap.c_str(), F_OK) != 0) return {};
  return set(swap, "0");
}

std::vector<Cgroup> Cgroups::all() const {
  std::vector<Cgroup> groups;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (entry.is_directory(error)) groups.emplace_back(entry.path());
  return groups;
}

Finding describe_memory(std::optional<pid_t> server) {
  Finding finding{Finding::Need::comfort, true, "memory", "cgroup v2, delegated"};
  if (server && has_cgroup2()) {
    const fs::path group = group_of(std::to_string(*server));
    if (group.filename() == server_group &&
        lists(group.parent_path() / "cgroup.subtree_control", "memory"))
      return finding;
  }
  const auto base = Cgroups::own_base();
  if (base) return finding;
  finding.held = false;
  finding.detail = fmt::format(
      "looked at ten times a second, and what is taken between two looks is not held: {}",
      base.error().message);
  return finding;
}

}  // namespace slipway::cell

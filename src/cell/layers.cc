#include "cell/layers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "cell/cell.h"
#include "cell/landlock.h"
#include "cell/order.h"
#include "cell/privileges.h"
#include "cell/system_calls.h"

namespace slipway::cell {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t answer_bytes_max = 4096;
constexpr unsigned scoped_signals_abi = 6;

using Need = Finding::Need;

std::string read_all(int fd) {
  std::string text;
  char bytes[1024];
  for (ssize_t got = 0; text.size() < answer_bytes_max;) {
    got = ::read(fd, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EINTR)) break;
    if (got > 0) text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}

// Users from `users_first` on, or the upper end of what this process's namespace maps.
std::pair<uid_t, uid_t> mapped_users() {
  constexpr uid_t few = 4096;
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  std::uint64_t best = 0;
  std::uint64_t best_end = 0;
  while (map >> inside >> outside >> count) {
    if (inside <= users_first && users_first + users_count <= inside + count)
      return {users_first, users_count};
    if (count > best) {
      best = count;
      best_end = inside + count;
    }
  }
  if (best < 4ULL * few) return {0, 0};
  return {static_cast<uid_t>(best_end - few), few};
}

// Starts a cell around nothing, with `layers`: whether that works, and what it says when not.
class Trial {
 public:
  Trial(std::string folder, std::string program)
      : folder_(std::move(folder)), program_(std::move(program)) {}

  bool works(const Layers& layers) {
    Order order{.layers = layers, .user = layers.first_user, .arguments = {program_}};
    order.control = fmt::format("{}/{}", folder_, ++count_);
    order.directory = order.control + "/run";
    const std::string own_tmp = order.directory + "/tmp";  // on the way to a program below /tmp
    std::error_code error;
    fs::create_directories(own_tmp, error);
    for (const std::string& folder : {order.directory, own_tmp})
      if (order.user != 0 && ::chown(folder.c_str(), order.user, order.user) != 0) return false;
    order.given = {{.host = program_, .inside = {}}};
    order.variables = {"SLIPWAY_CELL_TRIAL=1"};
    const auto text = to_text(order);
    int ends[2];
    if (!text || ::pipe2(ends, O_CLOEXEC) != 0) return false;
    const auto keeper = start(*text, ends[1], {});
    ::close(ends[1]);
    const std::string answer = keeper ? read_all(ends[0]) : "";
    ::close(ends[0]);
    if (keeper) {
      ::kill(*keeper, SIGKILL);
      ::waitpid(*keeper, nullptr, 0);
    }
    fs::remove_all(order.control, error);
    if (answer.starts_with("{\"pid\"")) return true;
    std::fputs(fmt::format("layers {} do not hold here: {}\n", to_text(layers), answer).c_str(),
               stderr);
    return false;
  }

 private:
  const std::string folder_;
  const std::string program_;
  int count_ = 0;
};

// The strongest namespaces that work, beside the rest of `layers`.
void find_namespaces(Trial& trial, Layers& layers) {
  Layers tried = layers;
  tried.namespaces = true;
  tried.user_namespace = !is_privileged();
  for (const bool fresh : {true, false}) {
    tried.fresh_proc = fresh;
    if (!trial.works(tried)) continue;
    layers = tried;
    return;
  }
}

// With namespaces or without: where a folder above keeps other users out, the tree of a cell has
// that folder for everybody.
void find_users(Trial& trial, Layers& layers) {
  const auto [first, count] = mapped_users();
  if (!is_privileged() && ::geteuid() != 0) return;
  if (first == 0) return;
  Layers tried = layers;
  tried.first_user = first;
  tried.user_count = count;
  if (trial.works(tried)) layers = tried;
}

Finding files_finding(const Layers& layers) {
  if (layers.landlock_abi >= 3)
    return {Need::isolation, true, "files",
            fmt::format("Landlock, version {}", layers.landlock_abi)};
  if (layers.landlock_abi > 0)
    return {Need::isolation, layers.namespaces, "files",
            fmt::format("Landlock, version {}, which does not forbid to truncate files by path: "
                        "Linux 6.2 does",
                        layers.landlock_abi)};
  const char* const mend =
      "Use Linux 5.13 or newer with landlock among the modules that it starts (lsm= on its command "
      "line)";
  if (layers.namespaces)
    return {Need::isolation, true, "files",
            fmt::format("a file tree of its own, without Landlock. {}", mend)};
  return {Need::isolation, false, "files",
          fmt::format("without Landlock a model's code reads what {} may. {}",
                      layers.own_users() ? "everybody" : "the server", mend)};
}

Finding processes_finding(const Layers& layers) {
  if (layers.namespaces)
    return {Need::isolation, true, "processes",
            fmt::format("namespaces of its own{}{}",
                        layers.user_namespace ? ", by a user namespace" : "",
                        layers.fresh_proc ? "" : "; its /proc shows the machine's processes")};
  return {
      Need::isolation, false, "processes",
      "without namespaces a model's code sees the machine's processes, finds what it is given "
      "under "
      "the host's paths alone, and has no /tmp and /dev/shm of its own. Allow user namespaces "
      "(kernel.unprivileged_userns_clone, user.max_user_namespaces, "
      "kernel.apparmor_restrict_unprivileged_userns), or give the container CAP_SYS_ADMIN and a "
      "seccomp profile that allows clone, mount and pivot_root"};
}

Finding signals_finding(const Layers& layers) {
  if (layers.namespaces)
    return {Need::isolation, true, "signals and tracing", "namespaces of its own"};
  if (layers.own_users())
    return {Need::isolation, true, "signals and tracing", "a user of its own"};
  if (layers.landlock_abi >= scoped_signals_abi)
    return {Need::isolation, true, "signals and tracing",
            fmt::format("Landlock, version {}", layers.landlock_abi)};
  if (layers.landlock_abi > 0)
    return {Need::isolation, false, "signals and tracing",
            "Landlock forbids tracing, and nothing forbids signals to other processes of the "
            "server's user: use Linux 6.12, or allow namespaces"};
  return {Need::isolation, false, "signals and tracing",
          "a model's code may trace and signal the processes of the server's user: use Linux 6.12, "
          "or allow namespaces"};
}

Finding users_finding(const Layers& layers) {
  if (layers.own_users())
    return {Need::isolation, true, "users",
            fmt::format("each instance has its own, of {} to {}", layers.first_user,
                        layers.first_user + layers.user_count - 1)};
  return {Need::isolation, layers.user_namespace, "users",
          layers.user_namespace
              ? "the server's, in a user namespace of its own, without capabilities"
              : "instances run as the server's user. Start the server as root, with CAP_SETUID, "
                "CAP_SETGID and CAP_CHOWN, from folders that other users may enter"};
}

}  // namespace

std::vector<Finding> describe(const Layers& layers) {
  std::vector<Finding> findings{files_finding(layers), processes_finding(layers),
                                signals_finding(layers), users_finding(layers)};
  findings.push_back(
      layers.system_call_filter
          ? Finding{Need::isolation, true, "system calls", "those that lead out are refused"}
          : Finding{Need::isolation, false, "system calls",
                    "the kernel takes no filter: use one with CONFIG_SECCOMP_FILTER, on x86-64 or "
                    "arm64"});
  return findings;
}

std::string to_text(const Layers& layers) {
  return fmt::format("{} {:d} {:d} {:d} {:d} {} {}", layers.landlock_abi, layers.namespaces,
                     layers.user_namespace, layers.fresh_proc, layers.system_call_filter,
                     layers.first_user, layers.user_count);
}

Result<Layers> layers_from_text(std::string_view text) {
  std::uint64_t numbers[7]{};
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), numbers[i]);
    if (error != std::errc{} || word.empty())
      return fail(ErrorCode::corrupted, "What was found out about this machine is not readable.");
  }
  return Layers{.landlock_abi = static_cast<unsigned>(numbers[0]),
                .namespaces = numbers[1] != 0,
                .user_namespace = numbers[2] != 0,
                .fresh_proc = numbers[3] != 0,
                .system_call_filter = numbers[4] != 0,
                .first_user = static_cast<uid_t>(numbers[5]),
                .user_count = static_cast<uid_t>(numbers[6])};
}

Layers probe(const std::string& folder, const std::string& program) {
  Trial trial(folder, program);
  Layers layers;
  layers.system_call_filter = can_filter();
  layers.landlock_abi = landlock_abi();
  if (layers.landlock_abi != 0 && !trial.works(layers)) layers.landlock_abi = 0;
  find_namespaces(trial, layers);
  find_users(trial, layers);
  return layers;
}

Result<Layers> ask(const std::string& program, const std::string& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(ErrorCode::unavailable, "No pipe can be made: " + errno_text(errno));
  const pid_t child = ::vfork();
  if (child == 0) {
    ::dup2(ends[1], 1);
    ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
    ::execl(program.c_str(), program.c_str(), "--probe", folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  const std::string text = child > 0 ? read_all(ends[0]) : "";
  ::close(ends[0]);
  if (child > 0) ::waitpid(child, nullptr, 0);
  auto layers = layers_from_text(std::string_view(text).substr(0, text.find('\n')));
  if (layers) return layers;
  return fail(
      ErrorCode::unavailable,
      fmt::format("What isolates instances on this machine cannot be found out: {} does not "
                  "run. Build it with ./dev build.",
                  program));
}

}  // namespace slipway::cell

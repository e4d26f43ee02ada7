#include "cell/cell.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "base/fd.h"
#include "cell/keeper.h"
#include "cell/landlock.h"
#include "cell/mounts.h"
#include "cell/privileges.h"
#include "cell/system_calls.h"

namespace slipway::cell {

namespace {

constexpr int first_private_descriptor = 10;
constexpr unsigned scoped_signals_abi = 6;  // Landlock from this version on

std::unexpected<Error> cannot(std::string_view what, std::string_view path) {
  const std::string why = errno_text(errno);
  return fail(ErrorCode::unavailable, fmt::format("The cell cannot {} {}: {}", what, path, why));
}

// ---- who asked is told one line

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    if (byte < 0x20)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out + '"';
}

void tell(const Fd& to, std::string_view line) {
  while (!line.empty()) {
    const ssize_t sent = ::write(to.get(), line.data(), line.size());
    if (sent < 0 && errno != EINTR) return;
    if (sent > 0) line.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string error_line(const Error& error) {
  const std::string kind =
      error.kind.empty() ? "" : fmt::format(R"(, "kind": {})", json_text(error.kind));
  return fmt::format("{{\"error\": {}{}}}\n", json_text(error.message), kind);
}

// ---- the keeper's place in the world

// A process as this machine counts: its number, and when it began in clock ticks (field 22).
struct Identity {
  std::string pid;
  std::string start_time;
};

// Before the cell has a /proc of its own, this one is the machine's.
Identity own_identity() {
  char bytes[1024];
  const Fd file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  const ssize_t size = ::read(file.get(), bytes, sizeof bytes);
  const std::string_view text(bytes, size < 0 ? 0 : static_cast<std::size_t>(size));
  std::size_t at = text.rfind(')');  // the name before it may hold anything
  for (int field = 2; field < 22 && at != text.npos; ++field) at = text.find(' ', at + 1);
  if (at == text.npos) return {};
  return {.pid = std::string(text.substr(0, text.find(' '))),
          .start_time = std::string(text.substr(at + 1, text.find(' ', at + 1) - at - 1))};
}

struct Files {
  Fd control;
  Fd lock;
  Fd log;
  Fd nothing;
  Fd cgroup;  // where the order names one
};

Fd move_up(int fd) {
  const Fd low(fd);
  return low ? Fd(::fcntl(low.get(), F_DUPFD_CLOEXEC, first_private_descriptor)) : Fd();
}

Result<Files> open_files(const Order& order) {
  Files files;
  files.control = move_up(::open(order.control.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!files.control) return cannot("open", order.control);
  const auto open = [&](const char* name, int flags) {
    return move_up(::openat(files.control.get(), name, flags | O_CREAT | O_CLOEXEC, 0600));
  };
  files.lock = open("lock", O_RDWR);
  if (!files.lock) return cannot("open the lock in", order.control);
  if (::flock(files.lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::conflict, fmt::format("The lock in {} is held.", order.control),
                "locked");
  files.log = open("log", O_WRONLY | O_APPEND);
  if (!files.log) return cannot("open the log in", order.control);
  files.nothing = move_up(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!files.nothing) return cannot("open", "/dev/null");
  if (order.cgroup.empty()) return files;
  files.cgroup = move_up(::open(order.cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!files.cgroup) return cannot("open", order.cgroup);
  return files;
}

Result<> note_pid(const Files& files, const Identity& identity) {
  const std::string text = fmt::format("{} {}\n", identity.pid, identity.start_time);
  const Fd file(
      ::openat(files.control.get(), "pid.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::renameat(files.control.get(), "pid.new", files.control.get(), "pid") == 0)
    return {};
  return cannot("note its", "pid");
}

// Returns what Landlock allows. Without namespaces the paths of the host are the program's.
std::vector<LandlockRule> rules_of(const Order& order, const SystemParts& parts) {
  using Access = LandlockRule::Access;
  std::vector<LandlockRule> rules;
  for (const std::string& path : parts.folders) rules.push_back({path, Access::read});
  rules.push_back({"/proc", Access::read});
  for (const std::string& path : parts.devices) rules.push_back({path, Access::device});
  // Files of /dev/shm belong to users: not every cell has a user, or a /dev/shm, of its own.
  if (order.layers.namespaces || order.user != 0) rules.push_back({"/dev/shm", Access::write});
  if (order.layers.namespaces) {
    rules.push_back({"/tmp", Access::write});
    if (!order.kept_free.empty()) rules.push_back({order.kept_free, Access::write});
  }
  for (const Given& given : order.given) {
    const Access access = given.access == Given::Access::read_write ? Access::write : Access::read;
    rules.push_back({given.host, access});
    if (order.layers.namespaces && !given.inside.empty()) rules.push_back({given.inside, access});
  }
  rules.push_back({order.directory, Access::write});
  return rules;
}

// ---- the program's place

Result<> set_limit(int which, std::uint64_t most) {
  rlimit limit{};
  if (most == 0 || ::getrlimit(static_cast<__rlimit_resource>(which), &limit) != 0) return {};
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(static_cast<__rlimit_resource>(which), &limit) == 0) return {};
  return cannot("set", "a limit");
}

Result<> set_limits(const Order& order) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  TRY_DO(set_limit(RLIMIT_NOFILE, order.limits.open_files));
  TRY_DO(set_limit(RLIMIT_FSIZE, order.limits.file_bytes));
  // It counts all processes of the user: with the server's own they would be the server's, too.
  if (order.user != 0 || order.layers.user_namespace)
    TRY_DO(set_limit(RLIMIT_NPROC, order.limits.processes));
  return {};
}

// Everything that the program's process does to itself, in the one order that works.
Result<> close_in(const Order& order, const Files& files, const std::optional<Fd>& rules,
                  pid_t keeper) {
  forget_signals();
  ::setsid();
  if (::dup2(files.nothing.get(), 0) < 0 || ::dup2(files.log.get(), 1) < 0 ||
      ::dup2(files.log.get(), 2) < 0)
    return cannot("open", "its log");
  if (::chdir(order.directory.c_str()) != 0) return cannot("enter", order.directory);
  TRY_DO(set_limits(order));
  if (order.layers != no_layers) TRY_DO(become(order.user));
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != keeper) std::_Exit(exit_status_failed);
  if (rules) TRY_DO(keep_to(*rules));
  if (!order.layers.system_call_filter) return {};
  FilterNeeds needs;
  needs.same_user_outside = !order.layers.namespaces && order.user == 0;
  if (needs.same_user_outside && order.layers.landlock_abi < scoped_signals_abi)
    needs.unsignalled = {keeper};
  return filter_system_calls(needs);
}

// Closes all but 0, 1, 2 and `kept`.
void close_others(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned from = 3;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (from < number) ::close_range(from, number - 1, 0);
    from = number + 1;
  }
  ::close_range(from, ~0U, 0);
}

int execute(const Order& order) {
  std::vector<char*> arguments;
  std::vector<char*> variables;
  for (const std::string& text : order.arguments)
    arguments.push_back(const_cast<char*>(text.c_str()));
  for (const std::string& text : order.variables)
    variables.push_back(const_cast<char*>(text.c_str()));
  arguments.push_back(nullptr);
  variables.push_back(nullptr);
  ::execve(arguments[0], arguments.data(), variables.data());
  return errno;
}

// In the program's process. What goes wrong goes through `report`; that it is closed without a word
// means that the program runs.
[[noreturn]] void run_program(const Order& order, const Files& files,
                              const std::optional<Fd>& rules, pid_t keeper, Fd report,
                              const CellMain& body) {
  if (auto closed = close_in(order, files, rules, keeper); !closed) {
    tell(report, closed.error().message);
    std::_Exit(127);
  }
  close_others({report.get()});
  if (body) {
    report.reset();
    std::_Exit(body(order));
  }
  const int error = execute(order);
  tell(report,
       fmt::format("'{}' could not be started: {}.", order.arguments[0], errno_text(error)));
  std::_Exit(127);
}

std::string read_all(const Fd& from) {
  std::string text;
  char bytes[1024];
  for (ssize_t got = 0; (got = ::read(from.get(), bytes, sizeof bytes)) != 0;) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0) text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}

// A child that is a member of `cgroup` from the first: to move a process the kernel waits for all
// processors. Some containers know nothing of this call: ENOSYS.
pid_t fork_into(const Fd& cgroup) {
  if (!cgroup) return ::fork();
  clone_args wanted{};
  wanted.flags = CLONE_INTO_CGROUP;
  wanted.exit_signal = SIGCHLD;
  wanted.cgroup = static_cast<std::uint64_t>(cgroup.get());
  return static_cast<pid_t>(::syscall(SYS_clone3, &wanted, sizeof wanted));
}

Result<> enter(const Fd& cgroup) {
  const Fd members(::openat(cgroup.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  if (members && ::write(members.get(), "0", 1) == 1) return {};
  return cannot("enter", "its control group");
}

void enter_or_leave(const Fd& cgroup, const Fd& report) {
  const auto entered = enter(cgroup);
  if (entered) return;
  tell(report, entered.error().message);
  std::_Exit(127);
}

// The program's process, once the program runs in it.
Result<pid_t> make_program(const Order& order, const Files& files, const std::optional<Fd>& rules,
                           const CellMain& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("make", "a pipe");
  const Fd heard = move_up(ends[0]);
  Fd report = move_up(ends[1]);
  const pid_t keeper = ::getpid();
  pid_t program = fork_into(files.cgroup);
  const bool is_outside = program < 0 && errno == ENOSYS;
  if (is_outside) program = ::fork();
  if (program == 0 && is_outside) enter_or_leave(files.cgroup, report);
  if (program == 0) run_program(order, files, rules, keeper, std::move(report), body);
  if (program < 0) return cannot("fork", "the program");
  report.reset();
  const std::string failure = read_all(heard);
  if (!failure.empty()) return fail(ErrorCode::unavailable, failure);
  return program;
}

struct User {
  uid_t user = 0;
  gid_t group = 0;
};

// Everything of the keeper up to its long wait. The answer line says what became of it.
struct Kept {
  Files files;
  pid_t program = 0;
  std::string answer;
};

Result<Kept> settle(const Order& order, const User& outside, const CellMain& body,
                    const PreparedTree* prepared) {
  Kept kept;
  TRY(kept.files, open_files(order));
  const Identity identity = own_identity();
  TRY_DO(note_pid(kept.files, identity));
  if (order.layers.user_namespace) TRY_DO(map_own_user(outside.user, outside.group));
  const SystemParts parts =
      prepared != nullptr ? prepared->parts() : find_system_parts(order.kept_free);
  if (order.layers.namespaces) TRY_DO(enter_own_tree(order, parts, prepared));
  if (::getpid() != 1) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::optional<Fd> rules;
  if (order.layers.landlock_abi != 0) {
    TRY(Fd made, make_rules(order.layers.landlock_abi, rules_of(order, parts)));
    rules = move_up(made.release());
  }
  await_signals();
  TRY(kept.program, make_program(order, kept.files, rules, body));
  kept.answer =
      fmt::format("{{\"pid\": {}, \"start_time\": {}}}\n", identity.pid, identity.start_time);
  return kept;
}

[[noreturn]] void be_keeper(const std::string& text, Fd reply, const User& outside,
                            const CellMain& body, const PreparedTree* prepared) {
  ::setsid();
  ::umask(077);
  forget_signals();
  std::signal(SIGPIPE, SIG_IGN);  // the instance lives on where who asked for it does not
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const auto order = order_from_text(text);
  auto kept = order ? settle(*order, outside, body, prepared) : std::unexpected(order.error());
  if (!kept) {
    tell(reply, error_line(kept.error()));
    std::_Exit(exit_status_failed);
  }
  tell(reply, kept->answer);
  for (const int standard : {0, 1, 2}) ::dup2(kept->files.nothing.get(), standard);
  if (prepared != nullptr) ::close(prepared->space().get());
  // The lock stays held by the number that it has.
  kept->files.log.reset();
  kept->files.nothing.reset();
  kept->files.cgroup.reset();
  reply.reset();
  keep(kept->program, kept->files.control);
}

unsigned long clone_flags(const Layers& layers, const PreparedTree* prepared) {
  if (!layers.namespaces) return SIGCHLD;
  return SIGCHLD | CLONE_NEWPID | CLONE_NEWIPC | (prepared == nullptr ? CLONE_NEWNS : 0) |
         (layers.user_namespace ? CLONE_NEWUSER : 0);
}

}  // namespace

bool shares_tree(const OrderHead& head) {
  return head.layers.namespaces && !head.layers.user_namespace;
}

Result<pid_t> start(std::string_view text, int reply, const CellMain& body,
                    const PreparedTree* prepared) {
  TRY(const OrderHead head, head_from_text(text));
  if (!shares_tree(head)) prepared = nullptr;
  const User outside{.user = ::geteuid(), .group = ::getegid()};
  const long pid = ::syscall(SYS_clone, clone_flags(head.layers, prepared), 0, 0, 0, 0);
  if (pid < 0) return cannot("clone", "its first process");
  if (pid != 0) return static_cast<pid_t>(pid);
  Fd answer = move_up(reply);
  std::vector<int> kept{answer.get()};
  if (prepared != nullptr) kept.push_back(prepared->space().get());
  close_others(std::move(kept));
  be_keeper(std::string(text), std::move(answer), outside, body, prepared);
}

}  // namespace slipway::cell

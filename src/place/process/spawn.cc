#include "place/process/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/sanitized.h"

namespace slipway::place {

namespace {

// Descriptors of the child. `report` closes at the exec, which is how the parent learns of success.
constexpr int report_descriptor = 3;
constexpr int first_unwanted_descriptor = 4;
constexpr int first_private_descriptor = 64;

// Says what the child could not do.
struct Failure {
  int step = 0;
  int error = 0;
};
constexpr const char* step_names[] = {"enter its directory", "open its log", "execute the program"};
enum Step : int { step_directory, step_log, step_exec };

// Everything the child needs, made before the fork: after it, only system calls.
struct Prepared {
  std::vector<char*> argv;
  std::vector<std::string> environment_texts;
  std::vector<char*> environment;
  int report = -1;
};

Prepared prepare(const SpawnRequest& request) {
  Prepared prepared;
  for (const std::string& argument : request.argv)
    prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  for (const auto& [name, value] : request.environment)
    prepared.environment_texts.push_back(name + "=" + value);
  for (std::string& text : prepared.environment_texts) prepared.environment.push_back(text.data());
  prepared.environment.push_back(nullptr);
  return prepared;
}

[[noreturn]] void give_up(Step step) {
  const Failure failure{step, errno};
  const ssize_t written = ::write(report_descriptor, &failure, sizeof failure);
  ::_exit(written == sizeof failure ? 127 : 126);
}

void reset_signals() {
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &plain, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void open_standard_files(const SpawnRequest& request) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int log =
      request.log_file.empty()
          ? null
          : ::open(request.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int out = request.standard_output < 0 ? log : request.standard_output;
  const int in = request.standard_input < 0 ? null : request.standard_input;
  if (null < 0 || log < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(log, 2) < 0)
    give_up(step_log);
}

void set_limits(const SpawnRequest& request) {
  rlimit files{};
  if (request.open_files_max != 0 && ::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, request.open_files_max);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

// Runs between fork and exec, possibly in the parent's memory: system calls on prepared data only.
[[noreturn]] void become(const SpawnRequest& request, const Prepared& prepared) {
  if (::dup3(prepared.report, report_descriptor, O_CLOEXEC) < 0) ::_exit(126);
  reset_signals();
  ::setsid();
  ::umask(077);
  if (::chdir(request.directory.c_str()) != 0) give_up(step_directory);
  open_standard_files(request);
  ::close_range(first_unwanted_descriptor, ~0U, 0);
  set_limits(request);
  ::execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
  give_up(step_exec);
}

// vfork, so that a large server starts a program as fast as a small one and its other threads run
// on undisturbed; fork under sanitizers, whose run-time cannot bear a shared memory.
pid_t fork_and_become(const SpawnRequest& request, const Prepared& prepared) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the child
  const pid_t pid = sanitized ? ::fork() : ::vfork();
  if (pid == 0) become(request, prepared);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// Waits until the child executed its program (nothing) or told why not.
Failure read_report(int report, bool& failed) {
  Failure failure;
  ssize_t got = 0;
  do got = ::read(report, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  failed = got == sizeof failure;
  return failure;
}

// Descriptors above those that the child gives a meaning to.
int move_up(int fd) {
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, first_private_descriptor);
  ::close(fd);
  return high;
}

}  // namespace

Result<pid_t> spawn(const SpawnRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(ErrorCode::unavailable,
                fmt::format("No pipe for a new process can be made: {}.", std::strerror(errno)));
  ends[0] = move_up(ends[0]);
  ends[1] = move_up(ends[1]);
  Prepared prepared = prepare(request);
  prepared.report = ends[1];
  const pid_t pid = fork_and_become(request, prepared);
  const int fork_error = errno;
  ::close(ends[1]);
  bool failed = false;
  const Failure failure = pid > 0 ? read_report(ends[0], failed) : Failure{};
  ::close(ends[0]);
  if (pid < 0)
    return fail(ErrorCode::unavailable,
                fmt::format("No process can be started: {}.", std::strerror(fork_error)));
  if (!failed) return pid;
  ::waitpid(pid, nullptr, 0);
  return fail(ErrorCode::unavailable,
              fmt::format("'{}' could not be started: it could not {}: {}.", request.argv[0],
                          step_names[failure.step], std::strerror(failure.error)));
}

}  // namespace slipway::place

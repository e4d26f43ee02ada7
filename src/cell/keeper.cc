#include "cell/keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace slipway::cell {

namespace {

constexpr int sweeps_max = 1'000;  // a program that forks faster than it is ended is given up

sigset_t awaited() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, signal);
  return signals;
}

// What the program left behind: as the subreaper this process has all of it as its children, though
// perhaps not at once. Within a cell that has process numbers of its own the kernel does the same.
void end_what_is_left() {
  for (int sweep = 0; sweep < sweeps_max; ++sweep) {
    std::ifstream children(fmt::format("/proc/self/task/{}/children", ::getpid()));
    for (pid_t child = 0; children >> child;) ::kill(child, SIGKILL);
    int status = 0;
    if (::waitpid(-1, &status, 0) < 0) return;
  }
}

// The note appears whole or not at all.
void note_end(const Fd& control, int status) {
  const std::string text = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                               : fmt::format("status {}", WEXITSTATUS(status));
  const std::string draft = std::string(ended_file) + ".new";
  const Fd file(
      ::openat(control.get(), draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    ::renameat(control.get(), draft.c_str(), control.get(), ended_file);
}

}  // namespace

void await_signals() {
  const sigset_t signals = awaited();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

void forget_signals() {
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void keep(pid_t program, const Fd& control) {
  const sigset_t signals = awaited();
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGCHLD) {
      ::kill(program, signal);
      continue;
    }
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != program) continue;
      if (::getpid() != 1) end_what_is_left();
      note_end(control, status);
      std::_Exit(0);
    }
  }
}

}  // namespace slipway::cell

// Tries to get out: each argument is an attempt, "NAME TARGET", and is answered with a line
// "NAME TARGET: done" or "NAME TARGET: refused (why)". Attempts undo nothing: their targets are
// made for them. See attempts() for the names.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "base/fd.h"

namespace {

using namespace slipway;

using Attempt = bool (*)(const std::string& target);  // errno says why not

pid_t number(const std::string& text) { return std::atoi(text.c_str()); }

bool reads(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char byte = 0;
  return file && ::read(file.get(), &byte, 1) >= 0;
}

bool follows(const std::string& link) {
  char target[4096];
  return ::readlink(link.c_str(), target, sizeof target) >= 0;
}

std::string of_process(const std::string& pid, const char* file) {
  return fmt::format("/proc/{}/{}", pid, file);
}

bool waits_for(const std::function<bool()>& in_child) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool done = in_child();
    ::_exit(done ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return errno == 0;
}

// ---- files

bool write_to(const std::string& path) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  return file && ::write(file.get(), "x", 1) == 1;
}
bool list(const std::string& path) {
  return static_cast<bool>(Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
}
bool cut(const std::string& path) { return ::truncate(path.c_str(), 0) == 0; }
bool remove_it(const std::string& path) { return ::unlink(path.c_str()) == 0; }
bool move_in(const std::string& path) { return ::rename(path.c_str(), "stolen") == 0; }
bool link_in(const std::string& path) { return ::link(path.c_str(), "stolen") == 0; }
bool change_mode(const std::string& path) { return ::chmod(path.c_str(), 0666) == 0; }
bool change_owner(const std::string& path) {
  return ::chown(path.c_str(), ::geteuid(), ::getegid()) == 0;
}
bool change_time(const std::string& path) { return ::utime(path.c_str(), nullptr) == 0; }

// ---- processes

bool read_environ(const std::string& pid) { return reads(of_process(pid, "environ")); }
bool read_maps(const std::string& pid) { return reads(of_process(pid, "maps")); }
bool open_memory(const std::string& pid) { return reads(of_process(pid, "mem")) || errno == EIO; }
bool follow_cwd(const std::string& pid) { return follows(of_process(pid, "cwd")); }
bool follow_root(const std::string& pid) { return list(of_process(pid, "root/etc")); }
bool list_descriptors(const std::string& pid) { return list(of_process(pid, "fd")); }
bool see(const std::string& pid) { return reads(of_process(pid, "status")); }
bool trace(const std::string& pid) {
  if (::ptrace(PTRACE_ATTACH, number(pid), nullptr, nullptr) != 0) return false;
  ::ptrace(PTRACE_DETACH, number(pid), nullptr, nullptr);
  return true;
}
bool read_memory(const std::string& pid) {
  char byte = 0;
  const iovec here{&byte, 1};
  const iovec there{reinterpret_cast<void*>(0x400000), 1};
  return ::process_vm_readv(number(pid), &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
}
bool take_descriptor(const std::string& pid) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, number(pid), 0)));
  return process && ::syscall(438 /* pidfd_getfd */, process.get(), 0, 0) >= 0;
}
// SIGWINCH is ignored by whoever does not ask for it.
bool signal_it(const std::string& pid) { return ::kill(number(pid), SIGWINCH) == 0; }
bool signal_by_descriptor(const std::string& pid) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, number(pid), 0)));
  return process && ::syscall(SYS_pidfd_send_signal, process.get(), SIGWINCH, nullptr, 0) == 0;
}
bool limit_it(const std::string& pid) {
  rlimit files{};
  return ::prlimit(number(pid), RLIMIT_NOFILE, nullptr, &files) == 0 &&
         ::prlimit(number(pid), RLIMIT_NOFILE, &files, nullptr) == 0;
}
bool pin_it(const std::string& pid) {
  cpu_set_t all;
  std::memset(&all, 0xFF, sizeof all);
  return ::sched_setaffinity(number(pid), sizeof all, &all) == 0;
}
bool slow_it(const std::string& pid) {
  return ::setpriority(PRIO_PROCESS, static_cast<id_t>(number(pid)), 0) == 0;
}
bool idle_it(const std::string& pid) {
  const sched_param none{};
  return ::sched_setscheduler(number(pid), SCHED_OTHER, &none) == 0;
}

// Leaves a process behind, in a session of its own, that goes on printing.
bool leave_behind(const std::string&) {
  const pid_t child = ::fork();
  if (child > 0) return ::waitpid(child, nullptr, 0) == child;
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  for (int i = 0; i < 500; ++i) {
    if (::write(1, "still here\n", 11) < 0) break;
    ::usleep(10'000);
  }
  ::_exit(0);
}

// ---- sockets

bool connect_to(const sockaddr_un& address, std::size_t size) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(size)) == 0;
}
bool connect_by_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return connect_to(address, sizeof address);
}
bool connect_by_name(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path + 1, name.c_str(), sizeof address.sun_path - 2);
  return connect_to(address, offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

// ---- the kernel

bool mount_anew(const std::string&) {
  return waits_for([] {
    return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           ::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0;
  });
}
bool mount_here(const std::string&) { return ::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0; }
bool write_protect_off(const std::string& path) {
  return ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0;
}
bool change_root(const std::string& path) { return ::chroot(path.c_str()) == 0; }
bool become_root(const std::string&) {
  return ::setuid(0) == 0 && ::geteuid() == 0 && ::seteuid(1) == 0;
}
bool load_module(const std::string&) {
  return ::syscall(SYS_finit_module, 0, "", 0) == 0 || errno == ENOEXEC || errno == EBADF;
}
bool set_clock(const std::string&) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return ::clock_settime(CLOCK_REALTIME, &now) == 0;
}

const std::map<std::string, Attempt>& attempts() {
  static const std::map<std::string, Attempt> all{{"read", reads},
                                                  {"write", write_to},
                                                  {"list", list},
                                                  {"cut", cut},
                                                  {"remove", remove_it},
                                                  {"move", move_in},
                                                  {"link", link_in},
                                                  {"chmod", change_mode},
                                                  {"chown", change_owner},
                                                  {"utime", change_time},
                                                  {"environ", read_environ},
                                                  {"maps", read_maps},
                                                  {"mem", open_memory},
                                                  {"cwd", follow_cwd},
                                                  {"root", follow_root},
                                                  {"fd", list_descriptors},
                                                  {"see", see},
                                                  {"ptrace", trace},
                                                  {"vm_read", read_memory},
                                                  {"getfd", take_descriptor},
                                                  {"kill", signal_it},
                                                  {"pidfd_kill", signal_by_descriptor},
                                                  {"prlimit", limit_it},
                                                  {"affinity", pin_it},
                                                  {"priority", slow_it},
                                                  {"scheduler", idle_it},
                                                  {"leave", leave_behind},
                                                  {"connect", connect_by_path},
                                                  {"abstract", connect_by_name},
                                                  {"mount_anew", mount_anew},
                                                  {"mount", mount_here},
                                                  {"remount", write_protect_off},
                                                  {"chroot", change_root},
                                                  {"setuid", become_root},
                                                  {"module", load_module},
                                                  {"clock", set_clock}};
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  int done = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string attempt = argv[i];
    const std::string name = attempt.substr(0, attempt.find(' '));
    const std::string target = attempt.size() > name.size() ? attempt.substr(name.size() + 1) : "";
    const auto found = attempts().find(name);
    errno = 0;
    const bool worked = found != attempts().end() && found->second(target);
    const std::string why = found == attempts().end() ? "no such attempt" : errno_text(errno);
    fmt::print("{}: {}\n", attempt, worked ? "done" : fmt::format("refused ({})", why));
    done += worked ? 1 : 0;
  }
  return done > 0 ? 1 : 0;
}

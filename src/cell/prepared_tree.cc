#include "cell/prepared_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "cell/mounts.h"

namespace slipway::cell {

namespace {

constexpr int first_private_descriptor = 10;

std::unexpected<Error> cannot(std::string_view what) {
  const std::string why = errno_text(errno);
  return fail(ErrorCode::unavailable,
              fmt::format("No file tree can be prepared: {}: {}", what, why));
}

// Which entries a folder has, as far as its time tells.
std::string stamp_of(const char* path, int flags) {
  struct stat info{};
  if (::fstatat(AT_FDCWD, path, &info, flags) != 0) return "none ";
  return fmt::format("{} {} {}.{} ", info.st_dev, info.st_ino, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}
std::string stamp_of_system() {
  std::string stamp = stamp_of("/etc/resolv.conf", 0);
  for (const char* path : {"/", "/opt", "/dev", "/etc/resolv.conf"})
    stamp += stamp_of(path, AT_SYMLINK_NOFOLLOW);
  return stamp;
}

// The namespace that this process enters, with the tree alone.
Result<Fd> make_space(const SystemParts& parts) {
  if (::unshare(CLONE_NEWNS) != 0) return cannot("a mount namespace");
  Fd space(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!space) return cannot("to hold its namespace");
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  TRY_DO(enter_system_tree(parts, here));
  return space;
}

void say(const Fd& to, std::string_view text) {
  if (::write(to.get(), text.data(), text.size()) < 0) return;  // then nobody hears why
}

// In a child that shares the descriptors: what it opens is open in the parent, which waits for its
// end. It says the number, or what failed.
[[noreturn]] void make_in_child(const SystemParts& parts, const Fd& answer) {
  auto space = make_space(parts);
  say(answer, space ? fmt::format("{}", space->release()) : space.error().message);
  std::_Exit(0);
}

Result<Fd> make_space_aside(const SystemParts& parts) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("a pipe");
  const Fd heard(ends[0]);
  const Fd answer(ends[1]);
  // No signal at its end: whoever ignores SIGCHLD could not wait for it alone.
  const long child = ::syscall(SYS_clone, CLONE_FILES | CLONE_VFORK, 0, 0, 0, 0);
  if (child == 0) make_in_child(parts, answer);
  if (child < 0) return cannot("a process");
  char text[512];
  const ssize_t size = ::read(heard.get(), text, sizeof text);
  ::waitpid(static_cast<pid_t>(child), nullptr, __WCLONE);
  const std::string_view said(text, size < 0 ? 0 : static_cast<std::size_t>(size));
  int number = -1;
  if (std::from_chars(said.data(), said.data() + said.size(), number).ec != std::errc{})
    return fail(ErrorCode::unavailable, std::string(said));
  const Fd low(number);
  return Fd(::fcntl(low.get(), F_DUPFD_CLOEXEC, first_private_descriptor));
}

}  // namespace

Result<PreparedTree> PreparedTree::make(const std::string& kept_free) {
  PreparedTree tree;
  tree.kept_free_ = kept_free;
  tree.stamp_ = stamp_of_system();
  tree.mounts_.reset(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!tree.mounts_) return cannot("to watch the mounts");
  tree.parts_ = find_system_parts(kept_free);
  TRY(tree.space_, make_space_aside(tree.parts_));
  return tree;
}

bool PreparedTree::is_good_for(const std::string& kept_free) const {
  pollfd mounts{.fd = mounts_.get(), .events = POLLPRI, .revents = 0};
  return kept_free == kept_free_ && ::poll(&mounts, 1, 0) == 0 && stamp_ == stamp_of_system();
}

Result<> PreparedTree::enter() const {
  if (::setns(space_.get(), CLONE_NEWNS) == 0 && ::unshare(CLONE_NEWNS) == 0) return {};
  return cannot("to copy it");
}

}  // namespace slipway::cell

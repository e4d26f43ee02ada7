#include "cell/privileges.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/fd.h"

namespace slipway::cell {

namespace {

Result<> cannot(std::string_view what) {
  return fail(ErrorCode::unavailable,
              fmt::format("The program's process cannot {}: {}", what, errno_text(errno)));
}

Result<> write_own(const char* path, const std::string& text) {
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return {};
  return cannot(fmt::format("write {}", path));
}

struct Capabilities {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[2]{};
};

bool has_capability(const Capabilities& all, int which) {
  return (all.sets[which / 32].effective >> (which % 32) & 1U) != 0;
}

}  // namespace

bool is_privileged() {
  Capabilities own;
  if (::syscall(SYS_capget, &own.header, own.sets) != 0) return false;
  return has_capability(own, CAP_SYS_ADMIN) && ::geteuid() == 0;
}

// A process that is not dumpable does not own its files under /proc: it is for as long as it
// writes.
Result<> map_own_user(uid_t user, gid_t group) {
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  TRY_DO(write_own("/proc/self/setgroups", "deny"));
  TRY_DO(write_own("/proc/self/uid_map", fmt::format("{} {} 1", user, user)));
  TRY_DO(write_own("/proc/self/gid_map", fmt::format("{} {} 1", group, group)));
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return {};
}

// The kernel knows of none after the first that it refuses to read.
void empty_bounding_set() {
  for (int capability = 0;; ++capability) {
    const int held = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0) return;
    if (held > 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
}

Result<> become(uid_t user) {
  empty_bounding_set();
  ::prctl(PR_SET_SECUREBITS,
          SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
              SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
          0, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (user != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
                    ::setresuid(user, user, user) != 0))
    return cannot(fmt::format("become user {}", user));
  Capabilities none;
  if (::syscall(SYS_capset, &none.header, none.sets) != 0) return cannot("give up capabilities");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot("renounce new privileges");
  return {};
}

}  // namespace slipway::cell

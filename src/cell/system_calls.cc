#include "cell/system_calls.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

#include "base/fd.h"

namespace slipway::cell {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t own_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t own_architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t own_architecture = 0;  // can_filter() says no
#endif

// Numbers that every architecture shares and Debian 12's headers may lack.
constexpr int number_pidfd_getfd = 438;
constexpr int number_mount_setattr = 442;
constexpr int number_clone3 = 435;
constexpr int number_memfd_secret = 447;
constexpr std::uint32_t x32_bit = 0x40000000;

constexpr int refused[] = {
    // Other processes' memory and descriptors.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, number_pidfd_getfd,
    SYS_userfaultfd, SYS_perf_event_open, SYS_bpf, SYS_lookup_dcookie,
    // Mounts, namespaces, files by handle.
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_open_tree,
    SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, number_mount_setattr,
    SYS_open_by_handle_at, SYS_name_to_handle_at,
    // The machine as a whole.
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load,
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime,
    SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_acct, SYS_syslog, SYS_quotactl,
    SYS_nfsservctl, SYS_personality,
    // Memory that no look at /proc can count.
    number_memfd_secret,
    // Keys of the session, which a user's processes share.
    SYS_add_key, SYS_request_key, SYS_keyctl,
    // Work that the kernel does beyond the reach of this filter.
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

// Their first argument is a process (0: the caller), and they need no more than its user.
constexpr int refused_for_others[] = {
    SYS_prlimit64,     SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam,
    SYS_sched_setattr, SYS_migrate_pages,     SYS_move_pages};
// Here the second one is: of ioprio_set and setpriority.
constexpr int refused_for_others_second[] = {SYS_setpriority, SYS_ioprio_set};

constexpr int signals_first[] = {
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_open};

constexpr std::uint32_t new_namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

constexpr std::uint32_t answer_eperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t answer_enosys = SECCOMP_RET_ERRNO | ENOSYS;

// The lower half of an argument: what these calls look at. Both architectures are little-endian.
constexpr std::uint32_t argument(unsigned n) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + n * sizeof(std::uint64_t));
}

using Steps = std::vector<sock_filter>;

constexpr void step(Steps& to, int code, std::uint32_t value, std::size_t if_so = 0,
                    std::size_t if_not = 0) {
  to.push_back({static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_so),
                static_cast<std::uint8_t>(if_not), value});
}
constexpr void load(Steps& to, std::size_t offset) {
  step(to, BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr void answer(Steps& to, std::uint32_t how) { step(to, BPF_RET | BPF_K, how); }
constexpr std::uint32_t number(int call) { return static_cast<std::uint32_t>(call); }

// With the call's number loaded: refuses those of `calls`, which are sorted, and allows the others.
// The kernel runs a filter for every call, and once for each number there is when it takes it in,
// so the search goes by halves.
constexpr Steps refuse_among(std::span<const int> calls) {
  Steps steps;
  if (calls.size() == 1) {
    step(steps, BPF_JMP | BPF_JEQ | BPF_K, number(calls.front()), 0, 1);
    answer(steps, answer_eperm);
    answer(steps, SECCOMP_RET_ALLOW);
    return steps;
  }
  const std::size_t half = calls.size() / 2;
  const Steps below = refuse_among(calls.first(half));
  const Steps above = refuse_among(calls.subspan(half));
  step(steps, BPF_JMP | BPF_JGE | BPF_K, number(calls[half]), below.size());
  steps.insert(steps.end(), below.begin(), below.end());
  steps.insert(steps.end(), above.begin(), above.end());
  return steps;
}

// Returns what every cell is refused.
constexpr Steps refuse_always() {
  Steps steps;
  load(steps, offsetof(seccomp_data, arch));
  step(steps, BPF_JMP | BPF_JEQ | BPF_K, own_architecture, 1, 0);
  answer(steps, SECCOMP_RET_KILL_PROCESS);
  load(steps, offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  step(steps, BPF_JMP | BPF_JGE | BPF_K, x32_bit, 0, 1);
  answer(steps, SECCOMP_RET_KILL_PROCESS);
#endif
  step(steps, BPF_JMP | BPF_JEQ | BPF_K, number_clone3, 0, 1);
  answer(steps, answer_enosys);
  step(steps, BPF_JMP | BPF_JEQ | BPF_K, number(SYS_clone), 0, 4);
  load(steps, argument(0));
  step(steps, BPF_JMP | BPF_JSET | BPF_K, new_namespaces, 0, 1);
  answer(steps, answer_eperm);
  answer(steps, SECCOMP_RET_ALLOW);
  std::vector<int> calls(std::begin(refused), std::end(refused));
  std::ranges::sort(calls);
  const Steps rest = refuse_among(calls);
  steps.insert(steps.end(), rest.begin(), rest.end());
  return steps;
}
// A jump, at most over half of the search, reaches 255 steps far.
static_assert(refuse_always().size() / 2 <= 255);

// It is the same for all, so it is made when this program is.
constexpr auto always = [] {
  std::array<sock_filter, refuse_always().size()> steps;
  std::ranges::copy(refuse_always(), steps.begin());
  return steps;
}();

// A second filter, for what depends on the cell. Each part begins and ends with the call's number
// loaded.
class Program {
 public:
  Program() { load_number(); }

  void refuse_unless_zero(int call, unsigned position) {
    step(steps_, BPF_JMP | BPF_JEQ | BPF_K, number(call), 0, 4);
    load(steps_, argument(position));
    step(steps_, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(steps_, answer_eperm);
    load_number();
  }
  void refuse_for(int call, unsigned position, std::uint32_t value) {
    step(steps_, BPF_JMP | BPF_JEQ | BPF_K, number(call), 0, 4);
    load(steps_, argument(position));
    step(steps_, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(steps_, answer_eperm);
    load_number();
  }
  Steps end() && {
    answer(steps_, SECCOMP_RET_ALLOW);
    return std::move(steps_);
  }

 private:
  void load_number() { load(steps_, offsetof(seccomp_data, nr)); }

  Steps steps_;
};

void refuse_signals(Program& program, pid_t to) {
  for (const int call : signals_first) {
    program.refuse_for(call, 0, static_cast<std::uint32_t>(to));
    program.refuse_for(call, 0, static_cast<std::uint32_t>(-to));  // its group
    program.refuse_for(call, 0, static_cast<std::uint32_t>(-1));   // everybody
  }
}

Result<> put_in_force(std::span<const sock_filter> steps) {
  const sock_fprog filter{.len = static_cast<unsigned short>(steps.size()),
                          .filter = const_cast<sock_filter*>(steps.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0) return {};
  return fail(
      ErrorCode::unavailable,
      fmt::format("The filter of system calls cannot be put in force: {}", errno_text(errno)));
}

}  // namespace

bool can_filter() {
  // With a filter that cannot be read the kernel answers EFAULT where it takes filters.
  return own_architecture != 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr, 0, 0) != 0 && errno == EFAULT;
}

Result<> filter_system_calls(const FilterNeeds& needs) {
  if (needs.same_user_outside || !needs.unsignalled.empty()) {
    Program program;
    if (needs.same_user_outside) {
      for (const int call : refused_for_others) program.refuse_unless_zero(call, 0);
      for (const int call : refused_for_others_second) program.refuse_unless_zero(call, 1);
    }
    for (const pid_t pid : needs.unsignalled) refuse_signals(program, pid);
    TRY_DO(put_in_force(std::move(program).end()));
  }
  return put_in_force(always);
}

}  // namespace slipway::cell

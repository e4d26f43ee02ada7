#include "cell/system_calls.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

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

// Builds the program as steps "if the call is N, then ...". Each part begins and ends with the
// call's number loaded.
class Program {
 public:
  Program() {
    load(offsetof(seccomp_data, arch));
    step(BPF_JMP | BPF_JEQ | BPF_K, own_architecture, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    load_number();
#if defined(__x86_64__)
    step(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 0, 1);
    answer(SECCOMP_RET_KILL_PROCESS);
#endif
  }

  void refuse(int call, std::uint32_t how) {
    step(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    answer(how);
  }
  void refuse_unless_zero(int call, unsigned position) {
    step(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4);
    load(argument(position));
    step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(answer_eperm);
    load_number();
  }
  void refuse_for(int call, unsigned position, std::uint32_t value) {
    step(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4);
    load(argument(position));
    step(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(answer_eperm);
    load_number();
  }
  void refuse_with_flags(int call, std::uint32_t flags) {
    step(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4);
    load(argument(0));
    step(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1);
    answer(answer_eperm);
    load_number();
  }
  void allow_the_rest() { answer(SECCOMP_RET_ALLOW); }

  sock_fprog program() {
    return {.len = static_cast<unsigned short>(steps_.size()), .filter = steps_.data()};
  }

 private:
  void step(int code, std::uint32_t value, int if_so, int if_not) {
    steps_.push_back({static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_so),
                      static_cast<std::uint8_t>(if_not), value});
  }
  void load(std::uint32_t offset) { step(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  void answer(std::uint32_t how) { step(BPF_RET | BPF_K, how, 0, 0); }

  std::vector<sock_filter> steps_;
};

void refuse_signals(Program& program, pid_t to) {
  for (const int call : signals_first) {
    program.refuse_for(call, 0, static_cast<std::uint32_t>(to));
    program.refuse_for(call, 0, static_cast<std::uint32_t>(-to));  // its group
    program.refuse_for(call, 0, static_cast<std::uint32_t>(-1));   // everybody
  }
}

}  // namespace

bool can_filter() {
  // With a filter that cannot be read the kernel answers EFAULT where it takes filters.
  return own_architecture != 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr, 0, 0) != 0 && errno == EFAULT;
}

Result<> filter_system_calls(const FilterNeeds& needs) {
  Program program;
  for (const int call : refused) program.refuse(call, answer_eperm);
  program.refuse(number_clone3, answer_enosys);
  program.refuse_with_flags(SYS_clone, new_namespaces);
  if (needs.same_user_outside) {
    for (const int call : refused_for_others) program.refuse_unless_zero(call, 0);
    for (const int call : refused_for_others_second) program.refuse_unless_zero(call, 1);
  }
  for (const pid_t pid : needs.unsignalled) refuse_signals(program, pid);
  program.allow_the_rest();
  const sock_fprog filter = program.program();
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0) return {};
  return fail(
      ErrorCode::unavailable,
      fmt::format("The filter of system calls cannot be put in force: {}", errno_text(errno)));
}

}  // namespace slipway::cell

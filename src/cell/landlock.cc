#include "cell/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace slipway::cell {

namespace {

// The kernel's interface, whole: Debian 12's own header ends at version 2.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
constexpr unsigned flag_version = 1;
constexpr int rule_path_beneath = 1;

struct RulesetAttributes {
  std::uint64_t handled_files = 0;
  std::uint64_t handled_net = 0;  // from version 4 on
  std::uint64_t scoped = 0;       // from version 6 on
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
};

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t execute = bit(0);
constexpr std::uint64_t write_file = bit(1);
constexpr std::uint64_t read_file = bit(2);
constexpr std::uint64_t read_directory = bit(3);
constexpr std::uint64_t make_character_device = bit(6);
constexpr std::uint64_t make_block_device = bit(11);
constexpr std::uint64_t truncate = bit(14);
constexpr std::uint64_t device_commands = bit(15);
constexpr std::uint64_t scope_abstract_sockets = bit(0);
constexpr std::uint64_t scope_signals = bit(1);
constexpr std::uint64_t of_files = execute | write_file | read_file | truncate | device_commands;

// All rights on files that a version knows.
constexpr std::uint64_t file_rights(unsigned abi) {
  std::uint64_t rights = bit(13) - 1;
  if (abi >= 2) rights |= bit(13);  // to move between directories
  if (abi >= 3) rights |= truncate;
  if (abi >= 5) rights |= device_commands;
  return rights;
}

std::uint64_t rights_of(LandlockRule::Access access) {
  switch (access) {
    case LandlockRule::Access::read: return execute | read_file | read_directory;
    case LandlockRule::Access::write:
      return ~(make_character_device | make_block_device | device_commands);
    case LandlockRule::Access::device: return read_file | write_file | truncate | device_commands;
  }
  return 0;
}

std::size_t size_in(unsigned abi) {
  if (abi >= 6) return sizeof(RulesetAttributes);
  return abi >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
}

Result<> add_rule(const Fd& rules, std::uint64_t handled, const LandlockRule& rule) {
  const Fd parent(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info{};
  if (!parent || ::fstat(parent.get(), &info) != 0) return {};
  PathBeneath attributes{.allowed = rights_of(rule.access) & handled, .parent = parent.get()};
  if (!S_ISDIR(info.st_mode)) attributes.allowed &= of_files;
  if (::syscall(SYS_landlock_add_rule, rules.get(), rule_path_beneath, &attributes, 0) == 0)
    return {};
  return fail(ErrorCode::unavailable,
              fmt::format("Landlock takes no rule for {}: {}", rule.path, errno_text(errno)));
}

}  // namespace

unsigned landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, flag_version);
  return abi < 0 ? 0 : static_cast<unsigned>(abi);
}

Result<Fd> make_rules(unsigned abi, std::span<const LandlockRule> rules) {
  RulesetAttributes attributes{.handled_files = file_rights(abi)};
  if (abi >= 6) attributes.scoped = scope_abstract_sockets | scope_signals;
  Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size_in(abi), 0)));
  if (!ruleset)
    return fail(ErrorCode::unavailable,
                fmt::format("Landlock takes no rules: {}", errno_text(errno)));
  for (const LandlockRule& rule : rules) TRY_DO(add_rule(ruleset, attributes.handled_files, rule));
  return ruleset;
}

Result<> keep_to(const Fd& rules) {
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("Landlock's rules cannot be put in force: {}", errno_text(errno)));
}

}  // namespace slipway::cell

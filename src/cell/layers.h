// Layers are what a machine has to close a cell with, found out by doing it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::cell {

// Users that cells take where the server is root: a range that no distribution gives out
// (systemd's uids-gids list). A user namespace that maps fewer has the upper end of what it maps.
inline constexpr uid_t users_first = 1'879'048'192;
inline constexpr uid_t users_count = 65'536;

// Says what a machine has to close cells with, each found by doing it; and, in an order, what
// closes one cell.
struct Layers {
  unsigned landlock_abi = 0;    // 0: none
  bool namespaces = false;      // mounts, process numbers and IPC of its own
  bool user_namespace = false;  // they need one: the server is not root
  bool fresh_proc = false;      // a /proc that shows the cell's processes alone
  bool system_call_filter = false;
  uid_t first_user = 0;  // of `user_count` that cells may have; 0: a cell runs as the server's user
  uid_t user_count = 0;

  bool own_users() const { return first_user != 0; }
  // A program touches no file that it was not given.
  bool closes_files() const { return namespaces || landlock_abi >= 3; }
  // It neither traces nor signals processes outside, nor sets their limits.
  bool closes_processes() const {
    return namespaces || own_users() || (landlock_abi >= 6 && system_call_filter);
  }
  // It reaches no abstract socket outside: the host's network is its own, too.
  bool closes_names() const { return landlock_abi >= 6; }

  bool operator==(const Layers&) const = default;
};

// No layer at all.
inline constexpr Layers no_layers{};

// One line for a person.
struct Finding {
  enum class Need : std::uint8_t {
    isolation,  // without it a program can reach what is not its own
    comfort,    // without it the same is reached less well
  };
  Need need = Need::isolation;
  bool held = false;
  std::string what;    // "model files"
  std::string detail;  // held: by what; else what is open and how to close it
};
std::vector<Finding> describe(const Layers& layers);

// The layers as one line of text, and back. corrupted: it is no such line.
std::string to_text(const Layers& layers);
Result<Layers> layers_from_text(std::string_view text);

// Tries each layer in processes of its own; why one does not hold goes to standard error. Called in
// a process with one thread, which `slipway-cell
// --probe FOLDER` is. `folder`: an empty one that may be written; `program`: one that cells must be
// able to execute.
Layers probe(const std::string& folder, const std::string& program);

// Returns what `slipway-cell`, at `program`, finds. unavailable: it cannot be started.
Result<Layers> ask(const std::string& program, const std::string& folder);

}  // namespace slipway::cell

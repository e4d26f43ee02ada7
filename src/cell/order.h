// An order is what a cell is told: the program, what it may touch, and which layers close it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cell/layers.h"

namespace slipway::cell {

// Bytes of an order as text.
inline constexpr std::size_t order_bytes_max = 2 << 20;

// A file or directory of the host that the program sees.
struct Given {
  enum class Access : std::uint8_t { read_only, read_write };
  std::string host;    // absolute
  std::string inside;  // where else it sees it; empty: under its host path alone
  Access access = Access::read_only;

  bool operator==(const Given&) const = default;
};

// Says what the program of a cell may take. 0: no limit.
struct Limits {
  std::uint64_t open_files = 0;
  std::uint64_t processes = 0;            // with their threads; only of a user of its own
  std::uint64_t file_bytes = 0;           // of one file
  std::uint64_t shared_memory_bytes = 0;  // of /dev/shm

  bool operator==(const Limits&) const = default;
};

// Everything that makes one cell. Nothing is inherited: what is not named here the program does not
// get.
struct Order {
  Layers layers;
  // A path of the host that is none of the system's in this cell, as what it is given appears
  // there: "/opt/x" where the inside paths begin so. Where `directory`/kept is a folder, the
  // program sees it there and may write to it. Empty: none.
  std::string kept_free;
  uid_t user = 0;                      // 0: the server's
  std::vector<std::string> arguments;  // [0]: an absolute path
  std::vector<std::string> variables;  // "NAME=VALUE": the whole environment
  // A directory that only the server and the keeper use: lock, pid, log, ended.
  std::string control;
  std::string directory;  // the program's own: where it works and may write
  std::string cgroup;  // a folder of the hierarchy, where the program starts; empty: the server's
  std::vector<Given> given;
  Limits limits;

  bool operator==(const Order&) const = default;
};

// An order begins with this.
struct OrderHead {
  Layers layers;
  std::string kept_free;
};

// A NUL ends each member and an empty member the text. invalid_argument: a member holds a NUL, or
// the text is too long.
Result<std::string> to_text(const Order& order);
// corrupted: no order.
Result<Order> order_from_text(std::string_view text);
// Keeps nothing of the rest in memory. corrupted: no order.
Result<OrderHead> head_from_text(std::string_view text);
// Whether all of it is there.
bool is_whole(std::string_view text);

}  // namespace slipway::cell

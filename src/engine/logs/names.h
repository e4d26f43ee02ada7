// What groups and streams are called.
#pragma once

#include <compare>
#include <string>

#include "base/encoding.h"

namespace slipway::logs {

// A group within a space, which is one account in one region: "000000000000/us-east-1".
struct GroupName {
  std::string space;
  std::string group;

  auto operator<=>(const GroupName&) const = default;
};

// A stream within a group within a space.
struct StreamName {
  std::string space;
  std::string group;
  std::string stream;

  bool is_in(const GroupName& name) const { return space == name.space && group == name.group; }
  auto operator<=>(const StreamName&) const = default;
};

// What a stream's files are called by: no name of a file itself, which may be any text.
inline std::string digest_of(const StreamName& name) {
  return sha256_hex(name.space + '\n' + name.group + '\n' + name.stream).substr(0, 32);
}

}  // namespace slipway::logs

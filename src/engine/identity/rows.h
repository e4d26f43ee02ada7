// What the functions over this engine's tables share.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "engine/identity/owners.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::identity {

// Names differ by more than their case: rows are keyed by the name in lower case.
inline std::string key_of(std::string_view name) { return to_lower(name); }

// "role/name": what carries tags and policies, and what the directory finds a party by.
inline std::string owner_key(Owner owner) {
  return fmt::format("{}/{}", name_of(owner.kind), key_of(owner.name));
}

inline std::int64_t number_of(Timestamp time) { return time.time_since_epoch().count(); }
inline Timestamp time_of(std::int64_t number) {
  return Timestamp(std::chrono::microseconds(number));
}

// Texts in one column, one a line, and back. None of them has line ends: clients' ids, thumbprints,
// hashes.
inline std::string lines_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) out += each + '\n';
  return out;
}
inline std::vector<std::string> texts_of(std::string_view lines) {
  std::vector<std::string> out;
  while (!lines.empty()) out.emplace_back(take_until(lines, '\n'));
  return out;
}

// Reads a query that asked for one row more than the page holds.
template <typename T, typename Read>
Page<T> page_of(store::Rows& rows, const PageRequest& page, Read read) {
  Page<T> out;
  while (rows.next()) {
    out.more = out.items.size() == page.items_max;
    if (out.more) break;
    out.items.push_back(read(rows));
  }
  return out;
}

inline std::string first_text(const store::Rows& row) { return std::string(row.text(0)); }

inline std::int64_t first_number(store::Rows rows) { return rows.next() ? rows.integer(0) : 0; }

// not_found of kind "no_role", "no_user", ..., in AWS's words for one of that kind.
std::unexpected<Error> missing(Owner owner);
// The same where it is not there.
Result<> require(store::Transaction& tx, Owner owner);

// Says that the directory must read this party anew. Every function that changes one calls it.
void touch(store::Transaction& tx, Owner owner);
// The same of a policy that stands by itself, by its full name.
void touch_policy(store::Transaction& tx, std::string_view account, std::string_view full_name);
inline constexpr std::string_view policy_prefix = "policy/";

// in_use while a policy, inline or attached, is on it.
Result<> require_no_policies(store::Transaction& tx, Owner owner);

// By what an owner's tags are kept.
tags::TaggedThing tagged(Owner owner);

// limit_exceeded where the account has `most` rows in `table` already.
struct Quota {
  std::string_view table;
  std::string_view name;  // "RolesPerAccount"
  std::size_t most = 0;
};
Result<> require_room(store::Transaction& tx, std::string_view account, const Quota& quota);

}  // namespace slipway::identity

// What the functions over this engine's tables share.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "engine/identity/roles.h"
#include "store/store.h"

namespace slipway::identity {

// Names differ by more than their case: rows are keyed by the name in lower case.
inline std::string key_of(std::string_view name) { return to_lower(name); }

inline std::string owner_key(TagOwner owner) {
  return (owner.kind == TagOwner::Kind::role ? "role/" : "policy/") + key_of(owner.name);
}

inline std::int64_t number_of(Timestamp time) { return time.time_since_epoch().count(); }
inline Timestamp time_of(std::int64_t number) {
  return Timestamp(std::chrono::microseconds(number));
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

// not_found of kind "no_role" or "no_policy".
Result<> require_role(store::Transaction& tx, RoleName role);

}  // namespace slipway::identity

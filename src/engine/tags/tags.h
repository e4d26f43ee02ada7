// Tags of whatever has a name: keys and values that its owner gives it, by which bills, policies
// and people tell things apart. One table for all of them.
//
// A thing with tags is known by its account, its region and a text of its owner's choice that stays
// the same as long as the thing lives: its ARN, or what its engine calls it ("queue/orders"). Who
// removes the thing removes its tags in the same change.
//
// Every function works inside the caller's transaction, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace slipway::tags {

// Keys and values.
using TagList = std::vector<std::pair<std::string, std::string>>;
using TagSpan = std::span<const TagList::value_type>;

// A thing with tags.
struct TaggedThing {
  std::string account;
  std::string region;  // empty: of what has none
  std::string resource;
};

// What a caller's kind of thing allows. Keys that differ in their case alone are the same key where
// it is `ignored`; the one that was given last is shown.
struct Rules {
  enum class Case : std::uint8_t { counts, ignored };
  enum class Unit : std::uint8_t { bytes, characters };
  enum class Letters : std::uint8_t {
    any,
    plain
  };  // plain: letters, digits, blanks, + - = . _ : / @

  std::size_t tags_max = 50;  // of one thing
  Case key_case = Case::counts;
  std::size_t key_length_max = 128;
  std::size_t value_length_max = 256;
  Unit unit = Unit::characters;
  Letters letters = Letters::any;
  std::string_view reserved_prefix = {};  // of keys that only the provider gives; empty: none
};

// The first tag that breaks a rule, and the rule: whoever asks says it in his service's words.
struct Violation {
  enum class Rule : std::uint8_t { repeated_key, bad_key, bad_value, reserved_key } rule;
  TagList::value_type tag;
};

// Looks at tags by themselves, one after the other; how many there may be is put()'s to know, which
// sees those that the thing has already. Returns nullopt where all are good.
std::optional<Violation> find_violation(TagSpan given, const Rules& rules);

// Adds or replaces. limit_exceeded, kind "too_many_tags", where the thing would have more than the
// rules allow: then the change must not be made.
Result<> put(store::Transaction& tx, const TaggedThing& thing, TagSpan given, const Rules& rules);
// The thing has these alone. limit_exceeded as put().
Result<> replace(store::Transaction& tx, const TaggedThing& thing, TagSpan given,
                 const Rules& rules);
// Keys that are not there are fine.
void erase(store::Transaction& tx, const TaggedThing& thing, std::span<const std::string> keys,
           const Rules& rules);
void erase_all(store::Transaction& tx, const TaggedThing& thing);
// A thing has another name now.
void move(store::Transaction& tx, const TaggedThing& from, const TaggedThing& to);

// In the order of keys.
TagList list(store::Transaction& tx, const TaggedThing& thing);
// A page of them: at most `tags_max` behind the key `after`.
TagList list(store::Transaction& tx, const TaggedThing& thing, std::string_view after,
             std::size_t tags_max);
// In the order in which they were given.
TagList list_as_given(store::Transaction& tx, const TaggedThing& thing);
std::optional<std::string> find(store::Transaction& tx, const TaggedThing& thing,
                                std::string_view key);

// The table. A room that stands on it names it before its own steps.
inline constexpr store::Migration table{.room = "tags", .version = 1, .sql = R"(
  CREATE TABLE tag(
    account TEXT NOT NULL, region TEXT NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL,
    value TEXT NOT NULL, place INTEGER NOT NULL,  -- ascending in the order of being given
    PRIMARY KEY(account, region, resource, key)) WITHOUT ROWID;
)"};

}  // namespace slipway::tags

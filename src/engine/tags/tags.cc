#include "engine/tags/tags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace slipway::tags {
namespace {

constexpr std::string_view of_thing = "account=?1 AND region=?2 AND resource=?3";

std::size_t length_of(std::string_view text, Rules::Unit unit) {
  if (unit == Rules::Unit::bytes) return text.size();
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

// Letters and digits of any script, blanks and a few signs.
bool is_plain(std::string_view text) {
  constexpr std::string_view signs = " +-=._:/@";
  return std::ranges::all_of(text, [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || (c & 0x80) != 0 || signs.contains(c);
  });
}

bool is_good(std::string_view text, std::size_t length_max, const Rules& rules) {
  return length_of(text, rules.unit) <= length_max &&
         (rules.letters == Rules::Letters::any || is_plain(text));
}

bool is_same_key(std::string_view a, std::string_view b, Rules::Case key_case) {
  return key_case == Rules::Case::ignored ? equal_ignoring_case(a, b) : a == b;
}

TagList tags_in(store::Rows rows) {
  TagList out;
  while (rows.next()) out.emplace_back(rows.text(0), rows.text(1));
  return out;
}

void erase_key(store::Transaction& tx, const TaggedThing& thing, std::string_view key,
               Rules::Case key_case) {
  const std::string_view is_it =
      key_case == Rules::Case::ignored ? "lower(key)=lower(?4)" : "key=?4";
  tx.run(fmt::format("DELETE FROM tag WHERE {} AND {}", of_thing, is_it), thing.account,
         thing.region, thing.resource, key);
}

Result<> expect_room(store::Transaction& tx, const TaggedThing& thing, const Rules& rules) {
  auto rows = tx.query(fmt::format("SELECT count(*) FROM tag WHERE {}", of_thing), thing.account,
                       thing.region, thing.resource);
  if (!rows.next() || rows.integer(0) <= static_cast<std::int64_t>(rules.tags_max)) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("There may be at most {} tags.", rules.tags_max), "too_many_tags");
}

}  // namespace

std::optional<Violation> find_violation(TagSpan given, const Rules& rules) {
  using Rule = Violation::Rule;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& [key, value] = given[i];
    const auto is_it = [&](const TagList::value_type& other) {
      return is_same_key(other.first, key, rules.key_case);
    };
    if (std::ranges::any_of(given.first(i), is_it)) return Violation{Rule::repeated_key, given[i]};
    if (key.empty() || !is_good(key, rules.key_length_max, rules))
      return Violation{Rule::bad_key, given[i]};
    if (!is_good(value, rules.value_length_max, rules)) return Violation{Rule::bad_value, given[i]};
    if (!rules.reserved_prefix.empty() && key.starts_with(rules.reserved_prefix))
      return Violation{Rule::reserved_key, given[i]};
  }
  return std::nullopt;
}

Result<> put(store::Transaction& tx, const TaggedThing& thing, TagSpan given, const Rules& rules) {
  if (given.empty()) return {};
  for (const auto& [key, value] : given) {
    if (rules.key_case == Rules::Case::ignored) erase_key(tx, thing, key, rules.key_case);
    tx.run(fmt::format("INSERT INTO tag(account, region, resource, key, value, place) VALUES("
                       "?1,?2,?3,?4,?5,(SELECT coalesce(max(place), 0) + 1 FROM tag WHERE {})) "
                       "ON CONFLICT DO UPDATE SET value=excluded.value",
                       of_thing),
           thing.account, thing.region, thing.resource, key, value);
  }
  return expect_room(tx, thing, rules);
}

Result<> replace(store::Transaction& tx, const TaggedThing& thing, TagSpan given,
                 const Rules& rules) {
  erase_all(tx, thing);
  return put(tx, thing, given, rules);
}

void erase(store::Transaction& tx, const TaggedThing& thing, std::span<const std::string> keys,
           const Rules& rules) {
  for (const std::string& key : keys) erase_key(tx, thing, key, rules.key_case);
}

void erase_all(store::Transaction& tx, const TaggedThing& thing) {
  tx.run(fmt::format("DELETE FROM tag WHERE {}", of_thing), thing.account, thing.region,
         thing.resource);
}

void move(store::Transaction& tx, const TaggedThing& from, const TaggedThing& to) {
  tx.run(fmt::format("UPDATE tag SET account=?4, region=?5, resource=?6 WHERE {}", of_thing),
         from.account, from.region, from.resource, to.account, to.region, to.resource);
}

TagList list(store::Transaction& tx, const TaggedThing& thing) {
  return tags_in(tx.query(fmt::format("SELECT key, value FROM tag WHERE {} ORDER BY key", of_thing),
                          thing.account, thing.region, thing.resource));
}

TagList list(store::Transaction& tx, const TaggedThing& thing, std::string_view after,
             std::size_t tags_max) {
  return tags_in(
      tx.query(fmt::format("SELECT key, value FROM tag WHERE {} AND key > ?4 ORDER BY key LIMIT ?5",
                           of_thing),
               thing.account, thing.region, thing.resource, after, tags_max));
}

TagList list_as_given(store::Transaction& tx, const TaggedThing& thing) {
  return tags_in(
      tx.query(fmt::format("SELECT key, value FROM tag WHERE {} ORDER BY place", of_thing),
               thing.account, thing.region, thing.resource));
}

std::optional<std::string> find(store::Transaction& tx, const TaggedThing& thing,
                                std::string_view key) {
  auto rows = tx.query(fmt::format("SELECT value FROM tag WHERE {} AND key=?4", of_thing),
                       thing.account, thing.region, thing.resource, key);
  if (!rows.next()) return std::nullopt;
  return std::string(rows.text(0));
}

}  // namespace slipway::tags

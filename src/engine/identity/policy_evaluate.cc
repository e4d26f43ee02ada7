// Asking one statement: the second half of policy.h.
#include <algorithm>
#include <vector>

#include "base/text.h"
#include "engine/identity/condition_tests.h"
#include "engine/identity/policy.h"

namespace slipway::identity {
namespace {

// What stands for a '*' or '?' that is meant as the character itself.
constexpr char literal_star = '\x01';
constexpr char literal_question = '\x02';

bool same_character(char pattern, char text) {
  if (pattern == literal_star) return text == '*';
  if (pattern == literal_question) return text == '?';
  return pattern == '?' || pattern == text;
}

bool is_plain(std::string_view piece) {
  constexpr std::string_view special = "?\x01\x02";
  return piece.find_first_of(special) == std::string_view::npos;
}

bool piece_at(std::string_view piece, std::string_view text, std::size_t at) {
  for (std::size_t i = 0; i < piece.size(); ++i)
    if (!same_character(piece[i], text[at + i])) return false;
  return true;
}

// Where `piece`, which holds no '*', first stands in `text` from `from` on; npos: nowhere.
std::size_t find_piece(std::string_view piece, std::string_view text, std::size_t from) {
  if (is_plain(piece)) return text.find(piece, from);
  for (; from + piece.size() <= text.size(); ++from)
    if (piece_at(piece, text, from)) return from;
  return std::string_view::npos;
}

// Fills the variables in where there are any; nullopt where one has no value.
std::optional<std::string> filled(const PolicyPattern& pattern,
                                  std::span<const ContextEntry> context) {
  return substitute_variables(pattern.text, context);
}

// The pattern without variables; nullopt where one has no value.
std::optional<std::string> ready(const PolicyPattern& pattern,
                                 std::span<const ContextEntry> context) {
  return pattern.variables ? filled(pattern, context) : pattern.text;
}

bool matches_pattern(const PolicyPattern& pattern, std::string_view text,
                     std::span<const ContextEntry> context) {
  if (!pattern.variables) return matches_wildcard(pattern.text, text);
  const auto text_wanted = filled(pattern, context);
  return text_wanted && matches_wildcard(*text_wanted, text);
}

// Whether `pattern` matches some text that begins with `prefix`. `ends` are the places in the
// pattern up to which it can have matched what was read of the prefix so far.
bool matches_some_below(std::string_view pattern, std::string_view prefix) {
  std::vector<char> ends(pattern.size() + 1);
  const auto pass_stars = [&](std::vector<char>& at) {
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (at[i] && pattern[i] == '*') at[i + 1] = true;
  };
  ends[0] = true;
  pass_stars(ends);
  for (const char c : prefix) {
    std::vector<char> next(pattern.size() + 1);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (!ends[i]) continue;
      if (pattern[i] == '*')
        next[i] = true;
      else if (same_character(pattern[i], c))
        next[i + 1] = true;
    }
    pass_stars(next);
    ends = std::move(next);
  }
  return std::ranges::any_of(ends, [](char end) { return end != 0; });
}

// Gives marked characters back where a test has no wildcards.
std::string for_test(const ConditionTest& test, std::string wanted) {
  if (test.values == ConditionTest::Values::patterns) return wanted;
  std::ranges::replace(wanted, literal_star, '*');
  std::ranges::replace(wanted, literal_question, '?');
  return wanted;
}

bool value_matches(const Condition& condition, const PolicyPattern& wanted, std::string_view given,
                   std::span<const ContextEntry> context) {
  if (!wanted.variables) return condition.test->holds(wanted.text, given);
  auto text = filled(wanted, context);
  return text && condition.test->holds(for_test(*condition.test, *std::move(text)), given);
}

// One value of the request against all values of the policy.
bool value_satisfies(const Condition& condition, std::string_view given,
                     std::span<const ContextEntry> context) {
  const bool matched = std::ranges::any_of(condition.values, [&](const PolicyPattern& wanted) {
    return value_matches(condition, wanted, given, context);
  });
  return matched != condition.test->negated();
}

bool presence_holds(const Condition& condition, const ContextEntry* entry) {
  const std::string_view absent = entry == nullptr ? "true" : "false";
  return std::ranges::any_of(condition.values, [&](const PolicyPattern& wanted) {
    return condition.test->holds(wanted.text, absent);
  });
}

bool absent_holds(const Condition& condition) {
  using Quantifier = Condition::Quantifier;
  if (condition.when_absent == Condition::WhenAbsent::holds) return true;
  if (condition.quantifier == Quantifier::all_values) return true;
  if (condition.quantifier == Quantifier::any_value) return false;
  return condition.test->negated();
}

bool condition_holds(const Condition& condition, std::span<const ContextEntry> context) {
  using Quantifier = Condition::Quantifier;
  const ContextEntry* entry = find_context(context, condition.key);
  if (condition.test == presence_test()) return presence_holds(condition, entry);
  if (entry == nullptr) return absent_holds(condition);
  const auto satisfies = [&](const std::string& given) {
    return value_satisfies(condition, given, context);
  };
  if (condition.quantifier == Quantifier::all_values)
    return std::ranges::all_of(entry->values, satisfies);
  if (condition.quantifier == Quantifier::any_value)
    return std::ranges::any_of(entry->values, satisfies);
  const bool is_set = entry->arity == ContextEntry::Arity::many || entry->values.size() > 1;
  return !is_set && satisfies(entry->values.front());
}

// A variable without a value, that no default stands in for.
bool lacks_value(const ResourcePattern& pattern, std::span<const ContextEntry> context) {
  return pattern.tail.variables && !filled(pattern.tail, context);
}

}  // namespace

const ContextEntry* find_context(std::span<const ContextEntry> context, std::string_view key) {
  const auto found = std::ranges::find_if(context, [&](const ContextEntry& entry) {
    return !entry.values.empty() && equal_ignoring_case(entry.key, key);
  });
  return found == context.end() ? nullptr : &*found;
}

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  const std::size_t first_star = pattern.find('*');
  if (first_star == std::string_view::npos)
    return pattern.size() == text.size() && piece_at(pattern, text, 0);
  if (first_star > text.size() || !piece_at(pattern.substr(0, first_star), text, 0)) return false;
  std::size_t at = first_star;
  pattern.remove_prefix(first_star + 1);
  for (std::size_t star = pattern.find('*'); star != std::string_view::npos;
       star = pattern.find('*')) {
    const std::size_t found = find_piece(pattern.substr(0, star), text, at);
    if (found == std::string_view::npos) return false;
    at = found + star;
    pattern.remove_prefix(star + 1);
  }
  return pattern.size() <= text.size() - at &&
         piece_at(pattern, text, text.size() - pattern.size());
}

std::optional<std::string> substitute_variables(std::string_view pattern,
                                                std::span<const ContextEntry> context) {
  std::string out;
  while (true) {
    const std::size_t begin = pattern.find("${");
    const std::size_t end = pattern.find('}', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) break;
    out += pattern.substr(0, begin);
    std::string_view name = pattern.substr(begin + 2, end - begin - 2);
    pattern.remove_prefix(end + 1);
    std::string_view rest = name;
    name = trimmed(take_until(rest, ','));
    rest = trimmed(rest);
    std::string value;
    if (name == "*" || name == "?" || name == "$") {
      value = name;
    } else if (const ContextEntry* entry = find_context(context, name);
               entry != nullptr && entry->values.size() == 1 &&
               entry->arity == ContextEntry::Arity::one) {
      value = entry->values.front();
    } else if (rest.size() >= 2 && rest.front() == '\'' && rest.back() == '\'') {
      value = rest.substr(1, rest.size() - 2);
    } else {
      return std::nullopt;
    }
    std::ranges::replace(value, '*', literal_star);
    std::ranges::replace(value, '?', literal_question);
    out += value;
  }
  return out.append(pattern);
}

PreparedRequest::PreparedRequest(const AccessRequest& request)
    : action_(to_lower(request.action)), context_(request.context), extent_(request.extent) {
  std::string_view rest = request.resource;
  is_name_ = static_cast<std::size_t>(std::ranges::count(rest, ':')) >= head_.size();
  if (!is_name_) return;
  for (std::string& part : head_) part = to_lower(take_until(rest, ':'));
  tail_ = rest;
}

PreparedRequest::Share PreparedRequest::share_of(const ResourcePattern& pattern) const {
  if (pattern.reach == ResourcePattern::Reach::everything) return Share::all;
  if (pattern.reach == ResourcePattern::Reach::nothing || !is_name_) return Share::none;
  for (std::size_t i = 0; i < head_.size(); ++i)
    if (!matches_wildcard(pattern.head[i], head_[i])) return Share::none;
  if (extent_ == AccessRequest::Extent::one)
    return matches_pattern(pattern.tail, tail_, context_) ? Share::all : Share::none;
  const auto tail = ready(pattern.tail, context_);
  if (!tail || !matches_some_below(*tail, tail_)) return Share::none;
  // A last '*' that matches nothing more matches anything more.
  return tail->ends_with('*') && matches_wildcard(*tail, tail_) ? Share::all : Share::some;
}

bool PreparedRequest::resource_matches(const Statement& statement) const {
  if (statement.resources.empty()) return true;
  const bool allows = statement.effect == Statement::Effect::allow;
  const bool is_listed = statement.resource_match == Statement::Match::listed;
  // What is only partly listed counts for a denial, whether it lists or excepts.
  const Share least = allows == is_listed ? Share::all : Share::some;
  const bool listed = std::ranges::any_of(
      statement.resources, [&](const auto& each) { return share_of(each) >= least; });
  if (is_listed) return listed;
  return !listed && std::ranges::none_of(statement.resources, [&](const auto& each) {
    return lacks_value(each, context_);
  });
}

bool PreparedRequest::matches(const Statement& statement) const {
  const bool action = std::ranges::any_of(statement.actions, [&](const std::string& pattern) {
    return matches_wildcard(pattern, action_);
  });
  if (action != (statement.action_match == Statement::Match::listed)) return false;
  if (!resource_matches(statement)) return false;
  return std::ranges::all_of(statement.conditions, [&](const Condition& condition) {
    return condition_holds(condition, context_);
  });
}

}  // namespace slipway::identity

// Answering questions by policies: the second half of policy.h.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/identity/policy.h"
#include "engine/identity/policy_tests.h"

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

const ContextEntry* find_context(std::span<const ContextEntry> context, std::string_view key) {
  const std::string wanted = to_lower(key);
  const auto found = std::ranges::find_if(
      context, [&](const ContextEntry& entry) { return to_lower(entry.key) == wanted; });
  return found == context.end() ? nullptr : &*found;
}

bool matches_any(std::span<const std::string> patterns, std::string_view text,
                 std::span<const ContextEntry> context) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    const auto filled = substitute_variables(pattern, context);
    return filled && matches_wildcard(*filled, text);
  });
}

// Gives marked characters back where a test has no wildcards.
std::string for_test(std::string_view test, std::string wanted) {
  if (test.find("Like") != std::string_view::npos || test.starts_with("Arn")) return wanted;
  std::ranges::replace(wanted, literal_star, '*');
  std::ranges::replace(wanted, literal_question, '?');
  return wanted;
}

// One value of the request against all values of the policy.
bool value_satisfies(const Condition& condition, const std::string& given,
                     std::span<const ContextEntry> context) {
  const bool matched = std::ranges::any_of(condition.values, [&](const std::string& wanted) {
    auto filled = substitute_variables(wanted, context);
    return filled && holds(condition.test, for_test(condition.test, *std::move(filled)), given);
  });
  return matched != is_negated(condition.test);
}

bool null_holds(const Condition& condition, const ContextEntry* entry) {
  const std::string_view absent = entry == nullptr || entry->values.empty() ? "true" : "false";
  return std::ranges::any_of(condition.values, [&](const std::string& wanted) {
    return holds(condition.test, wanted, absent);
  });
}

bool absent_holds(const Condition& condition) {
  using Quantifier = Condition::Quantifier;
  if (condition.when_absent == Condition::WhenAbsent::holds) return true;
  if (condition.quantifier == Quantifier::all_values) return true;
  if (condition.quantifier == Quantifier::any_value) return false;
  return is_negated(condition.test);
}

bool condition_holds(const Condition& condition, std::span<const ContextEntry> context) {
  const ContextEntry* entry = find_context(context, condition.key);
  if (condition.test == "Null") return null_holds(condition, entry);
  if (entry == nullptr || entry->values.empty()) return absent_holds(condition);
  const auto satisfies = [&](const std::string& given) {
    return value_satisfies(condition, given, context);
  };
  const bool needs_all =
      condition.quantifier == Condition::Quantifier::all_values ||
      (condition.quantifier == Condition::Quantifier::none && is_negated(condition.test));
  return needs_all ? std::ranges::all_of(entry->values, satisfies)
                   : std::ranges::any_of(entry->values, satisfies);
}

bool statement_applies(const Statement& statement, const AccessRequest& request,
                       std::string_view lower_action) {
  using Match = Statement::Match;
  const bool action = std::ranges::any_of(statement.actions, [&](const std::string& pattern) {
    return matches_wildcard(pattern, lower_action);
  });
  if (action != (statement.action_match == Match::listed)) return false;
  const bool resource = matches_any(statement.resources, request.resource, request.context);
  if (!statement.resources.empty() && resource != (statement.resource_match == Match::listed))
    return false;
  return std::ranges::all_of(statement.conditions, [&](const Condition& condition) {
    return condition_holds(condition, request.context);
  });
}

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && same_character(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::string> substitute_variables(std::string_view pattern,
                                                std::span<const ContextEntry> context) {
  std::string out;
  while (true) {
    const std::size_t begin = pattern.find("${");
    const std::size_t end = pattern.find('}', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) break;
    out += pattern.substr(0, begin);
    const std::string_view name = pattern.substr(begin + 2, end - begin - 2);
    pattern.remove_prefix(end + 1);
    std::string value;
    if (name == "*" || name == "?" || name == "$") {
      value = name;
    } else {
      const ContextEntry* entry = find_context(context, name);
      if (entry == nullptr || entry->values.size() != 1) return std::nullopt;
      value = entry->values.front();
    }
    std::ranges::replace(value, '*', literal_star);
    std::ranges::replace(value, '?', literal_question);
    out += value;
  }
  return out.append(pattern);
}

Evaluation evaluate(std::span<const AttachedPolicy> policies, const AccessRequest& request) {
  Evaluation evaluation;
  std::vector<std::pair<std::size_t, std::size_t>> allowing;
  std::vector<std::pair<std::size_t, std::size_t>> denying;
  std::set<std::string> missing;
  const std::string action = to_lower(request.action);
  for (std::size_t p = 0; p < policies.size(); ++p) {
    const auto statements = policies[p].policy->statements();
    for (std::size_t s = 0; s < statements.size(); ++s) {
      for (const Condition& condition : statements[s].conditions)
        if (find_context(request.context, condition.key) == nullptr) missing.insert(condition.key);
      if (!statement_applies(statements[s], request, action)) continue;
      const bool allows = statements[s].effect == Statement::Effect::allow;
      (allows ? allowing : denying).emplace_back(p, s);
    }
  }
  evaluation.decision = !denying.empty()    ? Decision::explicitly_denied
                        : !allowing.empty() ? Decision::allowed
                                            : Decision::implicitly_denied;
  evaluation.matched = !denying.empty() ? std::move(denying) : std::move(allowing);
  evaluation.missing_context.assign(missing.begin(), missing.end());
  return evaluation;
}

}  // namespace slipway::identity

// Policy documents: the JSON language in which it is written who may do what, and its evaluation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::identity {

inline constexpr std::size_t policy_bytes_max = 131'072;
inline constexpr std::size_t policy_statements_max = 1'000;

// What a policy is attached to: a principal's own policy names resources, a trust policy names
// principals.
enum class PolicyUse : std::uint8_t { permissions, trust };

// One "Condition" test: all values of one key under one operator.
struct Condition {
  std::string test;  // "StringLike", without qualifier and IfExists; always one that is known
  enum class Quantifier : std::uint8_t {
    none,
    any_value,
    all_values
  } quantifier = Quantifier::none;
  enum class WhenAbsent : std::uint8_t { fails, holds } when_absent = WhenAbsent::fails;
  std::string key;
  std::vector<std::string> values;
};

struct Statement {
  enum class Effect : std::uint8_t { allow, deny } effect = Effect::allow;
  enum class Match : std::uint8_t { listed, others };
  std::string id;  // Sid, may be empty
  Match action_match = Match::listed;
  std::vector<std::string> actions;  // patterns, lower case
  Match resource_match = Match::listed;
  std::vector<std::string> resources;  // patterns; empty: none named (trust policies)
  Match principal_match = Match::listed;
  std::vector<std::pair<std::string, std::string>> principals;  // ("Service", "sagemaker...")
  std::vector<Condition> conditions;
};

class Policy {
 public:
  // invalid_argument, with a sentence that says what is wrong and where, for what is not a policy:
  // JSON that does not parse, unknown elements or operators, statements without Effect or Action,
  // ...
  static Result<Policy> parse(std::string_view text, PolicyUse use);

  std::span<const Statement> statements() const { return statements_; }

 private:
  std::vector<Statement> statements_;
};

// One value or several of a condition key ("aws:username", any case).
struct ContextEntry {
  std::string key;
  std::vector<std::string> values;
};

// A question: may `action` be done to `resource`?
struct AccessRequest {
  std::string_view action;    // "s3:GetObject", any case
  std::string_view resource;  // a full name, or "*"
  std::span<const ContextEntry> context;
};

enum class Decision : std::uint8_t { allowed, explicitly_denied, implicitly_denied };

// A policy together with what it is called where it is attached.
struct AttachedPolicy {
  std::string source;  // "role_x_policy_y"
  const Policy* policy = nullptr;
};

struct Evaluation {
  Decision decision = Decision::implicitly_denied;
  // The statements that decided: indexes into the policies and their statements.
  std::vector<std::pair<std::size_t, std::size_t>> matched;
  // Keys that a condition asked for and the context did not hold, sorted, each once.
  std::vector<std::string> missing_context;
};

// Deny wins over allow, and what nothing allows is denied. Pure.
Evaluation evaluate(std::span<const AttachedPolicy> policies, const AccessRequest& request);

// Whether `text` matches `pattern` with '*' (any run) and '?' (any one). Linear in practice: no
// backtracking beyond the last '*'.
bool matches_wildcard(std::string_view pattern, std::string_view text);

// Replaces ${key} by the context's single value; ${*}, ${?}, ${$} are the characters themselves.
// A '*' or '?' that comes in so is marked: matches_wildcard() takes it for itself alone. nullopt
// where a key is absent: then nothing matches.
std::optional<std::string> substitute_variables(std::string_view pattern,
                                                std::span<const ContextEntry> context);

}  // namespace slipway::identity

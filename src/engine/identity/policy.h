// Policy documents: the JSON language in which it is written who may do what, and how one statement
// of it is asked. Who may do what in the end is decided by all policies together: access.h.
#pragma once

#include <array>
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
// principals, a resource's policy names both.
enum class PolicyUse : std::uint8_t { permissions, trust, resource };

struct ConditionTest;  // condition_tests.h

// A text with wildcards and, where `variables`, with ${key} to be filled in from the context.
struct PolicyPattern {
  std::string text;
  bool variables = false;
};

// A resource's name, part by part: a wildcard of one part does not reach into the next, but for the
// last part, which is all of the rest.
struct ResourcePattern {
  enum class Reach : std::uint8_t { everything, parts, nothing } reach = Reach::parts;
  std::array<std::string, 5> head;  // "arn", partition, service, region, account; lower case
  PolicyPattern tail;
};

// Whom a resource's policy or a trust policy speaks of.
struct PrincipalPattern {
  enum class Kind : std::uint8_t {
    everyone,
    account,  // `name` has twelve digits
    party,    // the ARN of a user, role or session, or the unique id of a user or role
    service,
    federated,
    canonical_user
  };
  Kind kind = Kind::everyone;
  std::string name;
};

// One "Condition" test: all values of one key under one operator.
struct Condition {
  const ConditionTest* test = nullptr;
  enum class Quantifier : std::uint8_t {
    none,
    any_value,
    all_values
  } quantifier = Quantifier::none;
  enum class WhenAbsent : std::uint8_t { fails, holds } when_absent = WhenAbsent::fails;
  std::string key;
  std::vector<PolicyPattern> values;
};

// The test that an operator's name ("ForAnyValue:StringLikeIfExists") stands for, without key and
// values; of kind "malformed_policy" where there is none.
Result<Condition> parse_operator(std::string_view text);

// One statement of a policy, read once and then only compared.
struct Statement {
  enum class Effect : std::uint8_t { allow, deny } effect = Effect::allow;
  enum class Match : std::uint8_t { listed, others };
  std::string id;  // Sid, may be empty
  Match action_match = Match::listed;
  std::vector<std::string> actions;  // patterns, lower case
  Match resource_match = Match::listed;
  std::vector<ResourcePattern> resources;  // empty: none named (trust policies)
  Match principal_match = Match::listed;
  std::vector<PrincipalPattern> principals;  // empty: none named
  std::vector<Condition> conditions;
};

// A policy document, read. Immutable, so any thread may ask it.
class Policy {
 public:
  // invalid_argument of kind "malformed_policy", with a sentence that says what is wrong, for what
  // is not a policy: JSON that does not parse, unknown elements or operators, statements without
  // Effect or Action, ...
  static Result<Policy> parse(std::string_view text, PolicyUse use);

  // Denies everything to everyone: stands for a stored document that cannot be read any more.
  static Policy closed();

  std::span<const Statement> statements() const { return statements_; }

  // Whether it can say different things of one caller, action and resource: by a condition, or by a
  // variable in a resource's name. Else the context of a request is not asked.
  bool asks_context() const { return asks_context_; }

  // Makes the principals that are named by an ARN of `ids` be those of the id beside it: whoever
  // has the name now is asked for the id.
  void bind_principals(std::span<const std::pair<std::string, std::string>> ids);

  // What it is called where it is attached ("role_x_policy_y"); empty where nobody said.
  const std::string& label() const { return label_; }
  void set_label(std::string label) { label_ = std::move(label); }

 private:
  std::vector<Statement> statements_;
  bool asks_context_ = false;
  std::string label_;
};

// One value or several of a condition key ("aws:username", any case).
struct ContextEntry {
  std::string key;
  std::vector<std::string> values;
  // Keys that can have several values (aws:TagKeys) are only matched by ForAllValues and
  // ForAnyValue, whatever the number that they have now. More than one value says as much.
  enum class Arity : std::uint8_t { one, many } arity = Arity::one;
};

// A question: may `action` be done to `resource`?
struct AccessRequest {
  std::string_view action;    // "s3:GetObject", any case
  std::string_view resource;  // an ARN, or "*" where the action has no resource
  std::span<const ContextEntry> context;
  // `all_below`: everything whose name begins with `resource`. Then a statement that denies some of
  // it denies all, and one that allows must allow all.
  enum class Extent : std::uint8_t { one, all_below } extent = Extent::one;
};

// Says what policies come to: an explicit denial outweighs every permission, silence denies too.
enum class PolicyDecision : std::uint8_t { allowed, explicitly_denied, implicitly_denied };

// An AccessRequest, taken apart once for all the statements that are asked. Borrows the request.
class PreparedRequest {
 public:
  explicit PreparedRequest(const AccessRequest& request);

  // Whether action, resource and conditions of the statement match. Whom it speaks of is not asked.
  bool matches(const Statement& statement) const;

  std::string_view action() const { return action_; }  // lower case
  std::span<const ContextEntry> context() const { return context_; }

 private:
  // How much of what is asked for a pattern matches.
  enum class Share : std::uint8_t { none, some, all };
  Share share_of(const ResourcePattern& pattern) const;
  bool resource_matches(const Statement& statement) const;

  std::string action_;
  std::span<const ContextEntry> context_;
  AccessRequest::Extent extent_;
  bool is_name_ = false;  // a resource of six parts
  std::array<std::string, 5> head_;
  std::string_view tail_;
};

// Null where the context does not hold the key, or holds no value of it.
const ContextEntry* find_context(std::span<const ContextEntry> context, std::string_view key);

// Whether `text` matches `pattern` with '*' (any run) and '?' (any one). Each piece between two
// '*' is looked for once, from where the piece before it ended: never exponential, and linear for
// pieces without '?'.
bool matches_wildcard(std::string_view pattern, std::string_view text);

// Replaces ${key} by the context's single value and ${key, 'text'} by the text where there is none;
// ${*}, ${?}, ${$} are the characters themselves. A '*' or '?' that comes in so is marked:
// matches_wildcard() takes it for itself alone. nullopt where a key without a default is absent or
// has several values: then nothing matches.
std::optional<std::string> substitute_variables(std::string_view pattern,
                                                std::span<const ContextEntry> context);

}  // namespace slipway::identity

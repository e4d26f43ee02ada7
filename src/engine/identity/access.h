// Who may do what: the one function that every door's check, SimulatePrincipalPolicy and AssumeRole
// ask. The rules are AWS's (IAM guide, "Policy evaluation logic"), said in this engine's words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/identity/policy.h"
#include "engine/identity/principal.h"

namespace slipway::identity {

// Which policy a verdict rests on, for the words of a refusal.
enum class PolicyKind : std::uint8_t { none, identity, resource, session, boundary, trust };

// The resource's own say: whose it is, and the policy that stands at it.
struct ResourceSide {
  std::string_view account = {};   // of its owner; empty: the caller's own
  const Policy* policy = nullptr;  // null: it has none
  // Inside one account either side is enough, but for what guards itself (roles by their trust
  // policy, keys): there the resource's policy must allow, and naming the account in it is what
  // lets the principal's own policies count.
  enum class Rule : std::uint8_t { either_side, own_side } rule = Rule::either_side;
};

// Says whether a request is allowed, and which kind of policy decided.
struct Verdict {
  PolicyDecision decision = PolicyDecision::implicitly_denied;
  // What allows; what denies; or, where nothing does either, the kind whose permission lacks (the
  // principal's own policies first).
  PolicyKind kind = PolicyKind::none;
  bool allowed() const { return decision == PolicyDecision::allowed; }
};

using Policies = std::vector<std::shared_ptr<const Policy>>;

// The parsed policies that are in force for one principal: its own (and its groups'), its boundary,
// its session's. Shared by whoever decides with it.
struct PrincipalPolicies {
  Policies own;
  std::optional<Policies> boundary;  // absent: unbounded
  std::optional<Policies> session;   // absent: no session policy

  // Whether one of them asks for more than who does what to which resource (Policy::asks_context).
  bool ask_context() const;
};

// Explicit denials first, then what the resource's policy grants by itself, then the principal's
// policies within its boundary and its session's; both sides where the accounts differ. The
// principal's own keys (aws:PrincipalArn, aws:userid, tags, ...) must be in `request.context`: see
// principal_context(). Pure.
//
// Choices that AWS's own rules do not settle: a session policy limits nothing of what a resource's
// policy grants to the session by its ARN (the guide's word); a statement whose NotResource holds a
// variable without a value does not match.
Verdict decide(const Principal& principal, const PrincipalPolicies& policies,
               const AccessRequest& request, const ResourceSide& resource);

// How a verdict came about, for whoever wants to be told.
struct Explanation {
  struct Matched {
    PolicyKind kind;
    const Policy* policy;
    std::size_t statement;
  };
  std::vector<Matched> matched;  // the statements that decided
  // Keys that a condition asked for and the context did not hold, sorted, each once.
  std::vector<std::string> missing_context;
  // Whether the boundary, where there is one, allows by itself.
  std::optional<bool> boundary_allows;
};

// The same, with its reasons.
Verdict decide(const Principal& principal, const PrincipalPolicies& policies,
               const AccessRequest& request, const ResourceSide& resource, Explanation& why);

// What a principal brings into every question: aws:PrincipalArn, aws:userid, aws:username,
// aws:PrincipalType, aws:PrincipalAccount, aws:PrincipalTag/..., aws:SourceIdentity,
// aws:TokenIssueTime, aws:PrincipalIsAWSService, ...; keys that it does not have are absent.
std::vector<ContextEntry> principal_context(const Principal& principal);

// How an object store names an account as an owner, and a policy may name it too: 64 hex digits.
std::string canonical_user(std::string_view account);

}  // namespace slipway::identity

// Who may do what: the one function that every door's check, SimulatePrincipalPolicy and AssumeRole
// ask. The rules are AWS's (IAM guide, "Policy evaluation logic"), said in this engine's words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/identity/key_ring.h"
#include "engine/identity/policy.h"

namespace slipway::identity {

// Which policy a verdict rests on, for the words of a refusal.
enum class PolicyKind : std::uint8_t { none, identity, resource, session, boundary, trust };

// The resource's own say: whose it is, and the policy that stands at it.
struct ResourceSide {
  std::string_view account;        // of its owner; empty: the caller's own
  const Policy* policy = nullptr;  // null: it has none
};

struct Verdict {
  Decision decision = Decision::implicitly_denied;
  // What allows; what denies; or, where nothing does either, the kind whose permission lacks (the
  // principal's own policies first).
  PolicyKind kind = PolicyKind::none;
  bool allowed() const { return decision == Decision::allowed; }
};

// The parsed policies that are in force for one principal: its own (and its groups'), its boundary,
// its session's. Immutable; shared by whoever decides with it.
struct PrincipalPolicies {
  std::vector<std::shared_ptr<const Policy>> own;
  std::optional<std::vector<std::shared_ptr<const Policy>>> boundary;  // absent: unbounded
  std::optional<std::vector<std::shared_ptr<const Policy>>> session;   // absent: no session policy
};

// Explicit denials first, then what the resource's policy grants by itself, then the principal's
// policies within its boundary and its session's; both sides where the accounts differ. The
// principal's own keys (aws:PrincipalArn, aws:userid, tags, ...) must be in `request.context`: see
// principal_context(). Pure.
Verdict decide(const Principal& principal, const PrincipalPolicies& policies,
               const AccessRequest& request, const ResourceSide& resource);

// What a principal brings into every question: aws:PrincipalArn, aws:userid, aws:username,
// aws:PrincipalType, aws:PrincipalAccount, aws:PrincipalTag/..., aws:SourceIdentity,
// aws:TokenIssueTime, ...; keys that it does not have are absent.
std::vector<ContextEntry> principal_context(const Principal& principal);

}  // namespace slipway::identity

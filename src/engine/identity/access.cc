#include "engine/identity/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/encoding.h"
#include "base/text.h"
#include "engine/identity/directory.h"
#include "engine/identity/sessions.h"

namespace slipway::identity {
namespace {

constexpr std::string_view asking_who_one_is = "sts:getcalleridentity";
// What temporary credentials made from a long-term key may do of the services that make
// credentials; everything else of STS and all of IAM asks for a second factor, which is not here.
constexpr std::string_view assuming_a_role = "sts:assumerole";
// No operation of IAM, but what others ask about whom they give a role to: a session may what its
// policies say of it.
constexpr std::string_view passing_a_role = "iam:passrole";

// What a statement of a resource's policy gives to the principal, the stronger the later.
enum class Grant : std::uint8_t {
  none,
  account,  // it names the caller's account: the account's own policies decide
  role,     // it names the role: that stands for the role's own policies
  direct,   // it names the caller, or everyone
};

// Every name that `principal` answers to, its account apart.
std::array<std::string_view, 3> names_of(const Principal& principal) {
  if (principal.is_root() || principal.is_stranger()) return {principal.name};
  if (principal.kind == Principal::Kind::federated_user || !principal.party)
    return {principal.name};
  return {principal.name, principal.party->arn, principal.party_id()};
}

Grant grant_to(const Principal& principal, const PrincipalPattern& pattern) {
  using Kind = PrincipalPattern::Kind;
  using Asker = Principal::Kind;
  switch (pattern.kind) {
    case Kind::everyone: return Grant::direct;
    case Kind::account:
      return !principal.is_stranger() && pattern.name == principal.account ? Grant::account
                                                                           : Grant::none;
    case Kind::service:
      return principal.kind == Asker::service && pattern.name == principal.name ? Grant::direct
                                                                                : Grant::none;
    case Kind::canonical_user:
      return !principal.is_stranger() && pattern.name == canonical_user(principal.account)
                 ? Grant::account
                 : Grant::none;
    case Kind::federated:
      return principal.kind == Asker::web_identity && pattern.name == principal.name ? Grant::direct
                                                                                     : Grant::none;
    case Kind::party: break;
  }
  if (principal.is_stranger()) return Grant::none;
  if (pattern.name == principal.name) return Grant::direct;
  const auto names = names_of(principal);
  if (std::ranges::find(names, std::string_view(pattern.name)) == names.end()) return Grant::none;
  return principal.kind == Asker::role_session ? Grant::role : Grant::direct;
}

Grant strongest_grant(const Principal& principal, const Statement& statement) {
  Grant strongest = Grant::none;
  for (const PrincipalPattern& pattern : statement.principals)
    strongest = std::max(strongest, grant_to(principal, pattern));
  return strongest;
}

bool lists(const Statement& statement, PrincipalPattern::Kind kind, std::string_view name) {
  return std::ranges::any_of(statement.principals, [&](const PrincipalPattern& pattern) {
    return pattern.kind == kind && pattern.name == name;
  });
}

// A denial of all others spares only whom it lists by every name: the account, the role and the
// session.
bool is_spared(const Principal& principal, const Statement& statement) {
  using Kind = PrincipalPattern::Kind;
  if (principal.kind == Principal::Kind::service)
    return lists(statement, Kind::service, principal.name);
  if (principal.kind == Principal::Kind::web_identity)
    return lists(statement, Kind::federated, principal.name);
  if (principal.is_stranger() || !lists(statement, Kind::account, principal.account)) return false;
  if (principal.is_root()) return true;
  if (principal.kind == Principal::Kind::role_session && principal.party)
    return lists(statement, Kind::party, principal.name) &&
           (lists(statement, Kind::party, principal.party->arn) ||
            lists(statement, Kind::party, principal.party_id()));
  // A federated user is not the user who let it in.
  return lists(statement, Kind::party, principal.name) ||
         (principal.kind != Principal::Kind::federated_user &&
          lists(statement, Kind::party, principal.party_id()));
}

// A token's word counts for what a policy grants to its provider by name; a wildcard does not mean
// whoever has an account somewhere.
bool is_let_in_by_name(const Principal& principal, const Statement& statement) {
  return principal.kind != Principal::Kind::web_identity ||
         statement.effect == Statement::Effect::deny ||
         (statement.principal_match == Statement::Match::listed &&
          lists(statement, PrincipalPattern::Kind::federated, principal.name));
}

Grant grant_of(const Principal& principal, const Statement& statement) {
  if (statement.principals.empty()) return Grant::none;  // it speaks of nobody
  if (!is_let_in_by_name(principal, statement)) return Grant::none;
  if (statement.principal_match == Statement::Match::listed)
    return strongest_grant(principal, statement);
  const bool spared = statement.effect == Statement::Effect::deny
                          ? is_spared(principal, statement)
                          : strongest_grant(principal, statement) != Grant::none;
  return spared ? Grant::none : Grant::direct;
}

// What one set of policies says, and by which statements.
struct Say {
  PolicyKind kind = PolicyKind::none;
  bool denies = false;
  bool allows = false;
  Grant grant = Grant::none;  // a resource's only
  std::vector<Explanation::Matched> matched = {};
};

// One question to all policies. With `why`, statements that matched and absent keys are noted.
class Asking {
 public:
  Asking(const Principal& principal, const AccessRequest& request, Explanation* why)
      : principal_(principal), request_(request), why_(why) {}

  Say own_side(PolicyKind kind, std::span<const std::shared_ptr<const Policy>> policies) {
    Say say{.kind = kind};
    for (const auto& policy : policies)
      each_matching(*policy, say, [](const Statement&) { return Grant::direct; });
    return say;
  }

  Say resource_side(const ResourceSide& resource) {
    Say say{.kind = resource.rule == ResourceSide::Rule::own_side ? PolicyKind::trust
                                                                  : PolicyKind::resource};
    if (resource.policy != nullptr)
      each_matching(*resource.policy, say,
                    [&](const Statement& statement) { return grant_of(principal_, statement); });
    return say;
  }

  std::string_view action() const { return request_.action(); }

  void explain(std::span<const Say* const> deciding, PolicyDecision decision) {
    if (why_ == nullptr) return;
    using Effect = Statement::Effect;
    const Effect wanted =
        decision == PolicyDecision::explicitly_denied ? Effect::deny : Effect::allow;
    for (const Say* say : deciding)
      for (const auto& each : say->matched)
        if (each.policy->statements()[each.statement].effect == wanted)
          why_->matched.push_back(each);
    why_->missing_context.assign(missing_.begin(), missing_.end());
  }

 private:
  template <typename GrantOf>
  void each_matching(const Policy& policy, Say& say, GrantOf grant_of_statement) {
    const auto statements = policy.statements();
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (why_ != nullptr) note_missing(statements[i]);
      const Grant grant = grant_of_statement(statements[i]);
      if (grant == Grant::none || !request_.matches(statements[i])) continue;
      if (statements[i].effect == Statement::Effect::deny) {
        say.denies = true;
      } else {
        say.allows = true;
        say.grant = std::max(say.grant, grant);
      }
      if (why_ != nullptr) say.matched.push_back({say.kind, &policy, i});
    }
  }

  void note_missing(const Statement& statement) {
    for (const Condition& condition : statement.conditions)
      if (find_context(request_.context(), condition.key) == nullptr)
        missing_.insert(condition.key);
  }

  const Principal& principal_;
  const PreparedRequest request_;
  Explanation* why_;
  std::set<std::string> missing_;
};

struct Says {
  Say own;
  Say resource;
  std::optional<Say> boundary;
  std::optional<Say> session;
};

Verdict lacking(PolicyKind kind) { return {PolicyDecision::implicitly_denied, kind}; }

std::optional<Verdict> denial(const Says& says) {
  for (const Say* say : {&says.own, &says.resource, says.boundary ? &*says.boundary : nullptr,
                         says.session ? &*says.session : nullptr})
    if (say != nullptr && say->denies) return Verdict{PolicyDecision::explicitly_denied, say->kind};
  return std::nullopt;
}

// What boundary and session leave of a permission that `kind` gave.
Verdict within_limits(const Says& says, PolicyKind kind) {
  if (says.boundary && !says.boundary->allows) return lacking(PolicyKind::boundary);
  if (says.session && !says.session->allows) return lacking(PolicyKind::session);
  return {PolicyDecision::allowed, kind};
}

// Credentials that stand for a long-term key without a second factor leave the keeping of keys to
// it; those that it gave to somebody else do all the more.
bool is_withheld(const Principal& principal, std::string_view action) {
  using Kind = Principal::Kind;
  const bool is_guest = principal.kind == Kind::federated_user;
  if (!is_guest && principal.kind != Kind::user_session && principal.kind != Kind::root_session)
    return false;
  const bool is_proven = !is_guest && principal.session && principal.session->factor_shown;
  return (action.starts_with("iam:") && action != passing_a_role && !is_proven) ||
         (action.starts_with("sts:") && (is_guest || action != assuming_a_role));
}

Verdict inside_one_account(const Says& says, const ResourceSide& resource) {
  if (says.resource.grant == Grant::direct) return {PolicyDecision::allowed, says.resource.kind};
  const bool guards_itself = resource.rule == ResourceSide::Rule::own_side;
  if (guards_itself && says.resource.grant == Grant::none) return lacking(PolicyKind::trust);
  if (says.resource.grant == Grant::role) return within_limits(says, says.resource.kind);
  if (!says.own.allows) return lacking(PolicyKind::identity);
  return within_limits(says, PolicyKind::identity);
}

Verdict across_accounts(const Principal& principal, const Says& says) {
  if (says.resource.grant == Grant::none) return lacking(says.resource.kind);
  if (principal.is_root()) return {PolicyDecision::allowed, says.resource.kind};
  if (!says.own.allows) return lacking(PolicyKind::identity);
  return within_limits(says, PolicyKind::identity);
}

Verdict verdict_of(const Principal& principal, std::string_view action, const Says& says,
                   const ResourceSide& resource) {
  if (action == asking_who_one_is && !principal.is_stranger())
    return {PolicyDecision::allowed, PolicyKind::identity};
  if (const auto denied = denial(says)) return *denied;
  if (principal.is_stranger())
    return says.resource.grant == Grant::direct
               ? Verdict{PolicyDecision::allowed, says.resource.kind}
               : lacking(says.resource.kind);
  if (is_withheld(principal, action)) return lacking(PolicyKind::session);
  const bool one_account = resource.account.empty() || resource.account == principal.account;
  if (!one_account) return across_accounts(principal, says);
  if (principal.is_root()) return {PolicyDecision::allowed, PolicyKind::identity};
  return inside_one_account(says, resource);
}

Verdict decide_with(const Principal& principal, const PrincipalPolicies& policies,
                    const AccessRequest& request, const ResourceSide& resource, Explanation* why) {
  Asking asking(principal, request, why);
  Says says{.own = asking.own_side(PolicyKind::identity, policies.own),
            .resource = asking.resource_side(resource),
            .boundary = {},
            .session = {}};
  if (policies.boundary) says.boundary = asking.own_side(PolicyKind::boundary, *policies.boundary);
  if (policies.session) says.session = asking.own_side(PolicyKind::session, *policies.session);
  const Verdict verdict = verdict_of(principal, asking.action(), says, resource);
  if (why == nullptr) return verdict;
  const Say none;
  const Say* deciding[] = {&says.own, &says.resource, says.boundary ? &*says.boundary : &none,
                           says.session ? &*says.session : &none};
  asking.explain(deciding, verdict.decision);
  if (says.boundary) why->boundary_allows = says.boundary->allows && !says.boundary->denies;
  return verdict;
}

std::string_view type_of(const Principal& principal) {
  switch (principal.kind) {
    case Principal::Kind::root:
    case Principal::Kind::root_session: return "Account";
    case Principal::Kind::user:
    case Principal::Kind::user_session: return "User";
    case Principal::Kind::role_session: return "AssumedRole";
    case Principal::Kind::federated_user: return "FederatedUser";
    case Principal::Kind::web_identity:
    case Principal::Kind::anonymous: return "Anonymous";
    case Principal::Kind::service: break;
  }
  return "Service";
}

// The tags of the user or role, and over them those of the session.
std::vector<Tag> tags_of(const Principal& principal) {
  std::vector<Tag> tags;
  if (principal.party) tags = principal.party->tags;
  if (!principal.session) return tags;
  for (const Tag& tag : principal.session->tags) {
    const auto same = std::ranges::find_if(
        tags, [&](const Tag& other) { return equal_ignoring_case(other.first, tag.first); });
    if (same == tags.end())
      tags.push_back(tag);
    else
      same->second = tag.second;
  }
  return tags;
}

bool any_asks_context(std::span<const std::shared_ptr<const Policy>> policies) {
  return std::ranges::any_of(policies, [](const auto& policy) { return policy->asks_context(); });
}

}  // namespace

bool PrincipalPolicies::ask_context() const {
  return any_asks_context(own) || (boundary && any_asks_context(*boundary)) ||
         (session && any_asks_context(*session));
}

Verdict decide(const Principal& principal, const PrincipalPolicies& policies,
               const AccessRequest& request, const ResourceSide& resource) {
  return decide_with(principal, policies, request, resource, nullptr);
}

Verdict decide(const Principal& principal, const PrincipalPolicies& policies,
               const AccessRequest& request, const ResourceSide& resource, Explanation& why) {
  return decide_with(principal, policies, request, resource, &why);
}

std::string canonical_user(std::string_view account) {
  return sha256_hex(fmt::format("canonical user of account {}", account));
}

std::vector<ContextEntry> principal_context(const Principal& principal) {
  using Kind = Principal::Kind;
  std::vector<ContextEntry> context;
  const auto add = [&](std::string_view key, std::string_view value) {
    context.push_back({std::string(key), {std::string(value)}});
  };
  const bool is_service = principal.kind == Kind::service;
  add("aws:PrincipalType", type_of(principal));
  add("aws:PrincipalIsAWSService", is_service ? "true" : "false");
  if (is_service) add("aws:PrincipalServiceName", principal.name);
  if (principal.kind == Kind::anonymous) add("aws:userid", "anonymous");
  if (principal.is_stranger()) return context;

  const bool is_role = principal.kind == Kind::role_session && principal.party;
  add("aws:PrincipalArn", is_role ? principal.party->arn : principal.name);
  add("aws:PrincipalAccount", principal.account);
  add("aws:userid", user_id(principal));
  const bool is_user = principal.kind == Kind::user || principal.kind == Kind::user_session;
  if (is_user && principal.party) add("aws:username", principal.party->name);
  for (const auto& [key, value] : tags_of(principal))
    add(fmt::format("aws:PrincipalTag/{}", key), value);
  if (!principal.session) return context;
  add("aws:TokenIssueTime", to_iso8601(principal.session->issued));
  add("aws:MultiFactorAuthPresent", principal.session->factor_shown ? "true" : "false");
  if (!principal.session->source_identity.empty())
    add("aws:SourceIdentity", principal.session->source_identity);
  for (const auto& [key, value] : principal.session->provider_keys) add(key, value);
  return context;
}

}  // namespace slipway::identity

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include "base/text.h"
#include "engine/identity/access.h"
#include "service/arn.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/paging.h"

namespace slipway::iam {
namespace {

using identity::DirectorySnapshot;
using identity::Party;
using identity::Policies;
using identity::Policy;
using identity::PolicyUse;
using identity::Principal;
using service::refuse;

constexpr std::int64_t results_per_page_default = 100;
// Actions times resources in one call.
constexpr std::size_t simulations_max = 10'000;

// Who is imagined to ask, what is in force for it, and of what.
struct Simulation {
  Principal principal;
  identity::PrincipalPolicies policies;
  std::shared_ptr<const Policy> resource_policy;
  std::string resource_owner;
  std::vector<identity::ContextEntry> context;
};

// ---- What the request gives ---------------------------------------------------------------------

Result<std::shared_ptr<const Policy>> read_policy(std::string label, std::string_view document,
                                                  PolicyUse use) {
  TRY(Policy policy, Policy::parse(document, use));
  policy.set_label(std::move(label));
  return std::make_shared<const Policy>(std::move(policy));
}

template <typename Documents>
Result<> add_all(Policies& set, std::string_view list, const Documents& documents) {
  std::size_t number = 0;
  for (const std::string_view document : documents) {
    TRY(auto policy,
        read_policy(fmt::format("{}.{}", list, ++number), document, PolicyUse::permissions));
    set.push_back(std::move(policy));
  }
  return {};
}

template <typename In>
std::vector<identity::ContextEntry> read_context(const In& in) {
  std::vector<identity::ContextEntry> context;
  for (const auto entry : in.ContextEntries()) {
    identity::ContextEntry& made = context.emplace_back();
    made.key = entry.ContextKeyName().value_or("");
    for (const std::string_view value : entry.ContextKeyValues()) made.values.emplace_back(value);
    if (entry.ContextKeyType().value_or("").ends_with("List"))
      made.arity = identity::ContextEntry::Arity::many;
  }
  return context;
}

// The account in "arn:aws:iam::123456789012:root", or the number itself.
std::string account_in(std::string_view owner) {
  const auto arn = service::parse_arn(owner);
  return std::string(arn ? arn->account : owner);
}

// What both kinds of simulation add to the policies that they begin with.
template <typename In>
Result<> add_given(const In& in, Simulation& simulation) {
  TRY_DO(add_all(simulation.policies.own, "PolicyInputList", in.PolicyInputList()));
  if (in.PermissionsBoundaryPolicyInputList().has()) {
    simulation.policies.boundary.emplace();
    TRY_DO(add_all(*simulation.policies.boundary, "PermissionsBoundaryPolicyInputList",
                   in.PermissionsBoundaryPolicyInputList()));
  }
  simulation.resource_owner = account_in(in.ResourceOwner().value_or(""));
  // What is given counts before what is known of the caller: it is found first.
  simulation.context = read_context(in);
  std::ranges::move(principal_context(simulation.principal),
                    std::back_inserter(simulation.context));
  const auto document = in.ResourcePolicy();
  if (!document) return {};
  if (!in.CallerArn() && simulation.principal.kind != Principal::Kind::user)
    return refuse("InvalidInput", "CallerArn is required when ResourcePolicy is specified.");
  TRY(simulation.resource_policy, read_policy("ResourcePolicy", *document, PolicyUse::resource));
  return {};
}

// ---- Whose policies they are --------------------------------------------------------------------

Principal user_named(std::string_view arn) {
  const auto parsed = service::parse_arn(arn);
  return {.kind = Principal::Kind::user,
          .account = std::string(parsed ? parsed->account : std::string_view()),
          .name = std::string(arn),
          .id = {}};
}

Result<std::shared_ptr<const Party>> party_at(const Call& call, const DirectorySnapshot& parties,
                                              std::string_view arn) {
  const auto parsed = service::parse_arn(arn);
  const std::string_view resource = parsed ? parsed->resource : std::string_view();
  const bool is_named = resource.starts_with("user/") || resource.starts_with("role/") ||
                        resource.starts_with("group/");
  if (!is_named)
    return refuse(
        "InvalidInput",
        fmt::format("Invalid Entity Arn: {} does not clearly define entity type and name.", arn));
  const std::string key =
      fmt::format("{}/{}/{}", parsed->account, resource.substr(0, resource.find('/')),
                  to_lower(name_in(resource)));
  auto party = parsed->account == call.account() ? parties.parties.find(key) : nullptr;
  if (party && party->arn == arn) return party;
  return refuse("NoSuchEntity", fmt::format("The entity {} cannot be found.", arn));
}

// The party itself, as if it asked: a role by a session, a group by one of its members.
Principal principal_of(const std::shared_ptr<const Party>& party) {
  if (party->kind != Party::Kind::role)
    return {Principal::Kind::user, party->account, party->arn, party->id, party};
  return {Principal::Kind::role_session, party->account,
          fmt::format("arn:aws:sts::{}:assumed-role/{}/simulated", party->account, party->name),
          fmt::format("{}:simulated", party->id), party};
}

// ---- The answer ---------------------------------------------------------------------------------

std::string_view decision_name(identity::PolicyDecision decision) {
  switch (decision) {
    case identity::PolicyDecision::allowed: return "allowed";
    case identity::PolicyDecision::explicitly_denied: return "explicitDeny";
    case identity::PolicyDecision::implicitly_denied: break;
  }
  return "implicitDeny";
}

void answer(const Simulation& simulation, std::string_view action, std::string_view resource,
            api::EvaluationResult out) {
  identity::Explanation why;
  const identity::Verdict verdict =
      decide(simulation.principal, simulation.policies, {action, resource, simulation.context},
             {simulation.resource_owner, simulation.resource_policy.get()}, why);
  if (why.boundary_allows)
    out.make_PermissionsBoundaryDecisionDetail().AllowedByPermissionsBoundary(*why.boundary_allows);
  out.EvalActionName(action).EvalResourceName(resource).EvalDecision(
      decision_name(verdict.decision));
  out.MatchedStatements(wire::empty).MissingContextValues(wire::empty);
  for (const auto& each : why.matched)
    out.add_MatchedStatements()
        .SourcePolicyId(each.policy->label())
        .SourcePolicyType(each.kind == identity::PolicyKind::resource ? "Resource Policy"
                                                                      : "IAM Policy");
  for (const std::string& key : why.missing_context) out.add_MissingContextValues(key);
}

// The position in a marker is the number of the next result.
Result<std::size_t> first_result(const std::optional<std::string>& position) {
  if (!position) return refuse("ValidationError", "Invalid Marker.");
  std::size_t number = 0;
  const std::string_view marker = position->empty() ? "0" : std::string_view(*position);
  const auto [end, error] = std::from_chars(marker.data(), marker.data() + marker.size(), number);
  if (error == std::errc{} && end == marker.data() + marker.size()) return number;
  return refuse("ValidationError", "Invalid Marker.");
}

template <typename In>
Result<api::SimulatePolicyResponse> run(Call& call, const In& in, const Simulation& simulation) {
  if (in.ResourceHandlingOption())
    return fail(ErrorCode::not_implemented,
                "Slipway does not implement ResourceHandlingOption, which is about EC2 scenarios; "
                "leave it out.");
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::size_t first, first_result(tokens.position_in(in.Marker())));
  std::vector<std::string_view> resources(in.ResourceArns().begin(), in.ResourceArns().end());
  if (resources.empty()) resources.push_back("*");
  const std::size_t total = in.ActionNames().size() * resources.size();
  if (total > simulations_max)
    return refuse("InvalidInput",
                  fmt::format("{} actions on {} resources are more than the {} simulations of one "
                              "call; split them.",
                              in.ActionNames().size(), resources.size(), simulations_max));
  const auto per_page = static_cast<std::size_t>(in.MaxItems().value_or(results_per_page_default));
  const std::size_t end = std::min(total, first + per_page);
  auto out = call.output<api::SimulatePolicyResponse>();
  out.EvaluationResults(wire::empty).IsTruncated(end < total);
  if (end < total) out.Marker(tokens.token_behind(std::to_string(end)));
  for (std::size_t i = first; i < end; ++i)
    answer(simulation, in.ActionNames()[i / resources.size()], resources[i % resources.size()],
           out.add_EvaluationResults());
  return out;
}

// ---- What policies ask for ----------------------------------------------------------------------

// The keys of "${aws:username}" in a text, without the values that stand in for them.
void add_variables(const identity::PolicyPattern& pattern, std::set<std::string>& keys) {
  if (!pattern.variables) return;
  const std::string_view text = pattern.text;
  for (std::size_t at = text.find("${"); at != text.npos; at = text.find("${", at + 2)) {
    const std::string_view name = text.substr(at + 2, text.find_first_of(",}", at) - at - 2);
    if (name != "*" && name != "?" && name != "$") keys.emplace(name);
  }
}

void add_keys(const Policies& policies, std::set<std::string>& keys) {
  for (const auto& policy : policies)
    for (const identity::Statement& statement : policy->statements()) {
      for (const auto& resource : statement.resources) add_variables(resource.tail, keys);
      for (const auto& condition : statement.conditions) {
        keys.insert(condition.key);
        for (const auto& value : condition.values) add_variables(value, keys);
      }
    }
}

Result<api::GetContextKeysForPolicyResponse> answer_keys(Call& call,
                                                         const std::set<std::string>& keys) {
  auto out = call.output<api::GetContextKeysForPolicyResponse>();
  out.ContextKeyNames(wire::empty);
  for (const std::string& key : keys) out.add_ContextKeyNames(key);
  return out;
}

}  // namespace

Result<api::GetContextKeysForPolicyResponse> get_context_keys_for_principal_policy(
    Call& call, api::GetContextKeysForPrincipalPolicyRequest in,
    const identity::Directory& directory) {
  const auto parties = directory.snapshot();
  TRY(const auto party, party_at(call, *parties, in.PolicySourceArn()));
  Policies policies = parties->policies_of(*party).own;
  TRY_DO(add_all(policies, "PolicyInputList", in.PolicyInputList()));
  std::set<std::string> keys;
  add_keys(policies, keys);
  return answer_keys(call, keys);
}

Result<api::GetContextKeysForPolicyResponse> get_context_keys_for_custom_policy(
    Call& call, api::GetContextKeysForCustomPolicyRequest in) {
  Policies policies;
  TRY_DO(add_all(policies, "PolicyInputList", in.PolicyInputList()));
  std::set<std::string> keys;
  add_keys(policies, keys);
  return answer_keys(call, keys);
}

Result<api::SimulatePolicyResponse> simulate_principal_policy(
    Call& call, api::SimulatePrincipalPolicyRequest in, const identity::Directory& directory) {
  const auto parties = directory.snapshot();
  TRY(const auto party, party_at(call, *parties, in.PolicySourceArn()));
  Simulation simulation{.principal = principal_of(party),
                        .policies = parties->policies_of(*party),
                        .resource_policy = {},
                        .resource_owner = {},
                        .context = {}};
  if (const auto caller = in.CallerArn()) simulation.principal = user_named(*caller);
  TRY_DO(add_given(in, simulation));
  return run(call, in, simulation);
}

Result<api::SimulatePolicyResponse> simulate_custom_policy(Call& call,
                                                           api::SimulateCustomPolicyRequest in) {
  Simulation simulation;
  const std::string nobody = fmt::format("arn:aws:iam::{}:user/simulated", call.account());
  simulation.principal = user_named(in.CallerArn().value_or(nobody));
  TRY_DO(add_given(in, simulation));
  return run(call, in, simulation);
}

}  // namespace slipway::iam

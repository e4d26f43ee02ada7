#include <fmt/format.h>

#include <charconv>
#include <deque>

#include "service/iam/known_policy.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

using identity::AttachedPolicy;
using identity::Policy;
using identity::PolicyUse;
using service::refuse;

constexpr std::int64_t results_per_page_default = 100;
// Actions times resources in one call.
constexpr std::size_t simulations_max = 10'000;

// Policies that were parsed for one call, at addresses that stay.
class PolicySet {
 public:
  Result<> add(std::string source, std::string_view document) {
    TRY(Policy policy, Policy::parse(document, PolicyUse::permissions));
    policies_.push_back(std::move(policy));
    attached_.push_back({std::move(source), &policies_.back()});
    return {};
  }

  template <typename Documents>
  Result<> add_all(std::string_view list, const Documents& documents) {
    std::size_t number = 0;
    for (const std::string_view document : documents)
      TRY_DO(add(fmt::format("{}.{}", list, ++number), document));
    return {};
  }

  std::span<const AttachedPolicy> all() const { return attached_; }

 private:
  std::deque<Policy> policies_;
  std::vector<AttachedPolicy> attached_;
};

Result<identity::Role> role_at(Call& call, std::string_view arn) {
  const std::string prefix = fmt::format("arn:aws:iam::{}:role/", call.account());
  if (!arn.starts_with("arn:"))
    return refuse(
        "InvalidInput",
        fmt::format("Invalid Entity Arn: {} does not clearly define entity type and name.", arn));
  if (!arn.starts_with(prefix))
    return refuse("NoSuchEntity", fmt::format("The entity {} cannot be found.", arn));
  return identity::find_role(call.tx(), call.account(), arn.substr(arn.rfind('/') + 1));
}

Result<> add_role_policies(Call& call, const identity::Role& role, PolicySet& set) {
  const identity::RoleName name{call.account(), role.name};
  const identity::PageRequest everything{.items_max = identity::identity_page_max};
  TRY(const auto inline_names, identity::list_inline_policies(call.tx(), name, everything));
  for (const std::string& policy : inline_names.items) {
    TRY(const std::string document, identity::find_inline_policy(call.tx(), name, policy));
    TRY_DO(set.add(fmt::format("role_{}_{}", role.name, policy), document));
  }
  TRY(const auto attached, identity::list_attached_policies(call.tx(), name, everything));
  for (const std::string& arn : attached.items) {
    TRY(const KnownPolicy policy, find_known_policy(call, arn));
    TRY_DO(set.add(policy.name, policy.document));
  }
  return {};
}

// What the request gives as a boundary, or the role's own.
Result<> add_boundary(Call& call, const api::SimulatePrincipalPolicyRequest& in,
                      const identity::Role& role, PolicySet& set) {
  if (in.PermissionsBoundaryPolicyInputList().has())
    return set.add_all("PermissionsBoundaryPolicyInputList",
                       in.PermissionsBoundaryPolicyInputList());
  if (!role.permissions_boundary) return {};
  TRY(const KnownPolicy policy, find_known_policy(call, *role.permissions_boundary));
  return set.add(policy.name, policy.document);
}

std::vector<identity::ContextEntry> read_context(const api::SimulatePrincipalPolicyRequest& in) {
  std::vector<identity::ContextEntry> context;
  for (const auto entry : in.ContextEntries()) {
    identity::ContextEntry& made = context.emplace_back();
    made.key = entry.ContextKeyName().value_or("");
    for (const std::string_view value : entry.ContextKeyValues()) made.values.emplace_back(value);
  }
  return context;
}

std::string_view decision_name(identity::Decision decision) {
  switch (decision) {
    case identity::Decision::allowed: return "allowed";
    case identity::Decision::explicitly_denied: return "explicitDeny";
    case identity::Decision::implicitly_denied: break;
  }
  return "implicitDeny";
}

struct Question {
  const PolicySet& policies;
  const PolicySet& boundary;
  std::span<const identity::ContextEntry> context;
};

void answer(const Question& question, std::string_view action, std::string_view resource,
            api::EvaluationResult out) {
  const identity::AccessRequest request{action, resource, question.context};
  const identity::Evaluation own = evaluate(question.policies.all(), request);
  identity::Decision decision = own.decision;
  if (!question.boundary.all().empty()) {
    const identity::Decision bound = evaluate(question.boundary.all(), request).decision;
    out.make_PermissionsBoundaryDecisionDetail().AllowedByPermissionsBoundary(
        bound == identity::Decision::allowed);
    if (decision == identity::Decision::allowed) decision = bound;
  }
  out.EvalActionName(action).EvalResourceName(resource).EvalDecision(decision_name(decision));
  out.MatchedStatements(wire::empty).MissingContextValues(wire::empty);
  for (const auto& [policy, statement] : own.matched)
    out.add_MatchedStatements()
        .SourcePolicyId(question.policies.all()[policy].source)
        .SourcePolicyType("IAM Policy");
  for (const std::string& key : own.missing_context) out.add_MissingContextValues(key);
}

// A marker is the number of the next result.
Result<std::size_t> first_result(const api::SimulatePrincipalPolicyRequest& in) {
  const std::string_view marker = in.Marker().value_or("0");
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(marker.data(), marker.data() + marker.size(), number);
  if (error == std::errc{} && end == marker.data() + marker.size()) return number;
  return refuse("ValidationError", "Invalid Marker.");
}

}  // namespace

Result<api::SimulatePolicyResponse> simulate_principal_policy(
    Call& call, api::SimulatePrincipalPolicyRequest in) {
  TRY(const identity::Role role, role_at(call, in.PolicySourceArn()));
  PolicySet policies;
  PolicySet boundary;
  TRY_DO(add_role_policies(call, role, policies));
  TRY_DO(policies.add_all("PolicyInputList", in.PolicyInputList()));
  TRY_DO(add_boundary(call, in, role, boundary));
  const auto context = read_context(in);
  TRY(const std::size_t first, first_result(in));

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
  if (end < total) out.Marker(std::to_string(end));
  for (std::size_t i = first; i < end; ++i)
    answer({policies, boundary, context}, in.ActionNames()[i / resources.size()],
           resources[i % resources.size()], out.add_EvaluationResults());
  return out;
}

}  // namespace slipway::iam

#include <fmt/format.h>

#include <algorithm>

#include "service/iam/known_policy.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

using identity::TagOwner;
using service::refuse;

void fill(Call& call, const KnownPolicy& policy, api::Policy out) {
  out.PolicyName(policy.name)
      .PolicyId(policy.id)
      .Arn(policy.arn)
      .Path(policy.path)
      .DefaultVersionId(policy.version)
      .AttachmentCount(static_cast<std::int32_t>(
          identity::count_attachments(call.tx(), call.account(), policy.arn)))
      .PermissionsBoundaryUsageCount(0)
      .IsAttachable(true)
      .CreateDate(policy.created)
      .UpdateDate(policy.created);
}

PolicyScope scope_of(std::string_view scope) {
  if (scope == "AWS") return PolicyScope::provider;
  return scope == "Local" ? PolicyScope::local : PolicyScope::all;
}

void fill_version(const KnownPolicy& policy, api::PolicyVersion out) {
  out.VersionId(policy.version).IsDefaultVersion(true).CreateDate(policy.created);
}

}  // namespace

Result<api::CreatePolicyResponse> create_policy(Call& call, api::CreatePolicyRequest in) {
  TRY_DO(check_document(in.PolicyDocument(), identity::PolicyUse::permissions));
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags()));
  const identity::StoredPolicy policy{
      .account = call.account(),
      .name = std::string(in.PolicyName()),
      .path = std::string(in.Path().value_or("/")),
      .id = make_entity_id(call, "ANPA"),
      .description = std::string(in.Description().value_or("")),
      .document = std::string(in.PolicyDocument()),
      .created = std::chrono::floor<std::chrono::seconds>(call.now())};
  TRY_DO(identity::create_policy(call.tx(), policy, tags));
  TRY(const KnownPolicy known,
      find_known_policy(call, iam_arn(call, "policy", policy.path, policy.name)));
  auto out = call.output<api::CreatePolicyResponse>();
  fill(call, known, out.make_Policy());
  for (const auto& [key, value] : tags) out.make_Policy().add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetPolicyResponse> get_policy(Call& call, api::GetPolicyRequest in) {
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  auto out = call.output<api::GetPolicyResponse>();
  api::Policy item = out.make_Policy();
  fill(call, policy, item);
  if (!policy.description.empty()) item.Description(policy.description);
  item.Tags(wire::empty);
  const auto tags =
      identity::list_tags(call.tx(), {TagOwner::Kind::policy, call.account(), policy.name}, {});
  if (tags && policy.arn == iam_arn(call, "policy", policy.path, policy.name))
    for (const auto& [key, value] : tags->items) item.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetPolicyVersionResponse> get_policy_version(Call& call,
                                                         api::GetPolicyVersionRequest in) {
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  if (in.VersionId() != policy.version)
    return refuse("NoSuchEntity",
                  fmt::format("Policy {} version {} does not exist or is not attachable.",
                              policy.arn, in.VersionId()));
  auto out = call.output<api::GetPolicyVersionResponse>();
  fill_version(policy, out.make_PolicyVersion());
  out.make_PolicyVersion().Document(encoded_document(policy.document));
  return out;
}

Result<api::ListPoliciesResponse> list_policies(Call& call, api::ListPoliciesRequest in) {
  TRY(const identity::PageRequest request, read_page(in));
  auto out = call.output<api::ListPoliciesResponse>();
  out.Policies(wire::empty);
  identity::Page<std::string> page;
  for (const KnownPolicy& policy :
       known_policies(call, scope_of(in.Scope().value_or("All")), in.PathPrefix().value_or("/"))) {
    if (policy.arn <= request.after) continue;
    if (in.OnlyAttached().value_or(false) &&
        identity::count_attachments(call.tx(), call.account(), policy.arn) == 0)
      continue;
    page.more = page.items.size() == request.items_max;
    if (page.more) break;
    fill(call, policy, out.add_Policies());
    page.items.push_back(policy.arn);
  }
  write_page(out, page, page.more ? page.items.back() : "");
  return out;
}

Result<api::ListPolicyVersionsResponse> list_policy_versions(Call& call,
                                                             api::ListPolicyVersionsRequest in) {
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  auto out = call.output<api::ListPolicyVersionsResponse>();
  fill_version(policy, out.add_Versions());
  out.IsTruncated(false);
  return out;
}

Result<> delete_policy(Call& call, api::DeletePolicyRequest in) {
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  if (policy.arn != iam_arn(call, "policy", policy.path, policy.name))
    return refuse("AccessDenied",
                  fmt::format("Cannot delete {}: it is the provider's.", policy.arn));
  return identity::delete_policy(call.tx(), call.account(), policy.name, policy.arn);
}

}  // namespace slipway::iam

#include <fmt/format.h>

#include <algorithm>

#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/tags.h"

namespace slipway::iam {
namespace {

using identity::Owner;
using identity::PolicyUsage;
using service::refuse;

std::int64_t count_users(Call& call, const KnownPolicy& policy, PolicyUsage usage) {
  return identity::count_users_of(call.tx(), call.account(), policy.arn, usage);
}

Owner tags_of(const identity::StoredPolicy& policy) {
  return {Owner::Kind::policy, policy.account, policy.name};
}

void fill(Call& call, const KnownPolicy& policy, api::Policy out) {
  out.PolicyName(policy.name)
      .PolicyId(policy.id)
      .Arn(policy.arn)
      .Path(policy.path)
      .DefaultVersionId(policy.version)
      .AttachmentCount(static_cast<std::int32_t>(count_users(call, policy, PolicyUsage::attached)))
      .PermissionsBoundaryUsageCount(
          static_cast<std::int32_t>(count_users(call, policy, PolicyUsage::boundary)))
      .IsAttachable(true)
      .CreateDate(policy.created)
      .UpdateDate(policy.updated);
}

bool is_wanted(Call& call, const KnownPolicy& policy, const api::ListPoliciesRequest& in) {
  const std::string_view usage = in.PolicyUsageFilter().value_or("");
  if (usage == "PermissionsBoundary" && count_users(call, policy, PolicyUsage::boundary) == 0)
    return false;
  const bool attached = in.OnlyAttached().value_or(false) || usage == "PermissionsPolicy";
  return !attached || count_users(call, policy, PolicyUsage::attached) > 0;
}

PolicyScope scope_of(std::string_view scope) {
  if (scope == "AWS") return PolicyScope::provider;
  return scope == "Local" ? PolicyScope::local : PolicyScope::all;
}

}  // namespace

Result<api::CreatePolicyResponse> create_policy(Call& call, api::CreatePolicyRequest in) {
  TRY_DO(identity::check_document(in.PolicyDocument(), identity::DocumentKind::managed));
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), identity::Owner::Kind::policy));
  const identity::StoredPolicy policy{.account = call.account(),
                                      .name = std::string(in.PolicyName()),
                                      .path = std::string(in.Path().value_or("/")),
                                      .id = make_entity_id(call, "ANPA"),
                                      .description = std::string(in.Description().value_or("")),
                                      .document = std::string(in.PolicyDocument()),
                                      .created = this_second(call)};
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
  if (!policy.stored) return out;
  TRY(const auto tags, identity::list_tags(call.tx(), tags_of(*policy.stored), {}));
  for (const auto& [key, value] : tags.items) item.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListPoliciesResponse> list_policies(Call& call, api::ListPoliciesRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  auto out = call.output<api::ListPoliciesResponse>();
  out.Policies(wire::empty);
  identity::Page<std::string> page;
  const PoliciesWanted wanted{.scope = scope_of(in.Scope().value_or("All")),
                              .path_prefix = in.PathPrefix().value_or("/"),
                              .after = request.after,
                              .items_max = request.items_max};
  each_policy(call, wanted, [&](const KnownPolicy& policy) {
    if (!is_wanted(call, policy, in)) return Taken::more_wanted;
    page.more = page.items.size() == request.items_max;
    if (page.more) return Taken::enough;
    fill(call, policy, out.add_Policies());
    page.items.push_back(policy.arn);
    return Taken::more_wanted;
  });
  write_page(out, request, page, page.more ? page.items.back() : "");
  return out;
}

Result<> delete_policy(Call& call, api::DeletePolicyRequest in) {
  TRY(const identity::StoredPolicy policy, own_policy(call, in.PolicyArn()));
  return identity::delete_policy(call.tx(), policy);
}

Result<> tag_policy(Call& call, api::TagPolicyRequest in) {
  TRY(const identity::StoredPolicy policy, own_policy(call, in.PolicyArn()));
  return put_tags_in(in, call, tags_of(policy));
}

Result<> untag_policy(Call& call, api::UntagPolicyRequest in) {
  TRY(const identity::StoredPolicy policy, own_policy(call, in.PolicyArn()));
  return delete_tags_in(in, call, tags_of(policy));
}

Result<api::ListPolicyTagsResponse> list_policy_tags(Call& call, api::ListPolicyTagsRequest in) {
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  if (policy.stored)
    return tags_answer<api::ListPolicyTagsResponse>(in, call, tags_of(*policy.stored));
  auto out = call.output<api::ListPolicyTagsResponse>();
  out.Tags(wire::empty).IsTruncated(false);
  return out;
}

}  // namespace slipway::iam

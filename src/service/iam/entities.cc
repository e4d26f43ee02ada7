// What is asked of several kinds of entities at once.
#include <fmt/format.h>

#include "base/text.h"
#include "engine/identity/account.h"
#include "engine/identity/account_uploads.h"
#include "engine/identity/user_uploads.h"
#include "engine/identity/users.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

// AWS's numbers for what has no limit of its own here.
constexpr std::int64_t policy_versions_in_use_quota = 10'000;
constexpr std::int64_t global_token_version = 1;

using identity::Owner;
using identity::PolicyUsage;

// The kind that the filter of a request lets through; empty: all. Nothing else has a policy.
std::string kind_of(std::string_view filter) { return to_lower(filter); }

bool lies_under(std::string_view path, std::string_view prefix) { return path.starts_with(prefix); }

// Adds the entity "user/name" to the answer, where it lies under the path.
void add_entity(Call& call, std::string_view owner, std::string_view prefix,
                api::ListEntitiesForPolicyResponse& out) {
  const std::string_view kind = owner.substr(0, owner.find('/'));
  const std::string_view name = owner.substr(owner.find('/') + 1);
  if (kind == "role") {
    const auto role = identity::find_role(call.tx(), call.account(), name);
    if (role && lies_under(role->path, prefix))
      out.add_PolicyRoles().RoleName(role->name).RoleId(role->id);
  } else if (kind == "user") {
    const auto user = identity::find_user(call.tx(), call.account(), name);
    if (user && lies_under(user->path, prefix))
      out.add_PolicyUsers().UserName(user->name).UserId(user->id);
  } else {
    const auto group = identity::find_group(call.tx(), call.account(), name);
    if (group && lies_under(group->path, prefix))
      out.add_PolicyGroups().GroupName(group->name).GroupId(group->id);
  }
}

}  // namespace

Result<api::ListEntitiesForPolicyResponse> list_entities_for_policy(
    Call& call, api::ListEntitiesForPolicyRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  const PolicyUsage usage = in.PolicyUsageFilter().value_or("") == "PermissionsBoundary"
                                ? PolicyUsage::boundary
                                : PolicyUsage::attached;
  auto out = call.output<api::ListEntitiesForPolicyResponse>();
  out.PolicyGroups(wire::empty).PolicyUsers(wire::empty).PolicyRoles(wire::empty);
  identity::Page<std::string> page;
  const std::string kind = kind_of(in.EntityFilter().value_or(""));
  for (const std::string& owner : identity::users_of(call.tx(), call.account(),
                                                     {.policy = policy.arn,
                                                      .usage = usage,
                                                      .kind = kind,
                                                      .after = request.after,
                                                      .most = request.items_max + 1})) {
    page.more = page.items.size() == request.items_max;
    if (page.more) break;
    add_entity(call, owner, in.PathPrefix().value_or("/"), out);
    page.items.push_back(owner);
  }
  write_page(out, request, page, page.more ? page.items.back() : "");
  return out;
}

Result<api::GetAccountSummaryResponse> get_account_summary(Call& call, wire::Unit) {
  const identity::Census census = identity::census(call.tx(), call.account());
  auto out = call.output<api::GetAccountSummaryResponse>();
  const auto put = [&](std::string_view name, std::int64_t number) {
    out.put_SummaryMap(name, static_cast<std::int32_t>(number));
  };
  put("Users", census.users);
  put("UsersQuota", identity::users_max);
  put("Groups", census.groups);
  put("GroupsQuota", identity::groups_max);
  put("Roles", census.roles);
  put("RolesQuota", identity::roles_max);
  put("Policies", census.policies);
  put("PoliciesQuota", identity::policies_max);
  put("PolicyVersionsInUse", census.policy_versions);
  put("PolicySizeQuota", identity::stored_policy_bytes_max);
  put("VersionsPerPolicyQuota", identity::policy_versions_max);
  put("AccessKeysPerUserQuota", identity::access_keys_max);
  put("GroupsPerUserQuota", identity::memberships_max);
  put("AttachedPoliciesPerRoleQuota", identity::attached_policies_max);
  put("AttachedPoliciesPerUserQuota", identity::attached_policies_max);
  put("AttachedPoliciesPerGroupQuota", identity::attached_policies_max);
  put("UserPolicySizeQuota", identity::user_inline_bytes_max);
  put("GroupPolicySizeQuota", identity::group_inline_bytes_max);
  put("RolePolicySizeQuota", identity::role_inline_bytes_max);
  put("AssumeRolePolicySizeQuota", identity::trust_policy_bytes_max);
  put("AccountAccessKeysPresent", 1);
  put("AccountMFAEnabled", 0);
  put("MFADevices", census.mfa_devices);
  put("MFADevicesInUse", census.mfa_devices_in_use);
  put("InstanceProfiles", census.instance_profiles);
  put("InstanceProfilesQuota", identity::instance_profiles_max);
  put("Providers", census.providers);
  // What the account's root can't have here.
  for (const std::string_view name :
       {"AccountPasswordPresent", "AccountSigningCertificatesPresent"})
    put(name, 0);
  put("ServerCertificates", census.server_certificates);
  put("ServerCertificatesQuota", identity::server_certificates_max);
  put("SigningCertificatesPerUserQuota", identity::signing_certificates_max);
  put("PolicyVersionsInUseQuota", policy_versions_in_use_quota);
  put("GlobalEndpointTokenVersion", global_token_version);
  return out;
}

}  // namespace slipway::iam

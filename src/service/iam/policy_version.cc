#include <fmt/format.h>

#include <charconv>

#include "service/iam/known_policy.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

using identity::PolicyVersion;
using identity::StoredPolicy;
using service::refuse;

std::string name_of(const PolicyVersion& version) { return fmt::format("v{}", version.number); }

void fill(const PolicyVersion& version, api::PolicyVersion out) {
  out.VersionId(name_of(version)).IsDefaultVersion(version.is_default).CreateDate(version.created);
}

// All versions of a policy, the newest first; the provider's policies have one each.
std::vector<api::PolicyVersion> versions_of(Call& call, const KnownPolicy& policy) {
  std::vector<api::PolicyVersion> versions;
  if (!policy.stored) {
    api::PolicyVersion only(call.arena());
    only.VersionId(policy.version)
        .IsDefaultVersion(true)
        .CreateDate(policy.created)
        .Document(encoded_document(policy.document));
    versions.push_back(only);
    return versions;
  }
  for (const PolicyVersion& version : identity::policy_versions(call.tx(), *policy.stored)) {
    api::PolicyVersion made(call.arena());
    fill(version, made);
    made.Document(encoded_document(version.document));
    versions.push_back(made);
  }
  return versions;
}

std::unexpected<Error> no_such_version(std::string_view arn, std::string_view version) {
  return refuse("NoSuchEntity", fmt::format("Policy {} version {} does not exist or is not "
                                            "attachable.",
                                            arn, version));
}

// Who names a version of a policy that is not there hears that the version is not.
template <typename Policy>
Result<Policy> having_version(Result<Policy> policy, std::string_view arn,
                              std::string_view version) {
  if (!policy && policy.error().kind == "NoSuchEntity") return no_such_version(arn, version);
  return policy;
}

// The number in "v12"; the model's pattern was checked.
std::int64_t number_of(std::string_view version) {
  std::int64_t number = 0;
  version.remove_prefix(std::min<std::size_t>(1, version.size()));
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

}  // namespace

Result<api::CreatePolicyVersionResponse> create_policy_version(Call& call,
                                                               api::CreatePolicyVersionRequest in) {
  TRY(const StoredPolicy policy, own_policy(call, in.PolicyArn()));
  TRY_DO(identity::check_document(in.PolicyDocument(), identity::DocumentKind::managed));
  const Timestamp now = this_second(call);
  TRY(PolicyVersion version,
      identity::add_policy_version(call.tx(), policy, in.PolicyDocument(), now));
  version.is_default = in.SetAsDefault().value_or(false);
  if (version.is_default)
    TRY_DO(identity::set_default_version(call.tx(), policy, version.number, now));
  auto out = call.output<api::CreatePolicyVersionResponse>();
  fill(version, out.make_PolicyVersion());
  return out;
}

Result<api::GetPolicyVersionResponse> get_policy_version(Call& call,
                                                         api::GetPolicyVersionRequest in) {
  TRY(const KnownPolicy policy,
      having_version(find_known_policy(call, in.PolicyArn()), in.PolicyArn(), in.VersionId()));
  for (const api::PolicyVersion& version : versions_of(call, policy))
    if (version.VersionId() == in.VersionId())
      return call.output<api::GetPolicyVersionResponse>().PolicyVersion(version);
  return no_such_version(policy.arn, in.VersionId());
}

Result<api::ListPolicyVersionsResponse> list_policy_versions(Call& call,
                                                             api::ListPolicyVersionsRequest in) {
  TRY(const KnownPolicy policy, find_known_policy(call, in.PolicyArn()));
  auto out = call.output<api::ListPolicyVersionsResponse>();
  for (const api::PolicyVersion& version : versions_of(call, policy))
    out.add_Versions()
        .VersionId(version.VersionId())
        .IsDefaultVersion(version.IsDefaultVersion())
        .CreateDate(version.CreateDate());
  out.IsTruncated(false);
  return out;
}

Result<> set_default_policy_version(Call& call, api::SetDefaultPolicyVersionRequest in) {
  TRY(const StoredPolicy policy,
      having_version(own_policy(call, in.PolicyArn()), in.PolicyArn(), in.VersionId()));
  return identity::set_default_version(call.tx(), policy, number_of(in.VersionId()),
                                       this_second(call));
}

Result<> delete_policy_version(Call& call, api::DeletePolicyVersionRequest in) {
  TRY(const StoredPolicy policy,
      having_version(own_policy(call, in.PolicyArn()), in.PolicyArn(), in.VersionId()));
  return identity::delete_policy_version(call.tx(), policy, number_of(in.VersionId()));
}

}  // namespace slipway::iam

#include <fmt/format.h>

#include "service/iam/known_policy.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

identity::RoleName role_of(const Call& call, std::string_view name) {
  return {call.account(), name};
}

std::string_view name_in(std::string_view arn) { return arn.substr(arn.rfind('/') + 1); }

// "/service-role/" of "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole".
std::string_view path_in(std::string_view arn) {
  const std::size_t begin = arn.find('/');
  return arn.substr(begin, arn.rfind('/') + 1 - begin);
}

}  // namespace

Result<> put_role_policy(Call& call, api::PutRolePolicyRequest in) {
  TRY_DO(identity::find_role(call.tx(), call.account(), in.RoleName()));
  TRY_DO(check_document(in.PolicyDocument(), identity::PolicyUse::permissions));
  return identity::put_inline_policy(call.tx(), role_of(call, in.RoleName()), in.PolicyName(),
                                     in.PolicyDocument());
}

Result<api::GetRolePolicyResponse> get_role_policy(Call& call, api::GetRolePolicyRequest in) {
  TRY(const std::string document,
      identity::find_inline_policy(call.tx(), role_of(call, in.RoleName()), in.PolicyName()));
  return call.output<api::GetRolePolicyResponse>()
      .RoleName(in.RoleName())
      .PolicyName(in.PolicyName())
      .PolicyDocument(encoded_document(document));
}

Result<api::ListRolePoliciesResponse> list_role_policies(Call& call,
                                                         api::ListRolePoliciesRequest in) {
  TRY(const identity::PageRequest request, read_page(in));
  TRY(const auto page,
      identity::list_inline_policies(call.tx(), role_of(call, in.RoleName()), request));
  auto out = call.output<api::ListRolePoliciesResponse>();
  out.PolicyNames(wire::empty);
  for (const std::string& name : page.items) out.add_PolicyNames(name);
  write_page(out, page, page.more ? page.items.back() : "");
  return out;
}

Result<> delete_role_policy(Call& call, api::DeleteRolePolicyRequest in) {
  return identity::delete_inline_policy(call.tx(), role_of(call, in.RoleName()), in.PolicyName());
}

Result<> attach_role_policy(Call& call, api::AttachRolePolicyRequest in) {
  const auto policy = find_known_policy(call, in.PolicyArn());
  if (!policy && policy.error().kind == "NoSuchEntity")
    return service::refuse(
        "NoSuchEntity",
        fmt::format("Policy {} does not exist or is not attachable.", in.PolicyArn()));
  if (!policy) return std::unexpected(policy.error());
  return identity::attach_policy(call.tx(), role_of(call, in.RoleName()), in.PolicyArn());
}

Result<> detach_role_policy(Call& call, api::DetachRolePolicyRequest in) {
  return identity::detach_policy(call.tx(), role_of(call, in.RoleName()), in.PolicyArn());
}

Result<api::ListAttachedRolePoliciesResponse> list_attached_role_policies(
    Call& call, api::ListAttachedRolePoliciesRequest in) {
  TRY(const identity::PageRequest request, read_page(in));
  TRY(const auto page,
      identity::list_attached_policies(call.tx(), role_of(call, in.RoleName()), request));
  auto out = call.output<api::ListAttachedRolePoliciesResponse>();
  out.AttachedPolicies(wire::empty);
  for (const std::string& arn : page.items)
    if (path_in(arn).starts_with(in.PathPrefix().value_or("/")))
      out.add_AttachedPolicies().PolicyName(name_in(arn)).PolicyArn(arn);
  write_page(out, page, page.more ? page.items.back() : "");
  return out;
}

}  // namespace slipway::iam

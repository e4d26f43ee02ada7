// The operations on policies and tags that users, groups and roles have alike: each is one function
// over the operation's own request and answer, which say by the name's member whose it is.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/identity/owners.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/role.h"
#include "service/iam/tags.h"

namespace slipway::iam {

// Whose policies or tags a request is about.
template <typename In>
identity::Owner owner_in(const Call& call, const In& in) {
  using Kind = identity::Owner::Kind;
  if constexpr (requires { in.RoleName(); })
    return {Kind::role, call.account(), in.RoleName()};
  else if constexpr (requires { in.UserName(); })
    return {Kind::user, call.account(), in.UserName()};
  else if constexpr (requires { in.InstanceProfileName(); })
    return {Kind::instance_profile, call.account(), in.InstanceProfileName()};
  else if constexpr (requires { in.ServerCertificateName(); })
    return {Kind::server_certificate, call.account(), in.ServerCertificateName()};
  else
    return {Kind::group, call.account(), in.GroupName()};
}

template <typename Out>
void name_owner(Out& out, std::string_view name) {
  if constexpr (requires { out.RoleName(name); })
    out.RoleName(name);
  else if constexpr (requires { out.UserName(name); })
    out.UserName(name);
  else
    out.GroupName(name);
}

// MalformedPolicyDocument, LimitExceeded.
template <typename In>
Result<> put_owner_policy(Call& call, In in) {
  const identity::Owner owner = owner_in(call, in);
  TRY_DO(identity::list_inline_policies(call.tx(), owner, {.items_max = 1}));
  TRY_DO(require_changeable(call, owner));
  TRY_DO(identity::check_document(in.PolicyDocument(), identity::DocumentKind::inline_policy));
  return identity::put_inline_policy(call.tx(), owner, in.PolicyName(), in.PolicyDocument());
}

template <typename Out, typename In>
Result<Out> get_owner_policy(Call& call, In in) {
  const identity::Owner owner = owner_in(call, in);
  TRY(const std::string document, identity::find_inline_policy(call.tx(), owner, in.PolicyName()));
  auto out = call.output<Out>();
  name_owner(out, owner.name);
  out.PolicyName(in.PolicyName()).PolicyDocument(encoded_document(document));
  return out;
}

template <typename Out, typename In>
Result<Out> list_owner_policies(Call& call, In in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const auto page, identity::list_inline_policies(call.tx(), owner_in(call, in), request));
  auto out = call.output<Out>();
  out.PolicyNames(wire::empty);
  for (const std::string& name : page.items) out.add_PolicyNames(name);
  write_page(out, request, page, page.more ? page.items.back() : "");
  return out;
}

template <typename In>
Result<> delete_owner_policy(Call& call, In in) {
  TRY_DO(require_changeable(call, owner_in(call, in)));
  return identity::delete_inline_policy(call.tx(), owner_in(call, in), in.PolicyName());
}

template <typename In>
Result<> attach_owner_policy(Call& call, In in) {
  TRY_DO(require_attachable(call, in.PolicyArn()));
  TRY_DO(require_changeable(call, owner_in(call, in)));
  return identity::attach_policy(call.tx(), owner_in(call, in), in.PolicyArn());
}

template <typename In>
Result<> detach_owner_policy(Call& call, In in) {
  TRY_DO(require_changeable(call, owner_in(call, in)));
  return identity::detach_policy(call.tx(), owner_in(call, in), in.PolicyArn());
}

template <typename Out, typename In>
Result<Out> list_attached_owner_policies(Call& call, In in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const auto page, identity::list_attached_policies(call.tx(), owner_in(call, in), request));
  auto out = call.output<Out>();
  out.AttachedPolicies(wire::empty);
  for (const std::string& arn : page.items)
    if (path_in(arn).starts_with(in.PathPrefix().value_or("/")))
      out.add_AttachedPolicies().PolicyName(name_in(arn)).PolicyArn(arn);
  write_page(out, request, page, page.more ? page.items.back() : "");
  return out;
}

template <typename In>
Result<> put_owner_boundary(Call& call, In in) {
  const identity::Owner owner = owner_in(call, in);
  TRY_DO(require_boundary(call, in.PermissionsBoundary()));
  TRY_DO(require_changeable(call, owner));
  return identity::put_boundary(call.tx(), owner, in.PermissionsBoundary());
}

template <typename In>
Result<> delete_owner_boundary(Call& call, In in) {
  TRY_DO(require_changeable(call, owner_in(call, in)));
  return identity::put_boundary(call.tx(), owner_in(call, in), std::nullopt);
}

template <typename In>
Result<> tag_owner(Call& call, In in) {
  TRY_DO(require_changeable(call, owner_in(call, in)));
  return put_tags_in(in, call, owner_in(call, in));
}

template <typename In>
Result<> untag_owner(Call& call, In in) {
  TRY_DO(require_changeable(call, owner_in(call, in)));
  return delete_tags_in(in, call, owner_in(call, in));
}

template <typename Out, typename In>
Result<Out> list_owner_tags(Call& call, In in) {
  return tags_answer<Out>(in, call, owner_in(call, in));
}

}  // namespace slipway::iam

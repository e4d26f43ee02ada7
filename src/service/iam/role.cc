#include <fmt/format.h>

#include "engine/identity/last_used.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/role.h"
#include "service/iam/tags.h"
#include "service/policy_principals.h"

namespace slipway::iam {
namespace {

using identity::Owner;
using identity::Role;

Owner tags_of(const Call& call, std::string_view role_name) {
  return {Owner::Kind::role, call.account(), role_name};
}

// Checks a trust policy and takes down who its principals are now.
Result<> set_trust_policy(Call& call, Role& role, std::string_view document) {
  TRY_DO(identity::check_document(document, identity::DocumentKind::trust));
  TRY(const identity::Policy policy, identity::Policy::parse(document, identity::PolicyUse::trust));
  TRY(role.trust_ids, service::principal_ids(call, policy));
  role.trust_policy = document;
  return {};
}

// What GetRole tells beside that; the other answers about one role tell a part of it.
void fill_settings(const Role& role, api::Role out) {
  if (!role.description.empty()) out.Description(role.description);
  out.MaxSessionDuration(static_cast<std::int32_t>(role.session_time_max.count()));
}

void fill_boundary(const Role& role, std::span<const identity::Tag> tags, api::Role out) {
  if (role.permissions_boundary)
    out.make_PermissionsBoundary().PermissionsBoundaryType("Policy").PermissionsBoundaryArn(
        *role.permissions_boundary);
  for (const auto& [key, value] : tags) out.add_Tags().Key(key).Value(value);
}

}  // namespace

void fill(Call& call, const Role& role, api::Role out) {
  out.Path(role.path)
      .RoleName(role.name)
      .RoleId(role.id)
      .Arn(iam_arn(call, "role", role.path, role.name))
      .CreateDate(role.created)
      .AssumeRolePolicyDocument(shown_trust_policy(call, role));
}

std::string shown_trust_policy(Call& call, const Role& role) {
  return encoded_document(service::shown_policy(call, role.trust_policy, role.trust_ids));
}

Result<> require_changeable(Call& call, const Owner& owner) {
  if (owner.kind != Owner::Kind::role) return {};
  const auto role = identity::find_role(call.tx(), owner.account, owner.name);
  if (!role || !is_service_role(*role)) return {};
  return service::refuse(
      "UnmodifiableEntity",
      fmt::format("Cannot perform the operation on the protected role '{}' - this role is only "
                  "modifiable by AWS",
                  role->name));
}

Result<api::CreateRoleResponse> create_role(Call& call, api::CreateRoleRequest in) {
  if (in.Path().value_or("").starts_with(service_role_path))
    return service::refuse("InvalidInput",
                           "A role of a service is made by CreateServiceLinkedRole.");
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), identity::Owner::Kind::role));
  Role role{.account = call.account(),
            .name = std::string(in.RoleName()),
            .path = std::string(in.Path().value_or("/")),
            .id = make_entity_id(call, "AROA"),
            .description = std::string(in.Description().value_or("")),
            .created = this_second(call)};
  TRY_DO(set_trust_policy(call, role, in.AssumeRolePolicyDocument()));
  if (const auto seconds = in.MaxSessionDuration())
    role.session_time_max = std::chrono::seconds(*seconds);
  if (const auto boundary = in.PermissionsBoundary()) {
    TRY_DO(require_boundary(call, *boundary));
    role.permissions_boundary = std::string(*boundary);
  }
  TRY_DO(identity::create_role(call.tx(), role, tags));
  auto out = call.output<api::CreateRoleResponse>();
  fill(call, role, out.make_Role());
  fill_boundary(role, tags, out.make_Role());
  return out;
}

void fill_last_use(Call& call, const Role& role, api::RoleLastUsed out) {
  const auto use = identity::last_use(call.tx(), role.account, role.id);
  if (use) out.LastUsedDate(use->at).Region(use->region);
}

Result<api::GetRoleResponse> get_role(Call& call, api::GetRoleRequest in) {
  TRY(const Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  TRY(const auto tags, identity::list_tags(call.tx(), tags_of(call, role.name), {}));
  auto out = call.output<api::GetRoleResponse>();
  fill(call, role, out.make_Role());
  fill_settings(role, out.make_Role());
  fill_boundary(role, tags.items, out.make_Role());
  fill_last_use(call, role, out.make_Role().make_RoleLastUsed());
  return out;
}

Result<api::ListRolesResponse> list_roles(Call& call, api::ListRolesRequest in) {
  TRY(PageAsked request, read_page(call, in));
  request.path_prefix = in.PathPrefix().value_or("/");
  const auto page = identity::list_roles(call.tx(), call.account(), request);
  auto out = call.output<api::ListRolesResponse>();
  out.Roles(wire::empty);
  for (const Role& role : page.items) {
    api::Role item = out.add_Roles();
    fill(call, role, item);
    fill_settings(role, item);
  }
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

Result<api::UpdateRoleResponse> update_role(Call& call, api::UpdateRoleRequest in) {
  TRY(Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  if (in.Description()) role.description = *in.Description();
  if (in.MaxSessionDuration()) {
    TRY_DO(require_changeable(call, tags_of(call, role.name)));
    role.session_time_max = std::chrono::seconds(*in.MaxSessionDuration());
  }
  TRY_DO(identity::update_role(call.tx(), role));
  return call.output<api::UpdateRoleResponse>();
}

Result<api::UpdateRoleDescriptionResponse> update_role_description(
    Call& call, api::UpdateRoleDescriptionRequest in) {
  TRY(Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  role.description = in.Description();
  TRY_DO(identity::update_role(call.tx(), role));
  auto out = call.output<api::UpdateRoleDescriptionResponse>();
  fill(call, role, out.make_Role());
  if (!role.description.empty()) out.make_Role().Description(role.description);
  return out;
}

Result<> update_assume_role_policy(Call& call, api::UpdateAssumeRolePolicyRequest in) {
  TRY(Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  TRY_DO(require_changeable(call, tags_of(call, role.name)));
  TRY_DO(set_trust_policy(call, role, in.PolicyDocument()));
  return identity::update_role(call.tx(), role);
}

Result<> delete_role(Call& call, api::DeleteRoleRequest in) {
  TRY_DO(require_changeable(call, tags_of(call, in.RoleName())));
  return identity::delete_role(call.tx(), call.account(), in.RoleName());
}

}  // namespace slipway::iam

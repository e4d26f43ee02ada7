// Instance profiles: stored only. There are no machines here that would get a profile's role.
#include "service/iam/instance_profile.h"
#include "base/text.h"
#include "engine/identity/account.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/role.h"
#include "service/iam/tags.h"

namespace slipway::iam {
namespace {

using identity::InstanceProfile;
using identity::Owner;

Result<InstanceProfile> find(Call& call, std::string_view name) {
  return identity::find_instance_profile(call.tx(), call.account(), name);
}

template <typename Out>
void fill_page(Call& call, const PageAsked& request, const identity::Page<InstanceProfile>& page,
               Out& out) {
  out.InstanceProfiles(wire::empty);
  for (const InstanceProfile& each : page.items) fill(call, each, out.add_InstanceProfiles());
  write_page(out, request, page, page.more ? page.items.back().name : "");
}

}  // namespace

void fill(Call& call, const InstanceProfile& profile, api::InstanceProfile out) {
  out.Path(profile.path)
      .InstanceProfileName(profile.name)
      .InstanceProfileId(profile.id)
      .Arn(iam_arn(call, "instance-profile", profile.path, profile.name))
      .CreateDate(profile.created)
      .Roles(wire::empty);
  if (profile.role.empty()) return;
  if (const auto role = identity::find_role(call.tx(), profile.account, profile.role))
    fill(call, *role, out.add_Roles());
}

Result<api::CreateInstanceProfileResponse> create_instance_profile(
    Call& call, api::CreateInstanceProfileRequest in) {
  TRY(const std::vector<identity::Tag> tags,
      read_tags(in.Tags(), identity::Owner::Kind::instance_profile));
  const InstanceProfile profile{.account = call.account(),
                                .name = std::string(in.InstanceProfileName()),
                                .path = std::string(in.Path().value_or("/")),
                                .id = make_entity_id(call, "AIPA"),
                                .created = this_second(call)};
  TRY_DO(identity::create_instance_profile(call.tx(), profile, tags));
  auto out = call.output<api::CreateInstanceProfileResponse>();
  fill(call, profile, out.make_InstanceProfile());
  for (const auto& [key, value] : tags) out.make_InstanceProfile().add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetInstanceProfileResponse> get_instance_profile(Call& call,
                                                             api::GetInstanceProfileRequest in) {
  TRY(const InstanceProfile profile, find(call, in.InstanceProfileName()));
  TRY(const auto tags,
      identity::list_tags(call.tx(), {Owner::Kind::instance_profile, call.account(), profile.name},
                          {}));
  auto out = call.output<api::GetInstanceProfileResponse>();
  api::InstanceProfile item = out.make_InstanceProfile();
  fill(call, profile, item);
  item.Tags(wire::empty);
  for (const auto& [key, value] : tags.items) item.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListInstanceProfilesResponse> list_instance_profiles(
    Call& call, api::ListInstanceProfilesRequest in) {
  TRY(PageAsked request, read_page(call, in));
  request.path_prefix = in.PathPrefix().value_or("/");
  auto out = call.output<api::ListInstanceProfilesResponse>();
  fill_page(call, request, identity::list_instance_profiles(call.tx(), call.account(), request),
            out);
  return out;
}

Result<api::ListInstanceProfilesForRoleResponse> list_instance_profiles_for_role(
    Call& call, api::ListInstanceProfilesForRoleRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const identity::Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  auto out = call.output<api::ListInstanceProfilesForRoleResponse>();
  fill_page(call, request,
            identity::list_instance_profiles_of(
                call.tx(), {Owner::Kind::role, call.account(), role.name}, request),
            out);
  return out;
}

Result<> delete_instance_profile(Call& call, api::DeleteInstanceProfileRequest in) {
  TRY(const InstanceProfile profile, find(call, in.InstanceProfileName()));
  return identity::delete_instance_profile(call.tx(), profile);
}

Result<> add_role_to_instance_profile(Call& call, api::AddRoleToInstanceProfileRequest in) {
  TRY(const InstanceProfile profile, find(call, in.InstanceProfileName()));
  TRY(const identity::Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  if (!profile.role.empty())
    return fail(ErrorCode::limit_exceeded,
                "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
  TRY_DO(require_changeable(call, {Owner::Kind::role, call.account(), role.name}));
  identity::set_profile_role(call.tx(), profile, role.name);
  return {};
}

Result<> remove_role_from_instance_profile(Call& call,
                                           api::RemoveRoleFromInstanceProfileRequest in) {
  TRY(const InstanceProfile profile, find(call, in.InstanceProfileName()));
  TRY(const identity::Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  if (!equal_ignoring_case(profile.role, role.name))
    return service::refuse(
        "NoSuchEntity",
        fmt::format("Role {} in Instance Profile {} cannot be found.", role.name, profile.name));
  identity::set_profile_role(call.tx(), profile, "");
  return {};
}

}  // namespace slipway::iam

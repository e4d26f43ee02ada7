#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/user.h"

namespace slipway::iam {
namespace {

using identity::Group;
using identity::User;

void fill(const Call& call, const Group& group, api::Group out) {
  out.Path(group.path)
      .GroupName(group.name)
      .GroupId(group.id)
      .Arn(iam_arn(call, "group", group.path, group.name))
      .CreateDate(group.created);
}

}  // namespace

Result<api::CreateGroupResponse> create_group(Call& call, api::CreateGroupRequest in) {
  const Group group{.account = call.account(),
                    .name = std::string(in.GroupName()),
                    .path = std::string(in.Path().value_or("/")),
                    .id = make_entity_id(call, "AGPA"),
                    .created = this_second(call)};
  TRY_DO(identity::create_group(call.tx(), group));
  auto out = call.output<api::CreateGroupResponse>();
  fill(call, group, out.make_Group());
  return out;
}

Result<api::GetGroupResponse> get_group(Call& call, api::GetGroupRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const Group group, identity::find_group(call.tx(), call.account(), in.GroupName()));
  const auto page = identity::list_members(call.tx(), group, request);
  auto out = call.output<api::GetGroupResponse>();
  fill(call, group, out.make_Group());
  out.Users(wire::empty);
  for (const User& user : page.items) fill(call, user, out.add_Users());
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

Result<api::ListGroupsResponse> list_groups(Call& call, api::ListGroupsRequest in) {
  TRY(PageAsked request, read_page(call, in));
  request.path_prefix = in.PathPrefix().value_or("/");
  const auto page = identity::list_groups(call.tx(), call.account(), request);
  auto out = call.output<api::ListGroupsResponse>();
  out.Groups(wire::empty);
  for (const Group& group : page.items) fill(call, group, out.add_Groups());
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

Result<> update_group(Call& call, api::UpdateGroupRequest in) {
  TRY(const Group group, identity::find_group(call.tx(), call.account(), in.GroupName()));
  return identity::move_group(
      call.tx(), group,
      {in.NewGroupName().value_or(group.name), in.NewPath().value_or(group.path)});
}

Result<> delete_group(Call& call, api::DeleteGroupRequest in) {
  return identity::delete_group(call.tx(), call.account(), in.GroupName());
}

Result<> add_user_to_group(Call& call, api::AddUserToGroupRequest in) {
  TRY(const User user, identity::find_user(call.tx(), call.account(), in.UserName()));
  TRY(const Group group, identity::find_group(call.tx(), call.account(), in.GroupName()));
  return identity::add_member(call.tx(), group, user);
}

Result<> remove_user_from_group(Call& call, api::RemoveUserFromGroupRequest in) {
  TRY(const User user, identity::find_user(call.tx(), call.account(), in.UserName()));
  TRY(const Group group, identity::find_group(call.tx(), call.account(), in.GroupName()));
  identity::remove_member(call.tx(), group, user);
  return {};
}

Result<api::ListGroupsForUserResponse> list_groups_for_user(Call& call,
                                                            api::ListGroupsForUserRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const User user, identity::find_user(call.tx(), call.account(), in.UserName()));
  const auto page = identity::list_groups_of(call.tx(), user, request);
  auto out = call.output<api::ListGroupsForUserResponse>();
  out.Groups(wire::empty);
  for (const Group& group : page.items) fill(call, group, out.add_Groups());
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

}  // namespace slipway::iam

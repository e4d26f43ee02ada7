#include "service/iam/user.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/identity/last_used.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/tags.h"

namespace slipway::iam {
namespace {

using identity::Owner;
using identity::Principal;
using identity::User;
using service::refuse;

Owner owner_of(const User& user) { return {Owner::Kind::user, user.account, user.name}; }

// The account's own root has no name and no path, and asks for itself by naming nobody.
void fill_root(const Call& call, api::User out) {
  const Principal& root = call.caller().principal;
  out.UserId(root.id).Arn(root.name).CreateDate(Timestamp{});
}

}  // namespace

void fill(const Call& call, const User& user, api::User out) {
  out.Path(user.path)
      .UserName(user.name)
      .UserId(user.id)
      .Arn(iam_arn(call, "user", user.path, user.name))
      .CreateDate(user.created);
}

Result<User> user_in(Call& call, std::optional<std::string_view> name) {
  if (name) return identity::find_user(call.tx(), call.account(), *name);
  const Principal& caller = call.caller().principal;
  const bool is_user =
      caller.kind == Principal::Kind::user || caller.kind == Principal::Kind::user_session;
  if (is_user && caller.party)
    return identity::find_user(call.tx(), call.account(), caller.party->name);
  return refuse("ValidationError", "Must specify userName when calling with non-User credentials");
}

Result<api::CreateUserResponse> create_user(Call& call, api::CreateUserRequest in) {
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), Owner::Kind::user));
  User user{.account = call.account(),
            .name = std::string(in.UserName()),
            .path = std::string(in.Path().value_or("/")),
            .id = make_entity_id(call, "AIDA"),
            .created = this_second(call)};
  if (const auto boundary = in.PermissionsBoundary()) {
    TRY_DO(require_boundary(call, *boundary));
    user.permissions_boundary = std::string(*boundary);
  }
  TRY_DO(identity::create_user(call.tx(), user, tags));
  auto out = call.output<api::CreateUserResponse>();
  api::User made = out.make_User();
  fill(call, user, made);
  if (user.permissions_boundary)
    made.make_PermissionsBoundary().PermissionsBoundaryType("Policy").PermissionsBoundaryArn(
        *user.permissions_boundary);
  for (const auto& [key, value] : tags) made.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetUserResponse> get_user(Call& call, api::GetUserRequest in) {
  auto out = call.output<api::GetUserResponse>();
  if (!in.UserName() && call.caller().principal.is_root()) {
    fill_root(call, out.make_User());
    return out;
  }
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const auto tags, identity::list_tags(call.tx(), owner_of(user), {}));
  api::User found = out.make_User();
  fill(call, user, found);
  if (user.permissions_boundary)
    found.make_PermissionsBoundary().PermissionsBoundaryType("Policy").PermissionsBoundaryArn(
        *user.permissions_boundary);
  for (const auto& [key, value] : tags.items) found.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListUsersResponse> list_users(Call& call, api::ListUsersRequest in) {
  TRY(PageAsked request, read_page(call, in));
  request.path_prefix = in.PathPrefix().value_or("/");
  const auto page = identity::list_users(call.tx(), call.account(), request);
  auto out = call.output<api::ListUsersResponse>();
  out.Users(wire::empty);
  for (const User& user : page.items) fill(call, user, out.add_Users());
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

Result<> update_user(Call& call, api::UpdateUserRequest in) {
  TRY(const User user, identity::find_user(call.tx(), call.account(), in.UserName()));
  return identity::move_user(
      call.tx(), user, {in.NewUserName().value_or(user.name), in.NewPath().value_or(user.path)});
}

Result<> delete_user(Call& call, api::DeleteUserRequest in) {
  return identity::delete_user(call.tx(), call.account(), in.UserName());
}

// ---- Access keys --------------------------------------------------------------------------------

std::string_view shown(identity::AccessKey::Status status) {
  return status == identity::AccessKey::Status::active ? "Active" : "Inactive";
}

Result<identity::AccessKey::Status> status_in(std::string_view text) {
  if (text == "Active") return identity::AccessKey::Status::active;
  if (text == "Inactive") return identity::AccessKey::Status::inactive;
  return refuse("InvalidInput", "The status can be Active or Inactive.");
}

Result<api::CreateAccessKeyResponse> create_access_key(Call& call, api::CreateAccessKeyRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  const identity::KeyPair pair = identity::make_user_key(call.random());
  const identity::AccessKey key{
      .id = pair.access_key_id, .secret = pair.secret, .created = this_second(call)};
  TRY_DO(identity::add_access_key(call.tx(), user, key));
  auto out = call.output<api::CreateAccessKeyResponse>();
  out.make_AccessKey()
      .UserName(user.name)
      .AccessKeyId(key.id)
      .Status("Active")
      .SecretAccessKey(key.secret)
      .CreateDate(key.created);
  return out;
}

Result<api::ListAccessKeysResponse> list_access_keys(Call& call, api::ListAccessKeysRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  auto out = call.output<api::ListAccessKeysResponse>();
  out.AccessKeyMetadata(wire::empty).IsTruncated(false);
  for (const identity::AccessKey& key : identity::access_keys(call.tx(), user)) {
    out.add_AccessKeyMetadata()
        .UserName(user.name)
        .AccessKeyId(key.id)
        .Status(shown(key.status))
        .CreateDate(key.created);
  }
  return out;
}

// "N/A" stands for what is not known, as AWS has it.
Result<api::GetAccessKeyLastUsedResponse> get_access_key_last_used(
    Call& call, api::GetAccessKeyLastUsedRequest in) {
  const auto user = identity::find_user_of_key(call.tx(), call.account(), in.AccessKeyId());
  if (!user)  // as for a key of another account
    return refuse("AccessDenied", fmt::format("User: {} is not authorized to perform "
                                              "iam:GetAccessKeyLastUsed on resource: access key {}",
                                              call.caller().principal.name, in.AccessKeyId()));
  const auto use = identity::last_use(call.tx(), call.account(), in.AccessKeyId());
  auto out = call.output<api::GetAccessKeyLastUsedResponse>();
  out.UserName(user->name);
  api::AccessKeyLastUsed told = out.make_AccessKeyLastUsed();
  told.ServiceName(use ? use->service : "N/A").Region(use ? use->region : "N/A");
  if (use) told.LastUsedDate(use->at);
  return out;
}

Result<> update_access_key(Call& call, api::UpdateAccessKeyRequest in) {
  TRY(const identity::AccessKey::Status status, status_in(in.Status()));
  TRY(const User user, user_in(call, in.UserName()));
  return identity::set_key_status(call.tx(), user, in.AccessKeyId(), status);
}

Result<> delete_access_key(Call& call, api::DeleteAccessKeyRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  return identity::delete_access_key(call.tx(), user, in.AccessKeyId());
}

}  // namespace slipway::iam

// Passwords of users for one service: stored only. No service here takes one, so the password is
// shown when it is made and not kept.
#include <fmt/format.h>

#include <algorithm>

#include "engine/identity/user_uploads.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/user.h"

namespace slipway::iam {
namespace {

using identity::User;
using identity::UserUpload;
using service::refuse;
using Kind = UserUpload::Kind;

constexpr std::size_t password_characters = 59;
// Those that take a name and a password; those that take a key of their own form.
constexpr std::string_view with_password[] = {"codecommit.amazonaws.com",
                                              "cassandra.amazonaws.com"};
constexpr std::string_view with_key[] = {"bedrock.amazonaws.com", "logs.amazonaws.com",
                                         "cloudwatch.amazonaws.com"};

template <typename List>
bool is_in(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != std::end(list);
}

Result<> check_service(std::string_view service) {
  if (is_in(with_password, service)) return {};
  if (is_in(with_key, service))
    return fail(ErrorCode::not_implemented,
                fmt::format("Slipway does not implement the API keys of {}.", service));
  return refuse(
      "NoSuchEntity",
      fmt::format("No such service {} is supported for Service Specific Credentials", service));
}

// What both answers tell of one.
template <typename Out>
void fill(const User& user, const UserUpload& credential, Out out) {
  out.UserName(user.name)
      .Status(shown(credential.status))
      .ServiceUserName(fmt::format("{}-at-{}", user.name, user.account))
      .CreateDate(credential.created)
      .ServiceSpecificCredentialId(credential.id)
      .ServiceName(credential.mark);
}

// With a password that nobody has seen before.
void fill_new(const Call& call, const User& user, const UserUpload& credential,
              api::ServiceSpecificCredential out) {
  fill(user, credential, out);
  out.ServicePassword(make_token(call.random(), password_characters, alphabet_base62) + "=");
}

}  // namespace

Result<api::CreateServiceSpecificCredentialResponse> create_service_specific_credential(
    Call& call, api::CreateServiceSpecificCredentialRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY_DO(check_service(in.ServiceName()));
  if (in.CredentialAgeDays())
    return fail(ErrorCode::not_implemented,
                "Slipway does not implement CredentialAgeDays; leave it out.");
  const UserUpload credential{.kind = Kind::service_credential,
                              .id = make_entity_id(call, "ACCA"),
                              .body = {},
                              .mark = std::string(in.ServiceName()),
                              .created = this_second(call)};
  TRY_DO(identity::add_upload(call.tx(), user, credential));
  auto out = call.output<api::CreateServiceSpecificCredentialResponse>();
  fill_new(call, user, credential, out.make_ServiceSpecificCredential());
  return out;
}

Result<api::ListServiceSpecificCredentialsResponse> list_service_specific_credentials(
    Call& call, api::ListServiceSpecificCredentialsRequest in) {
  if (in.ServiceName()) TRY_DO(check_service(*in.ServiceName()));
  if (in.AllUsers().value_or(false) && in.UserName())
    return refuse("InvalidInput", "UserName and AllUsers can't be given together.");
  auto out = call.output<api::ListServiceSpecificCredentialsResponse>();
  out.ServiceSpecificCredentials(wire::empty);
  const auto add = [&](const User& user, const UserUpload& each) {
    if (!in.ServiceName() || each.mark == *in.ServiceName())
      fill(user, each, out.add_ServiceSpecificCredentials());
  };
  if (!in.AllUsers().value_or(false)) {
    TRY(const User user, user_in(call, in.UserName()));
    for (const UserUpload& each : identity::uploads(call.tx(), user, Kind::service_credential))
      add(user, each);
    return out;
  }
  TRY(const PageAsked request, read_page(call, in));
  const auto page =
      identity::all_uploads(call.tx(), call.account(), Kind::service_credential, request);
  for (const auto& [user_key, each] : page.items) {
    TRY(const User user, identity::find_user(call.tx(), call.account(), user_key));
    add(user, each);
  }
  write_page(
      out, request, page,
      page.more ? fmt::format("{}/{}", page.items.back().user, page.items.back().upload.id) : "");
  return out;
}

Result<> update_service_specific_credential(Call& call,
                                            api::UpdateServiceSpecificCredentialRequest in) {
  TRY(const identity::AccessKey::Status status, status_in(in.Status()));
  TRY(const User user, user_in(call, in.UserName()));
  return identity::set_upload_status(
      call.tx(), user, {Kind::service_credential, in.ServiceSpecificCredentialId()}, status);
}

Result<api::ResetServiceSpecificCredentialResponse> reset_service_specific_credential(
    Call& call, api::ResetServiceSpecificCredentialRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const UserUpload credential,
      identity::find_upload(call.tx(), user,
                            {Kind::service_credential, in.ServiceSpecificCredentialId()}));
  auto out = call.output<api::ResetServiceSpecificCredentialResponse>();
  fill_new(call, user, credential, out.make_ServiceSpecificCredential());
  return out;
}

Result<> delete_service_specific_credential(Call& call,
                                            api::DeleteServiceSpecificCredentialRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  return identity::delete_upload(call.tx(), user,
                                 {Kind::service_credential, in.ServiceSpecificCredentialId()});
}

}  // namespace slipway::iam

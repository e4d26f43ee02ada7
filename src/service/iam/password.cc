// The account's rules for passwords, and the passwords of its users. What hashes runs on a worker
// of the bulk lane, as it may take a second: it reads, hashes, and only then writes what still
// holds.
#include <fmt/format.h>

#include "engine/identity/passwords.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/user.h"

namespace slipway::iam {
namespace {

using identity::Password;
using identity::PasswordRules;
using identity::User;
using service::refuse;

// A user's password as one look at the store finds it, and the rules for the next.
struct Found {
  User user;
  std::optional<PasswordRules> rules;
  std::optional<Password> password;
};

Result<Found> look(Call& call, store::Store& store, std::optional<std::string_view> name) {
  return store.read([&](store::Transaction& tx) -> Result<Found> {
    call.set_transaction(&tx);
    auto user = user_in(call, name);
    call.set_transaction(nullptr);
    if (!user) return std::unexpected(std::move(user).error());
    Found out{*std::move(user), identity::password_rules(tx, call.account()), {}};
    if (auto password = identity::find_password(tx, out.user)) out.password = *std::move(password);
    return out;
  });
}

std::unexpected<Error> no_profile(const User& user) {
  return refuse("NoSuchEntity",
                fmt::format("Login Profile for User {} cannot be found.", user.name));
}

// A user who was made anew under the name in the meantime is another.
Result<> require_same(store::Transaction& tx, const User& user) {
  TRY(const User now, identity::find_user(tx, user.account, user.name));
  if (now.id == user.id) return {};
  return refuse("EntityTemporarilyUnmodifiable", "The user was changed meanwhile; try again.");
}

void fill(const User& user, const Password& password, api::LoginProfile out) {
  out.UserName(user.name)
      .CreateDate(password.created)
      .PasswordResetRequired(password.reset_required);
}

}  // namespace

// ---- The account's rules ------------------------------------------------------------------------

Result<> update_account_password_policy(Call& call, api::UpdateAccountPasswordPolicyRequest in) {
  const PasswordRules rules{
      .length_min = in.MinimumPasswordLength().value_or(PasswordRules{}.length_min),
      .symbols = in.RequireSymbols().value_or(false),
      .numbers = in.RequireNumbers().value_or(false),
      .uppercase = in.RequireUppercaseCharacters().value_or(false),
      .lowercase = in.RequireLowercaseCharacters().value_or(false),
      .users_may_change = in.AllowUsersToChangePassword().value_or(false),
      .hard_expiry = in.HardExpiry(),
      .age_days_max = in.MaxPasswordAge(),
      .reuse_prevention = in.PasswordReusePrevention()};
  identity::put_password_rules(call.tx(), call.account(), rules);
  return {};
}

Result<api::GetAccountPasswordPolicyResponse> get_account_password_policy(Call& call, wire::Unit) {
  const auto rules = identity::password_rules(call.tx(), call.account());
  if (!rules)
    return refuse(
        "NoSuchEntity",
        fmt::format("The Password Policy with domain name {} cannot be found.", call.account()));
  auto out = call.output<api::GetAccountPasswordPolicyResponse>();
  api::PasswordPolicy shown = out.make_PasswordPolicy();
  shown.MinimumPasswordLength(rules->length_min)
      .RequireSymbols(rules->symbols)
      .RequireNumbers(rules->numbers)
      .RequireUppercaseCharacters(rules->uppercase)
      .RequireLowercaseCharacters(rules->lowercase)
      .AllowUsersToChangePassword(rules->users_may_change)
      .ExpirePasswords(rules->age_days_max.has_value());
  if (rules->hard_expiry) shown.HardExpiry(*rules->hard_expiry);
  if (rules->age_days_max) shown.MaxPasswordAge(*rules->age_days_max);
  if (rules->reuse_prevention) shown.PasswordReusePrevention(*rules->reuse_prevention);
  return out;
}

Result<> delete_account_password_policy(Call& call, wire::Unit) {
  return identity::delete_password_rules(call.tx(), call.account());
}

// ---- Login profiles -----------------------------------------------------------------------------

Result<api::CreateLoginProfileResponse> create_login_profile(Call& call,
                                                             api::CreateLoginProfileRequest in,
                                                             store::Store& store) {
  TRY(const Found found, look(call, store, in.UserName()));
  if (!in.Password())
    return refuse("ValidationError", "A login profile is made with a password: none was given.");
  if (!found.password) TRY_DO(identity::check_password(found.rules, *in.Password()));
  const Password password{.hash = found.password
                                      ? std::string()
                                      : identity::hash_password(*in.Password(), call.random()),
                          .reset_required = in.PasswordResetRequired().value_or(false),
                          .created = this_second(call),
                          .changed = this_second(call)};
  TRY_DO(store.write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(require_same(tx, found.user));
    if (found.password && !identity::find_password(tx, found.user))
      return refuse("EntityTemporarilyUnmodifiable", "The password was changed meanwhile.");
    return identity::create_password(tx, found.user, password);
  }));
  auto out = call.output<api::CreateLoginProfileResponse>();
  fill(found.user, password, out.make_LoginProfile());
  return out;
}

Result<api::GetLoginProfileResponse> get_login_profile(Call& call, api::GetLoginProfileRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const Password password, identity::find_password(call.tx(), user));
  auto out = call.output<api::GetLoginProfileResponse>();
  fill(user, password, out.make_LoginProfile());
  return out;
}

Result<> update_login_profile(Call& call, api::UpdateLoginProfileRequest in, store::Store& store) {
  TRY(const Found found, look(call, store, in.UserName()));
  if (!found.password) return no_profile(found.user);
  std::string hash;
  if (const auto fresh = in.Password()) {
    TRY_DO(identity::check_password(found.rules, *fresh));
    hash = identity::hash_password(*fresh, call.random());
  }
  return store.write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(require_same(tx, found.user));
    TRY(Password now, identity::find_password(tx, found.user));
    if (!hash.empty()) {
      replace_hash(now, hash);
      now.changed = this_second(call);
    }
    now.reset_required = in.PasswordResetRequired().value_or(now.reset_required);
    return identity::update_password(tx, found.user, now);
  });
}

Result<> delete_login_profile(Call& call, api::DeleteLoginProfileRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  return identity::delete_password(call.tx(), user);
}

Result<> change_password(Call& call, api::ChangePasswordRequest in, store::Store& store) {
  const auto& caller = call.caller().principal;
  using Kind = identity::Principal::Kind;
  if (caller.kind != Kind::user && caller.kind != Kind::user_session)
    return refuse("InvalidUserType", "Only IAM Users can change their own password");
  TRY(const Found found, look(call, store, std::nullopt));
  if (!found.password) return no_profile(found.user);
  if (!identity::is_password(in.OldPassword(), found.password->hash))
    return refuse("AccessDenied", "The old password was incorrect.");
  TRY_DO(identity::check_password(found.rules, in.NewPassword()));
  TRY_DO(identity::check_reuse(found.rules, *found.password, in.NewPassword()));
  const std::string hash = identity::hash_password(in.NewPassword(), call.random());
  return store.write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(require_same(tx, found.user));
    TRY(Password now, identity::find_password(tx, found.user));
    if (now.hash != found.password->hash)
      return refuse("EntityTemporarilyUnmodifiable", "The password was changed meanwhile.");
    replace_hash(now, hash);
    now.reset_required = false;
    now.changed = this_second(call);
    return identity::update_password(tx, found.user, now);
  });
}

}  // namespace slipway::iam

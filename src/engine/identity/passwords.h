// Passwords of users and the account's rules for them. No page here lets anybody sign in: a
// password proves its owner where he changes it, and nowhere else. It is kept as a slow hash
// (scrypt, RFC 7914), so that whoever reads the store does not read it.
// Errors and what these share with others: owners.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/identity/users.h"
#include "store/store.h"

namespace slipway::identity {

// What the account asks of a password. An account without rules has AWS's own: eight characters of
// three kinds.
struct PasswordRules {
  std::int32_t length_min = 6;
  bool symbols = false;
  bool numbers = false;
  bool uppercase = false;
  bool lowercase = false;
  bool users_may_change = false;         // kept and shown: policies alone decide who may
  std::optional<bool> hard_expiry = {};  // kept and shown: it is about signing in
  std::optional<std::int32_t> age_days_max = {};
  std::optional<std::int32_t> reuse_prevention = {};  // how many former passwords can't come again
};

std::optional<PasswordRules> password_rules(store::Transaction& tx, std::string_view account);
void put_password_rules(store::Transaction& tx, std::string_view account,
                        const PasswordRules& rules);
Result<> delete_password_rules(store::Transaction& tx, std::string_view account);

// invalid_argument of kind "weak_password", in a sentence that says what is missing.
Result<> check_password(const std::optional<PasswordRules>& rules, std::string_view password);

// A user's password for the console, as it is stored: never its text.
struct Password {
  std::string hash;
  std::vector<std::string> former = {};  // hashes, the newest first
  bool reset_required = false;
  Timestamp created{};
  Timestamp changed{};
};

// not_found of kind "no_password".
Result<Password> find_password(store::Transaction& tx, const User& user);
// already_exists; not_found where the user is not there any more.
Result<> create_password(store::Transaction& tx, const User& user, const Password& password);
Result<> update_password(store::Transaction& tx, const User& user, const Password& password);
Result<> delete_password(store::Transaction& tx, const User& user);

// Puts another hash in the place of the one that counts, which becomes a former one.
void replace_hash(Password& password, std::string hash);

// Both take tens of milliseconds and 16 MiB: on a worker, never on the store's writer.
std::string hash_password(std::string_view password, Random& random);
bool is_password(std::string_view password, std::string_view hash);

// invalid_argument of kind "weak_password" where `fresh` is one of the last that the rules hold
// off.
Result<> check_reuse(const std::optional<PasswordRules>& rules, const Password& now,
                     std::string_view fresh);

}  // namespace slipway::identity

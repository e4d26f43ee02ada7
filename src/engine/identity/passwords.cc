#include "engine/identity/passwords.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

#include "base/encoding.h"
#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr std::size_t former_max = 24;  // the most that rules can hold off

// scrypt's cost, as OWASP asks of interactive use; a hash names it, so that it can grow.
constexpr std::uint64_t scrypt_n = 1ULL << 14;
constexpr std::uint64_t scrypt_r = 8;
constexpr std::uint64_t scrypt_p = 1;
constexpr std::uint64_t scrypt_bytes_max = 64ULL << 20;
constexpr std::size_t hash_bytes = 32;
constexpr std::size_t salt_bytes = 16;
constexpr std::string_view scheme = "scrypt-14-8-1";

// AWS's rule where an account has none.
constexpr std::size_t default_length_min = 8;
constexpr int default_kinds_min = 3;

std::string derive(std::string_view password, std::string_view salt) {
  std::string out(hash_bytes, '\0');
  const int made = ::EVP_PBE_scrypt(password.data(), password.size(),
                                    reinterpret_cast<const unsigned char*>(salt.data()),
                                    salt.size(), scrypt_n, scrypt_r, scrypt_p, scrypt_bytes_max,
                                    reinterpret_cast<unsigned char*>(out.data()), out.size());
  if (made != 1) throw std::runtime_error("scrypt did not get its memory");
  return out;
}

struct Kinds {
  bool lower = false;
  bool upper = false;
  bool number = false;
  bool symbol = false;
  int count() const { return int{lower} + int{upper} + int{number} + int{symbol}; }
};

Kinds kinds_of(std::string_view password) {
  const auto between = [](char c, char first, char last) { return first <= c && c <= last; };
  Kinds out;
  for (const char c : password) {
    if (between(c, 'a', 'z'))
      out.lower = true;
    else if (between(c, 'A', 'Z'))
      out.upper = true;
    else if (between(c, '0', '9'))
      out.number = true;
    else
      out.symbol = true;
  }
  return out;
}

// Of UTF-8.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::unexpected<Error> weak(std::string sentence) {
  return fail(ErrorCode::invalid_argument, std::move(sentence), "weak_password");
}

std::optional<std::int32_t> optional_number(const store::Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return static_cast<std::int32_t>(rows.integer(column));
}

std::optional<bool> optional_bool(const store::Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return rows.integer(column) != 0;
}

}  // namespace

// ---- The account's rules ------------------------------------------------------------------------

std::optional<PasswordRules> password_rules(store::Transaction& tx, std::string_view account) {
  auto rows = tx.query(
      "SELECT length_min, symbols, numbers, uppercase, lowercase, users_may_change, hard_expiry, "
      "age_days_max, reuse_prevention FROM identity_password_rules WHERE account = ?1",
      account);
  if (!rows.next()) return std::nullopt;
  return PasswordRules{.length_min = static_cast<std::int32_t>(rows.integer(0)),
                       .symbols = rows.integer(1) != 0,
                       .numbers = rows.integer(2) != 0,
                       .uppercase = rows.integer(3) != 0,
                       .lowercase = rows.integer(4) != 0,
                       .users_may_change = rows.integer(5) != 0,
                       .hard_expiry = optional_bool(rows, 6),
                       .age_days_max = optional_number(rows, 7),
                       .reuse_prevention = optional_number(rows, 8)};
}

void put_password_rules(store::Transaction& tx, std::string_view account,
                        const PasswordRules& rules) {
  tx.run(
      "INSERT OR REPLACE INTO identity_password_rules (account, length_min, symbols, numbers, "
      "uppercase, lowercase, users_may_change, hard_expiry, age_days_max, reuse_prevention) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      account, rules.length_min, rules.symbols, rules.numbers, rules.uppercase, rules.lowercase,
      rules.users_may_change, rules.hard_expiry, rules.age_days_max, rules.reuse_prevention);
}

Result<> delete_password_rules(store::Transaction& tx, std::string_view account) {
  if (tx.run("DELETE FROM identity_password_rules WHERE account = ?1", account) > 0) return {};
  return fail(ErrorCode::not_found, "The account policy with name PasswordPolicy cannot be found.",
              "no_password_rules");
}

Result<> check_password(const std::optional<PasswordRules>& rules, std::string_view password) {
  const Kinds kinds = kinds_of(password);
  if (!rules) {
    if (characters(password) >= default_length_min && kinds.count() >= default_kinds_min) return {};
    return weak("Password does not conform to the account password policy.");
  }
  if (characters(password) < static_cast<std::size_t>(rules->length_min))
    return weak(fmt::format("Password should have a minimum length of {}", rules->length_min));
  if (rules->uppercase && !kinds.upper)
    return weak("Password should have at least one uppercase letter");
  if (rules->lowercase && !kinds.lower)
    return weak("Password should have at least one lowercase letter");
  if (rules->numbers && !kinds.number) return weak("Password should have at least one number");
  if (rules->symbols && !kinds.symbol) return weak("Password should have at least one symbol");
  return {};
}

// ---- A user's password --------------------------------------------------------------------------

Result<Password> find_password(store::Transaction& tx, const User& user) {
  auto rows = tx.query(
      "SELECT hash, former, reset_required, created, changed FROM identity_passwords "
      "WHERE account = ?1 AND user_key = ?2",
      user.account, key_of(user.name));
  if (!rows.next())
    return fail(ErrorCode::not_found,
                fmt::format("Login Profile for User {} cannot be found.", user.name),
                "no_password");
  return Password{.hash = std::string(rows.text(0)),
                  .former = texts_of(rows.text(1)),
                  .reset_required = rows.integer(2) != 0,
                  .created = time_of(rows.integer(3)),
                  .changed = time_of(rows.integer(4))};
}

Result<> create_password(store::Transaction& tx, const User& user, const Password& password) {
  TRY_DO(require(tx, {Owner::Kind::user, user.account, user.name}));
  if (find_password(tx, user))
    return fail(ErrorCode::already_exists,
                fmt::format("Login Profile for user {} already exists.", user.name));
  tx.run(
      "INSERT INTO identity_passwords (account, user_key, hash, former, reset_required, created, "
      "changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      user.account, key_of(user.name), password.hash, lines_of(password.former),
      password.reset_required, number_of(password.created), number_of(password.changed));
  return {};
}

Result<> update_password(store::Transaction& tx, const User& user, const Password& password) {
  TRY_DO(find_password(tx, user));
  tx.run(
      "UPDATE identity_passwords SET hash = ?3, former = ?4, reset_required = ?5, changed = ?6 "
      "WHERE account = ?1 AND user_key = ?2",
      user.account, key_of(user.name), password.hash, lines_of(password.former),
      password.reset_required, number_of(password.changed));
  return {};
}

Result<> delete_password(store::Transaction& tx, const User& user) {
  TRY_DO(find_password(tx, user));
  tx.run("DELETE FROM identity_passwords WHERE account = ?1 AND user_key = ?2", user.account,
         key_of(user.name));
  return {};
}

void replace_hash(Password& password, std::string hash) {
  password.former.insert(password.former.begin(), std::move(password.hash));
  if (password.former.size() > former_max) password.former.resize(former_max);
  password.hash = std::move(hash);
}

// ---- Hashes -------------------------------------------------------------------------------------

std::string hash_password(std::string_view password, Random& random) {
  std::array<char, salt_bytes> salt{};
  random.fill(std::as_writable_bytes(std::span(salt)));
  const std::string_view bytes(salt.data(), salt.size());
  return fmt::format("{}${}${}", scheme, to_hex(bytes), to_hex(derive(password, bytes)));
}

bool is_password(std::string_view password, std::string_view hash) {
  if (take_until(hash, '$') != scheme) return false;
  const auto salt = from_hex(take_until(hash, '$'));
  const auto kept = from_hex(hash);
  if (!salt || !kept || kept->size() != hash_bytes) return false;
  const std::string derived = derive(password, *salt);
  return derived.size() == kept->size() &&
         ::CRYPTO_memcmp(derived.data(), kept->data(), kept->size()) == 0;
}

Result<> check_reuse(const std::optional<PasswordRules>& rules, const Password& now,
                     std::string_view fresh) {
  if (!rules || !rules->reuse_prevention) return {};
  const auto count = static_cast<std::size_t>(*rules->reuse_prevention);
  const auto end =
      now.former.begin() + static_cast<std::ptrdiff_t>(std::min(now.former.size(), count - 1));
  const auto same = [&](const std::string& hash) { return is_password(fresh, hash); };
  if (!same(now.hash) && std::none_of(now.former.begin(), end, same)) return {};
  return weak(fmt::format("Password can't be one of the {} that were used last", count));
}

}  // namespace slipway::identity

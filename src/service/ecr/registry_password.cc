#include "service/ecr/registry_password.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "engine/identity/sessions.h"
#include "wire/auth/hmac.h"

namespace slipway::ecr {
namespace {

constexpr std::string_view purpose = "slipway registry password";

std::string mac_of(std::string_view secret) {
  return std::string(wire::view_of(wire::hex_of(wire::HmacKey(secret).sign(purpose))));
}

std::unexpected<Error> not_known() {
  return fail(ErrorCode::unauthenticated,
              "Your authorization token is not valid; get one with GetAuthorizationToken.");
}

}  // namespace

Result<RegistryPassword> make_password(const identity::KeyRing& keys,
                                       const identity::Principal& principal, const Moment& now,
                                       Random& random) {
  using Kind = identity::Principal::Kind;
  const bool long_term = principal.kind == Kind::root || principal.kind == Kind::user;
  const identity::Principal speaker =
      long_term ? identity::session_of_key(principal, now.civil) : principal;
  TRY(const identity::Session session,
      keys.issue(speaker, identity::expiry(now, registry_password_life), random));
  return RegistryPassword{fmt::format("{}.{}.{}", session.keys.access_key_id,
                                      mac_of(session.keys.secret), session.token),
                          session.expires};
}

Result<const identity::Key*> read_password(identity::KeyReader& reader, std::string_view password) {
  std::string_view rest = password;
  const std::string_view key_id = take_until(rest, '.');
  const std::string_view mac = take_until(rest, '.');
  if (rest.empty()) return not_known();
  const auto key = reader.find(key_id, rest);
  if (!key && key.error().kind == "expired_token")
    return fail(ErrorCode::unauthenticated,
                "Your authorization token has expired. Reauthenticate and try again.");
  if (!key || !wire::equal_in_constant_time(mac, mac_of((*key)->secret))) return not_known();
  return *key;
}

Result<const identity::Key*> read_basic(identity::KeyReader& reader,
                                        std::string_view authorization) {
  constexpr std::string_view scheme = "Basic ";
  if (!starts_with_ignoring_case(authorization, scheme)) return not_known();
  const auto decoded = from_base64(trimmed(authorization.substr(scheme.size())));
  if (!decoded) return not_known();
  std::string_view rest = *decoded;
  if (take_until(rest, ':') != registry_user) return not_known();
  return read_password(reader, rest);
}

}  // namespace slipway::ecr

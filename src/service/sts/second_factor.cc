#include "service/sts/second_factor.h"

#include <fmt/format.h>

#include "engine/identity/mfa.h"
#include "service/errors.h"

namespace slipway::sts {
namespace {

using identity::MfaVerdict;
using identity::Principal;
using service::refuse;

std::unexpected<Error> no_device() {
  return refuse("AccessDenied",
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify "
                "your MFA serial number is valid and associated with this user.");
}

}  // namespace

Result<std::optional<Timestamp>> take_factor(const Call& call, const FactorGiven& given,
                                             const StsNeeds& needs) {
  if (!given.serial && !given.code) return std::nullopt;
  if (!given.serial || !given.code)
    return refuse("AccessDenied",
                  "MultiFactorAuthentication failed, must provide both MFA serial number and one "
                  "time pass code.");
  const Principal& caller = call.caller().principal;
  const bool is_user =
      caller.kind == Principal::Kind::user || caller.kind == Principal::Kind::user_session;
  const std::string head = fmt::format("arn:aws:iam::{}:mfa/", call.account());
  if (!is_user || !caller.party || !given.serial->starts_with(head)) return no_device();
  // A change of its own: a code counts once, and a wrong one is counted, whatever becomes of the
  // request.
  TRY(const MfaVerdict verdict,
      needs.store.write([&](store::Transaction& tx) -> Result<MfaVerdict> {
        TRY(const identity::User user, identity::find_user(tx, caller.account, caller.party->name));
        return identity::take_mfa_code(tx, user, given.serial->substr(head.size()), *given.code,
                                       call.now());
      }));
  switch (verdict) {
    case MfaVerdict::right: return std::chrono::floor<std::chrono::seconds>(call.now());
    case MfaVerdict::not_the_users: return no_device();
    case MfaVerdict::wrong: break;
  }
  return refuse("AccessDenied",
                "MultiFactorAuthentication failed with invalid MFA one time pass code. ");
}

}  // namespace slipway::sts

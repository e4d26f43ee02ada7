// The refusals of this folder, each said as AWS says it in the protocol family of the request.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "wire/auth/signed_request.h"

namespace slipway::wire {

// Says why a signature is refused, in this folder's words; each dialect has its own for it.
enum class AuthProblem : std::uint8_t {
  missing,       // no signature at all
  incomplete,    // a part of the authorization is missing or cannot be read
  skewed,        // signed too long ago or too far ahead
  presign_over,  // a presigned URL whose time has passed
  unknown_key,
  invalid_token,
  expired_token,
  headers_unsigned,  // a header that must be signed is not
  mismatch,          // the signature is another
  body_mismatch,     // the body does not have the announced hash
  hash_missing,      // S3 wants x-amz-content-sha256
  hash_unreadable,   // x-amz-content-sha256 is neither a hash nor a word that is known
  unsupported,       // a real form of signature that Slipway does not have
  ambiguous,         // signed twice, or a header that decides something stands there twice
  foreign,           // nothing is signed, and the request comes from a stranger's page
  unknown_type,      // an Authorization header of no kind of signature
};

// An error whose kind is AWS's code. `message` replaces AWS's standing text where it depends on the
// request; empty: the standing text.
std::unexpected<Error> refuse(AuthProblem problem, AuthDialect dialect, std::string message = {},
                              std::vector<std::pair<std::string, std::string>> details = {});

// S3 says this first of a credential in a URL.
inline constexpr std::string_view credential_parameter =
    "Error parsing the X-Amz-Credential parameter; ";

// AuthProblem::incomplete, as S3 says it of a header, of a URL, and as the others say it.
std::unexpected<Error> malformed(AuthDialect dialect, AuthForm form, std::string what);

// The same for what a KeySource said, by its kind.
std::unexpected<Error> refuse_key(const Error& error, AuthDialect dialect,
                                  std::string_view access_key_id);

}  // namespace slipway::wire

// A form that a browser posts to S3 says who signed it: among its fields stand a policy and the
// signature of the policy's text, of version 4 or 2. The request itself is not signed.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "wire/auth/signed_request.h"

namespace slipway::wire {

// The fields of a form, names as sent: they compare without case.
using FormFields = std::span<const HeaderPair>;

// Says which signature a form holds.
enum class FormSignature : std::uint8_t { none, v4, v2 };

// Which signature the fields hold, without checking it. InvalidArgument where a field is missing,
// the object's key first: of a signature S3 wants all fields or none.
Result<FormSignature> form_signature(FormFields fields);

// Says whose form it is, once its signature was shown to hold.
struct VerifiedForm {
  std::string access_key_id;
  std::optional<std::string> region;  // of version 4, which names one
  std::optional<Timestamp> time;      // the same: when it was signed
};

// Shows that the key's owner signed the policy, which is the policy's text as it was sent and says
// itself how long it holds. S3's own codes and messages.
Result<VerifiedForm> verify_form(FormFields fields, FormSignature signature, KeySource& keys);

}  // namespace slipway::wire

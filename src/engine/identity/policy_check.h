// Whether a document may be stored: the provider's own rules and words, which ask for more than
// Policy::parse() needs to understand one.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace slipway::identity {

inline constexpr std::size_t trust_policy_bytes_max = 2'048;

// Says where a policy document will stand, which decides what it must hold.
enum class DocumentKind : std::uint8_t { managed, inline_policy, trust };

// invalid_argument of kind "malformed_policy"; limit_exceeded for a trust policy that is too long
// (the other sizes count with what else its owner has).
Result<> check_document(std::string_view text, DocumentKind kind);

}  // namespace slipway::identity

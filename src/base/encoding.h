// Text forms of bytes: hex, base64, percent-encoding, and SHA-256.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

std::string to_hex(std::string_view bytes);           // lower case
Result<std::string> from_hex(std::string_view text);  // either case

std::string to_base64(std::string_view bytes);           // RFC 4648 section 4, padded
Result<std::string> from_base64(std::string_view text);  // padded or not; nothing else

// Percent-encodes all but A-Za-z0-9-_.~ ; `keep` lists further bytes left as they are ("/").
std::string percent_encode(std::string_view text, std::string_view keep = {});
// Decodes %XX and leaves a '%' that starts no such triple as it is. `plus_is_space` for query and
// form text.
enum class PlusSign : std::uint8_t { literal, space };
std::string percent_decode(std::string_view text, PlusSign plus = PlusSign::literal);

// SHA-256 (FIPS 180-4), raw 32 bytes and as lower-case hex.
std::array<std::uint8_t, 32> sha256(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);

// Whether `text` is well-formed UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);
// `text` with U+FFFD in the place of each byte that belongs to no well-formed sequence.
std::string to_utf8(std::string_view text);

}  // namespace slipway

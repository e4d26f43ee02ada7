// The canonical forms that both ends of a signature agree on: names folded, bytes encoded one way.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/auth/sigv4.h"

namespace slipway::wire {

// S3 signs the path as it stands, its encoding made uniform; every other service signs the path
// normalised (no "//", ".", "..") and encoded once more.
enum class PathRule : std::uint8_t { as_it_stands, normalised };
PathRule path_rule(std::string_view service);

void append_canonical_path(std::string& out, std::string_view path, PathRule rule);

// Sorted by encoded name, then value; without X-Amz-Signature. '+' is a space, as in forms.
void append_canonical_query(std::string& out, std::string_view query);

// "name:value\n" for each of the names in "a;b;c": values trimmed, runs of blanks made one, several
// headers of a name joined by ','. An absent header has the empty value.
void append_canonical_headers(std::string& out, std::span<const HeaderPair> headers,
                              std::string_view signed_headers);

// The whole text (see canonical_request in sigv4.h), appended.
void append_canonical_request(std::string& out, const SignedRequest& request, PathRule rule,
                              std::string_view signed_headers, std::string_view payload_hash);

// The parts of "AKID/20240501/us-east-1/s3/aws4_request"; nullopt where one is missing or too
// long, or the region is more than a word of letters, digits, '-', '_' and '.'.
std::optional<CredentialScope> parse_scope(std::string_view credential);

// SigV2's: HMAC-SHA1 (RFC 2104), in base64.
std::string hmac_sha1_base64(std::string_view secret, std::string_view text);

// "61 62" for "ab", as S3 shows the bytes that it signed; of a long text its beginning.
std::string spaced_hex(std::string_view text);

// Calls `use(part)` for each part of `text` between separators, until it returns false.
template <typename Use>
void for_each_part(std::string_view text, char separator, Use use) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!use(text.substr(0, end)) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace slipway::wire

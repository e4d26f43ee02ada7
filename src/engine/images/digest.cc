#include "engine/images/digest.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"

namespace slipway::images {
namespace {

std::string_view prefix_of(DigestKind kind) {
  return kind == DigestKind::sha512 ? "sha512" : "sha256";
}

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::optional<DigestKind> digest_kind(std::string_view name) {
  if (name == "sha256") return DigestKind::sha256;
  if (name == "sha512") return DigestKind::sha512;
  return std::nullopt;
}

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto kind = colon == text.npos ? std::nullopt : digest_kind(text.substr(0, colon));
  if (kind && text.size() - colon - 1 == 2 * wire::digest_bytes(*kind) &&
      is_lower_hex(text.substr(colon + 1)))
    return Digest(*kind, std::string(text));
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no digest: sha256: and 64 or sha512: and 128 hex digits.",
                          text.substr(0, 200)),
              "bad_digest");
}

Digest Digest::of(std::string_view bytes, DigestKind kind) {
  wire::Checksum checksum(kind);
  checksum.update(bytes);
  return of(checksum);
}

Digest Digest::of(const wire::Checksum& finished) {
  return {finished.algorithm(),
          fmt::format("{}:{}", prefix_of(finished.algorithm()), to_hex(finished.digest()))};
}

}  // namespace slipway::images

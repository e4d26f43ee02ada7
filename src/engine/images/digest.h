// "sha256:9f86d0...": how contents are named.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/auth/checksum.h"

namespace slipway::images {

using DigestKind = wire::Checksum::Algorithm;

// A digest that is well-formed: an algorithm that this engine computes, and as many lower-case hex
// digits as that has.
class Digest {
 public:
  // invalid_argument "bad_digest".
  static Result<Digest> parse(std::string_view text);
  static Digest of(std::string_view bytes, DigestKind kind = DigestKind::sha256);
  static Digest of(const wire::Checksum& finished);

  DigestKind kind() const { return kind_; }
  const std::string& text() const { return text_; }

  bool operator==(const Digest&) const = default;

 private:
  Digest(DigestKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

  DigestKind kind_;
  std::string text_;
};

// "sha256" or "sha512"; nullopt for what is not computed here.
std::optional<DigestKind> digest_kind(std::string_view name);

}  // namespace slipway::images

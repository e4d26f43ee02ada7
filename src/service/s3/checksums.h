// The checksum that a request gives, and how answers show one. The member names are the same on
// every shape that has them, so these are templates over the generated views.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/encoding.h"
#include "engine/objects/types.h"
#include "service/body_digest.h"
#include "service/s3/door.h"

namespace slipway::s3 {

using objects::ChecksumKind;
using objects::ChecksumScope;

// A value that the client gave for the bytes it sends.
struct GivenChecksum {
  ChecksumKind kind = ChecksumKind::crc64nvme;
  std::string base64;
};

// x-amz-checksum-*: at most one. The kinds that Slipway cannot compute are NotImplemented.
template <typename In>
Result<std::optional<GivenChecksum>> given_checksum(const In& in) {
  std::optional<GivenChecksum> given;
  int count = 0;
  const auto take = [&](ChecksumKind kind, std::optional<std::string_view> value) {
    if (!value) return;
    given = GivenChecksum{kind, std::string(*value)};
    ++count;
  };
  take(ChecksumKind::crc32, in.ChecksumCRC32());
  take(ChecksumKind::crc32c, in.ChecksumCRC32C());
  take(ChecksumKind::crc64nvme, in.ChecksumCRC64NVME());
  take(ChecksumKind::sha1, in.ChecksumSHA1());
  take(ChecksumKind::sha256, in.ChecksumSHA256());
  take(ChecksumKind::sha512, in.ChecksumSHA512());
  if (in.ChecksumXXHASH64() || in.ChecksumXXHASH3() || in.ChecksumXXHASH128())
    return refuse("NotImplemented", "Slipway does not compute XXHASH checksums; use CRC64NVME.");
  if (count > 1)
    return refuse("InvalidRequest",
                  "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                  "allowed.");
  if (given) TRY_DO(service::check_checksum_form(given->kind, given->base64));
  return given;
}

// "CRC32" and so on as x-amz-checksum-algorithm names it.
Result<std::optional<ChecksumKind>> kind_of(std::optional<std::string_view> algorithm);

// FULL_OBJECT, COMPOSITE.
std::string_view name_of(ChecksumScope scope);

// Sets the one member of `out` that is of the checksum's kind, and its type where `out` has one.
template <typename Out>
void show_checksum(Out& out, const std::optional<objects::Checksum>& checksum) {
  if (!checksum) return;
  const std::string_view value = checksum->base64;
  switch (checksum->kind) {
    case ChecksumKind::crc32: out.ChecksumCRC32(value); break;
    case ChecksumKind::crc32c: out.ChecksumCRC32C(value); break;
    case ChecksumKind::crc64nvme: out.ChecksumCRC64NVME(value); break;
    case ChecksumKind::sha1: out.ChecksumSHA1(value); break;
    case ChecksumKind::sha256: out.ChecksumSHA256(value); break;
    case ChecksumKind::sha512: out.ChecksumSHA512(value); break;
    case ChecksumKind::md5: out.ChecksumMD5(value); break;
  }
  if constexpr (requires { out.ChecksumType(value); }) out.ChecksumType(name_of(checksum->scope));
}

// What a streamed body is held against when it is complete.
class BodyChecks {
 public:
  // Reads Content-MD5, x-amz-checksum-*, x-amz-trailer and x-amz-sdk-checksum-algorithm; without
  // any of them a CRC64NVME is computed and kept.
  template <typename In>
  static Result<BodyChecks> of(const Call& call, const In& in) {
    BodyChecks checks;
    TRY(checks.given_, given_checksum(in));
    if (checks.given_) checks.kind_ = checks.given_->kind;
    if (!checks.given_) {
      TRY(const auto named, kind_of(in.ChecksumAlgorithm()));
      checks.kind_ = named.value_or(checks.kind_);
    }
    TRY_DO(checks.read_md5(in.ContentMD5()));
    TRY_DO(checks.read_trailer(call.head().headers.get("x-amz-trailer")));
    return checks;
  }

  ChecksumKind kind() const { return kind_; }
  // For a body that its surroundings want another checksum of, where the client gave none.
  void use(ChecksumKind kind) {
    if (!given_ && trailer_.empty()) kind_ = kind;
  }

  // The checksum to keep, where the body is what the client said it would be: BadDigest.
  Result<objects::Checksum> settle(const objects::SealedBody& body,
                                   std::span<const wire::Trailer> trailers) const;

 private:
  Result<> read_md5(std::optional<std::string_view> content_md5);
  Result<> read_trailer(std::string_view name);

  ChecksumKind kind_ = ChecksumKind::crc64nvme;
  std::optional<GivenChecksum> given_;
  std::string md5_hex_;  // empty: not given
  std::string trailer_;  // the trailer that will bring the checksum; empty: none
};

}  // namespace slipway::s3

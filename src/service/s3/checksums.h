// The checksum that a request gives, and how answers show one. The member names are the same on
// every shape that has them, so these are templates over the generated views.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

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

// Every checksum that stands in `in`, of whatever form.
template <typename In>
std::vector<GivenChecksum> all_checksums(const In& in) {
  using enum ChecksumKind;
  std::vector<GivenChecksum> all;
  const auto take = [&](ChecksumKind kind, std::optional<std::string_view> value) {
    if (value) all.push_back({kind, std::string(*value)});
  };
  take(crc32, in.ChecksumCRC32());
  take(crc32c, in.ChecksumCRC32C());
  take(crc64nvme, in.ChecksumCRC64NVME());
  take(sha1, in.ChecksumSHA1());
  take(sha256, in.ChecksumSHA256());
  take(sha512, in.ChecksumSHA512());
  take(md5, in.ChecksumMD5());
  take(xxhash64, in.ChecksumXXHASH64());
  take(xxhash3, in.ChecksumXXHASH3());
  take(xxhash128, in.ChecksumXXHASH128());
  return all;
}

// x-amz-checksum-*: at most one.
template <typename In>
Result<std::optional<GivenChecksum>> given_checksum(const In& in) {
  std::vector<GivenChecksum> all = all_checksums(in);
  if (all.empty()) return std::nullopt;
  if (all.size() > 1) return service::several_checksums();
  TRY_DO(service::check_checksum_form(all.front().kind, all.front().base64));
  return std::move(all.front());
}

// x-amz-checksum-* are of algorithms that there are: what would not be held against the body must
// not be passed over.
Result<> check_checksum_names(const net::Headers& headers);

// "CRC32" and so on as x-amz-checksum-algorithm names it.
Result<std::optional<ChecksumKind>> kind_of(std::optional<std::string_view> algorithm);

// FULL_OBJECT, COMPOSITE, and back in any case: InvalidRequest.
std::string_view name_of(ChecksumScope scope);
Result<std::optional<ChecksumScope>> scope_of(std::optional<std::string_view> type);

// Sets the one member of `out` that is of the checksum's kind, and its type where `out` has one.
template <typename Out>
void show_checksum(Out& out, const std::optional<objects::ObjectChecksum>& checksum) {
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
    case ChecksumKind::xxhash64: out.ChecksumXXHASH64(value); break;
    case ChecksumKind::xxhash3: out.ChecksumXXHASH3(value); break;
    case ChecksumKind::xxhash128: out.ChecksumXXHASH128(value); break;
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
    if (call.http()) TRY_DO(check_checksum_names(call.http()->head().headers));
    TRY(checks.given_, given_checksum(in));
    TRY(const auto named, kind_of(in.ChecksumAlgorithm()));
    checks.kind_ = checks.given_ ? checks.given_->kind : named.value_or(checks.kind_);
    TRY_DO(checks.read_md5(in.ContentMD5()));
    TRY_DO(checks.read_trailer(service::header_of(call, "x-amz-trailer").value_or("")));
    if (named && *named != checks.kind_)
      return refuse("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.");
    checks.asked_ = named.has_value() || checks.brings();
    return checks;
  }

  ChecksumKind kind() const { return kind_; }
  // Whether the client names an algorithm, with a value or without.
  bool asked() const { return asked_; }
  // For a body that its surroundings want another checksum of, where the client gave none.
  void use(ChecksumKind kind) {
    if (!brings()) kind_ = kind;
  }

  // The checksum to keep, where the body is what the client said it would be: BadDigest.
  Result<objects::ObjectChecksum> settle(const objects::SealedBody& body,
                                         std::span<const wire::Trailer> trailers) const;

 private:
  bool brings() const { return given_ || !trailer_.empty(); }
  Result<> read_md5(std::optional<std::string_view> content_md5);
  Result<> read_trailer(std::string_view name);

  ChecksumKind kind_ = ChecksumKind::crc64nvme;
  std::optional<GivenChecksum> given_;
  std::string md5_hex_;  // empty: not given
  std::string trailer_;  // the trailer that will bring the checksum; empty: none
  bool asked_ = false;
};

}  // namespace slipway::s3

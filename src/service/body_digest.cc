#include "service/body_digest.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "service/errors.h"

namespace slipway::service {
namespace {

using Kind = wire::Checksum::Algorithm;

// The model demands a digest of many more, which S3 was not seen to miss.
constexpr std::string_view demanding[] = {"DeleteObjects", "PutBucketLifecycleConfiguration",
                                          "PutObjectLegalHold", "PutObjectLockConfiguration",
                                          "PutObjectRetention"};

Result<> check_md5(const net::Request& request) {
  const auto sent = request.headers().find("content-md5");
  if (!sent) return {};
  TRY(const std::string given, read_content_md5(*sent));
  wire::Checksum checksum(Kind::md5);
  checksum.update(request.body());
  const std::string computed = checksum.digest();
  if (given == computed) return {};
  return other_md5({given, computed});
}

Result<> check_checksums(const net::Request& request) {
  int count = 0;
  for (const net::Header& header : request.headers()) {
    const auto kind = wire::checksum_of_header(header.name);
    if (!kind) continue;
    if (++count > 1) return several_checksums();
    TRY_DO(check_checksum_form(*kind, header.value));
    if (wire::checksum_base64(*kind, request.body()) != header.value) return other_checksum(*kind);
  }
  return {};
}

}  // namespace

Result<std::string> read_content_md5(std::string_view value) {
  auto raw = from_base64(value);
  if (raw && raw->size() == wire::digest_bytes(Kind::md5)) return *std::move(raw);
  return std::unexpected(Error{ErrorCode::invalid_argument,
                               "The Content-MD5 you specified was invalid.",
                               "InvalidDigest",
                               {{"Content-MD5", std::string(value)}}});
}

Result<> check_checksum_form(Kind kind, std::string_view base64) {
  const auto raw = from_base64(base64);
  if (raw && raw->size() == wire::digest_bytes(kind)) return {};
  return refuse("InvalidRequest",
                fmt::format("Value for {} header is invalid.", wire::checksum_header(kind)));
}

std::unexpected<Error> other_md5(const Md5Mismatch& mismatch) {
  return std::unexpected(Error{ErrorCode::invalid_argument,
                               "The Content-MD5 you specified did not match what we received.",
                               "BadDigest",
                               {{"ExpectedDigest", to_base64(mismatch.given)},
                                {"CalculatedDigest", to_base64(mismatch.computed)}}});
}

std::unexpected<Error> other_checksum(Kind kind) {
  return refuse("BadDigest",
                fmt::format("The {} you specified did not match the calculated checksum.",
                            wire::name_of(kind)));
}

std::unexpected<Error> several_checksums() {
  return refuse("InvalidRequest",
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                "allowed.");
}

namespace {

// In the query stands what a presigner said before there was a body.
bool has_digest_in_head(const net::RequestHead& head) {
  return head.headers.has("content-md5") || head.query.contains("x-amz-checksum-") ||
         std::ranges::any_of(head.headers, [](const net::Header& header) {
           return wire::checksum_of_header(header.name).has_value();
         });
}

}  // namespace

bool has_digest(const net::RequestHead& head) {
  return head.headers.has("x-amz-trailer") || has_digest_in_head(head);
}

Result<> check_body_digest(const wire::Operation& operation, const net::Request& request) {
  if (request.body().empty()) return {};
  TRY_DO(check_md5(request));
  return operation.checksum_member.empty() ? Result<>() : check_checksums(request);
}

Result<> demand_body_digest(const wire::Operation& operation, const net::RequestHead& head) {
  const bool demands = std::ranges::find(demanding, operation.name) != std::end(demanding);
  if (!demands || has_digest_in_head(head)) return {};  // no trailer comes behind a document
  return refuse("InvalidRequest",
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

}  // namespace slipway::service

// The digests of a body that S3's clients send beside it, and S3's words where one does not fit.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "wire/auth/checksum.h"
#include "wire/schema.h"

namespace slipway::service {

// The digest itself, 16 bytes, of a Content-MD5. InvalidDigest.
Result<std::string> read_content_md5(std::string_view value);
// InvalidRequest where the text cannot be a digest of that kind.
Result<> check_checksum_form(wire::Checksum::Algorithm kind, std::string_view base64);

// BadDigest.
struct Md5Mismatch {
  std::string_view given;  // 16 bytes
  std::string_view computed;
};
std::unexpected<Error> other_md5(const Md5Mismatch& mismatch);
std::unexpected<Error> other_checksum(wire::Checksum::Algorithm kind);
// InvalidRequest: more than one x-amz-checksum-*.
std::unexpected<Error> several_checksums();

// Whether anything came that the body is held against.
bool has_digest(const net::RequestHead& head);

// Holds the body of a request that is read as a whole against what came beside it: its Content-MD5
// and, where the operation has checksums of bodies, its x-amz-checksum-*.
Result<> check_body_digest(const wire::Operation& operation, const net::Request& request);
// InvalidRequest where nothing came and S3 wants something.
Result<> demand_body_digest(const wire::Operation& operation, const net::RequestHead& head);

}  // namespace slipway::service

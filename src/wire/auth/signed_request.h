// SigV4 and SigV2 share these words for what a signature covers, and what a verified one says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace slipway::wire {

using HeaderPair = std::pair<std::string_view, std::string_view>;

// A request as it came over the wire: nothing decoded, nothing normalised. Borrows everything.
struct SignedRequest {
  std::string_view method;
  std::string_view path;   // raw, as in the request line, without the query
  std::string_view query;  // raw, without '?'
  std::span<const HeaderPair> headers;
  // The whole body where it is at hand; nullopt while it still streams in. A body that is given is
  // compared with a hash that the client announced.
  std::optional<std::string_view> body = std::nullopt;
};

// The first header of that name (any case), or empty.
std::string_view find_header(std::span<const HeaderPair> headers, std::string_view name);
// The raw value of the first query parameter of that name (exact), or nullopt.
std::optional<std::string_view> find_query(std::string_view query, std::string_view name);

// Says whose words a refusal is said in: AWS's codes, messages and statuses differ by protocol
// family.
enum class AuthDialect : std::uint8_t { s3, query, json, rest_json };

// Says what a request must have been signed for, by what it asks for: no signature counts
// elsewhere.
struct SignedFor {
  std::string_view service;  // the signing name: "s3", "sagemaker"
  AuthDialect dialect;
};

// Says where and how a request says who signed it.
enum class AuthForm : std::uint8_t {
  none,          // no signature at all
  v4_header,     // Authorization: AWS4-HMAC-SHA256 ...
  v4_presigned,  // X-Amz-Signature= in the query
  v2_header,     // Authorization: AWS AKID:signature
  v2_presigned,  // AWSAccessKeyId= and Signature= in the query
};

// Which form of signature the request carries, without checking any of it.
AuthForm auth_form(const SignedRequest& request);

// The HTTP status that AWS gives to an error which this folder made for that dialect.
int auth_status(const Error& error, AuthDialect dialect);

// Refuses a request that is signed in its header and in its query, or that has a header twice which
// decides who asks for what. Both signature versions begin with it.
Result<> check_signed_once(const SignedRequest& request, AuthDialect dialect);

// The secret that belongs to an access key id.
struct KeyMaterial {
  std::string_view secret;  // valid until the next call on the same KeySource
};

// A source looks secrets up. One per thread; the server adapts its key ring to it.
class KeySource {
 public:
  virtual ~KeySource() = default;

  // `session_token` is empty for a long-term key. Fails with kind
  //   "unknown_key"    no such key, or a temporary key without its token
  //   "invalid_token"  the token is not one of ours or belongs to another key
  //   "expired_token"  the session is over
  virtual Result<KeyMaterial> find(std::string_view access_key_id,
                                   std::string_view session_token) = 0;
};

// A mode is what x-amz-content-sha256 promises about the body.
enum class PayloadMode : std::uint8_t {
  hashed,                 // the signature covers the SHA-256 of the whole body
  unsigned_payload,       // UNSIGNED-PAYLOAD
  chunks_signed,          // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  chunks_signed_trailer,  // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  chunks_trailer,         // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};

}  // namespace slipway::wire

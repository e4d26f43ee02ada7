// AWS Signature Version 4: header and presigned forms, verified and made.
//
// Verifying is two steps: parse_authorization() reads what the request claims, verify() shows that
// it is true, and that it was made for the service that is asked. Everything
// here is a pure function of its arguments (time and keys are passed in); the only state is the
// SigningKeyCache, one per thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/auth/hmac.h"
#include "wire/auth/signed_request.h"

namespace slipway::wire {

// How far a signing time may be from now.
inline constexpr std::chrono::minutes signature_skew_max{15};
// The longest life of a presigned URL: seven days.
inline constexpr std::chrono::seconds presign_expiry_max{604'800};
// More is refused before any work is done on it.
inline constexpr std::size_t signed_headers_max = 128;
inline constexpr std::size_t query_parameters_max = 1024;
inline constexpr std::size_t access_key_id_bytes_max = 2048;
inline constexpr std::size_t scope_part_bytes_max = 64;

// "AKID/20240501/us-east-1/s3/aws4_request", split from the right: an access key id may hold '/'.
struct CredentialScope {
  std::string_view access_key_id;
  std::string_view date;  // yyyymmdd
  std::string_view region;
  std::string_view service;
  std::string_view terminator = "aws4_request";
};

// An authorization is what a SigV4 request claims of itself. Views into the request, but for what
// is percent-encoded in a presigned query, which is decoded into `decoded`.
struct Authorization {
  AuthForm form = AuthForm::none;
  CredentialScope scope;
  std::string_view signed_headers;  // "host;x-amz-date"
  std::string_view signature;       // 64 hex digits
  std::string_view date;            // "20240501T123456Z"
  Timestamp time{};
  std::chrono::seconds expires{0};  // presigned only
  std::string_view session_token;   // empty: none
  PayloadMode payload = PayloadMode::hashed;
  std::string_view content_sha256;  // as announced; empty: not announced
  std::vector<std::unique_ptr<std::string>> decoded;
};

// Returns what a word of x-amz-content-sha256 stands for; nullopt for a hash, or nothing.
std::optional<PayloadMode> payload_mode(std::string_view announced);

// Reads the claim. Fails, in the dialect's words, where it is absent, incomplete or malformed, or
// made twice: in the header and in the query, or in two headers.
Result<Authorization> parse_authorization(const SignedRequest& request, AuthDialect dialect);

// A signing key (the HMAC chain over date, region, service) kept ready for the next request.
class SigningKeyCache {
 public:
  static constexpr std::size_t entries_max = 256;

  // The key for this scope and secret; made on the first call. The reference lives until the next.
  const HmacKey& get(const CredentialScope& scope, std::string_view secret);

 private:
  struct Entry {
    std::string name;  // access key id, date, region, service and secret, with NUL between
    HmacKey key;
  };
  std::vector<Entry> entries_;  // by hash; of two that fall together the newer stays
  std::string name_;            // of the key that is looked up
};

// A signature that held. Owns what outlives the request's head: aws-chunked needs key, date, scope
// and signature for each chunk.
struct Verified {
  std::string access_key_id;
  std::string region;
  std::string service;
  PayloadMode payload = PayloadMode::hashed;
  std::string
      content_sha256;  // lower-case hex where the caller must still compare the body; or empty
  // For ChunkedDecoder; filled where `payload` is chunks_signed or chunks_signed_trailer.
  std::optional<HmacKey> signing_key;
  std::string date;
  std::string scope;      // "20240501/us-east-1/s3/aws4_request"
  std::string signature;  // of the head
};

// Checks what the head alone shows of a claim, before a byte of the body is read: that it was made
// now and for this service, that what must be signed is signed, and that the key is known and its
// session runs. No secret is proven by it; verify() begins with it.
Result<KeyMaterial> check_claim(const SignedRequest& request, const Authorization& claim,
                                const SignedFor& wanted, KeySource& keys, Timestamp now);

// Shows that the claim holds: check_claim(), the signature, and the body's hash where request.body
// is given. `keys` and `cache` belong to the calling thread.
//
// A body that the signature does not cover (UNSIGNED-PAYLOAD, STREAMING-...) is S3's alone.
//
// Fails in the dialect's words: kind is AWS's error code (auth_status() gives the HTTP status);
// for S3 the details carry StringToSign, CanonicalRequest and the rest of what S3 says.
Result<Verified> verify(const SignedRequest& request, const Authorization& claim,
                        const SignedFor& wanted, KeySource& keys, SigningKeyCache& cache,
                        Timestamp now);

// parse_authorization() and verify() in one.
Result<Verified> verify(const SignedRequest& request, const SignedFor& wanted, KeySource& keys,
                        SigningKeyCache& cache, Timestamp now);

// The texts between request and signature, for tests and for S3's answer to a wrong signature.
// `payload_hash` is the last line: a hex hash or one of the words of PayloadMode.
std::string canonical_request(const SignedRequest& request, const Authorization& claim,
                              std::string_view payload_hash);
std::string string_to_sign(const Authorization& claim, std::string_view canonical);
HmacKey signing_key(const CredentialScope& scope, std::string_view secret);

// ---- The client's side ---------------------------------------------------------------------

// Says what a client signs with.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token = {};  // empty: a long-term key
};

// A target says what is signed, and for whom. `request.headers` must hold Host; all of them are
// signed but for those that proxies change (Connection, User-Agent, Expect, Transfer-Encoding,
// ...).
struct SigningTarget {
  std::string_view region;
  std::string_view service;
};

// The headers to add to the request: Authorization, X-Amz-Date, and where they apply
// X-Amz-Security-Token and X-Amz-Content-Sha256 (always for S3). The body is hashed where it is
// given and UNSIGNED-PAYLOAD where not.
std::vector<std::pair<std::string, std::string>> sign(const SignedRequest& request,
                                                      const Credentials& credentials,
                                                      const SigningTarget& target, Timestamp now);

// The query (without '?') that makes the request valid for `expires` from now: the request's own
// parameters, then X-Amz-*. Only the Host header is signed.
std::string presign(const SignedRequest& request, const Credentials& credentials,
                    const SigningTarget& target, Timestamp now, std::chrono::seconds expires);

}  // namespace slipway::wire

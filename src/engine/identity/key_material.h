// Public keys and certificates as they are uploaded: read by OpenSSL, and refused where it cannot.
// Errors are invalid_argument of the kinds that are named.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace slipway::identity {

// An RSA key for SSH.
struct SshKey {
  enum class Form : std::uint8_t { ssh, pem };
  Form form = Form::ssh;  // that it came in
  std::string blob;       // as SSH sends it (RFC 4253, 6.6)
};

// "ssh-rsa BASE64 comment" or a public key in PEM; 2,048 bits at least. "bad_public_key";
// "unknown_key_form" for what is neither.
Result<SshKey> read_ssh_key(std::string_view text);

// Sixteen bytes in hex with colons between: MD5, as SSH showed it for long.
std::string fingerprint_of(const SshKey& key);
// The key in a form that it may not have come in.
std::string to_text(const SshKey& key, SshKey::Form form);

// What is told of an X.509 certificate that somebody uploaded.
struct Certificate {
  std::string digest;  // SHA-256 of its bytes: two of one digest are one
  Timestamp begins{};
  Timestamp ends{};
};

// X.509 in PEM. "malformed_certificate", also where a private key stands beside it.
Result<Certificate> read_certificate(std::string_view pem);

// Whether the private key, in PEM and without a passphrase, is the certificate's:
// "malformed_certificate" for what is no key, "key_pair_mismatch".
Result<> check_private_key(std::string_view certificate, std::string_view key);

// Whether each certificate of `chain` signed the one before it, the first of them `certificate`.
// "malformed_certificate".
Result<> check_chain(std::string_view certificate, std::string_view chain);

}  // namespace slipway::identity

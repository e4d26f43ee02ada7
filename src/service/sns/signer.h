// The key that signs what subscribers get, and the certificate that they check it with:
// self-signed, made at the first start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace slipway::sns {

// SignatureVersion 1 and 2 of
// docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
enum class SignatureVersion : std::uint8_t { sha1, sha256 };

// Immutable: any thread may sign. One signature takes about half a millisecond.
class Signer {
 public:
  // Reads `folder`/sns-signing.pem, or makes it, for its owner only.
  static Result<std::unique_ptr<const Signer>> open(const std::filesystem::path& folder);
  ~Signer();

  std::string sign(std::string_view text, SignatureVersion version) const;  // base64
  const std::string& certificate() const { return certificate_; }           // PEM

 private:
  Signer(evp_pkey_st* key, std::string certificate)
      : key_(key), certificate_(std::move(certificate)) {}

  evp_pkey_st* key_;
  std::string certificate_;
};

}  // namespace slipway::sns

// The key that signs what subscribers get, and the certificate that they check it with:
// self-signed, made when there is first something to sign.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace slipway::sns {

// SignatureVersion 1 and 2 of
// docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
enum class SignatureVersion : std::uint8_t { sha1, sha256 };

// Signs, and shows the certificate. Any thread may sign. One signature takes about half a
// millisecond, the first of a new folder up to half a second.
class Signer {
 public:
  // Reads `folder`/sns-signing.pem where that is.
  static Result<std::unique_ptr<Signer>> open(const std::filesystem::path& folder);
  ~Signer();

  std::string sign(std::string_view text, SignatureVersion version);  // base64
  std::string certificate() const;  // PEM; empty: nothing was signed yet

 private:
  explicit Signer(std::filesystem::path file) : file_(std::move(file)) {}
  Result<> read(const std::string& text);
  evp_pkey_st* key();

  const std::filesystem::path file_;
  std::mutex making_;           // held while the key is made, which takes long
  evp_pkey_st* key_ = nullptr;  // guarded by making_
  mutable std::mutex mutex_;
  std::string certificate_;  // guarded by mutex_: who asks for it waits for no key
};

}  // namespace slipway::sns

// What federation's tests share: keys, and tokens signed with them.
#pragma once

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.h"

namespace slipway::federation {

inline std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

// A key of an issuer that signs tokens, and shows itself as a JWK.
class TestKey {
 public:
  static TestKey rsa(std::string id, std::size_t bits = 2048) {
    return {std::move(id), EVP_RSA_gen(bits)};
  }
  static TestKey elliptic(std::string id, const char* curve) {
    return {std::move(id), EVP_EC_gen(curve)};
  }

  // As a JWK; `more` is added to it: R"(,"use":"sig")".
  std::string jwk(std::string_view more = {}) const {
    if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA)
      return fmt::format(R"({{"kty":"RSA","kid":"{}","n":"{}","e":"{}"{}}})", id_,
                         number(OSSL_PKEY_PARAM_RSA_N, 0), number(OSSL_PKEY_PARAM_RSA_E, 0), more);
    return fmt::format(R"({{"kty":"EC","kid":"{}","crv":"{}","x":"{}","y":"{}"{}}})", id_, curve(),
                       number(OSSL_PKEY_PARAM_EC_PUB_X, size()),
                       number(OSSL_PKEY_PARAM_EC_PUB_Y, size()), more);
  }

  std::string token(std::string_view algorithm, std::string_view claims) const {
    return token_of(fmt::format(R"({{"alg":"{}","kid":"{}"}})", algorithm, id_), claims);
  }
  std::string token_of(std::string_view header, std::string_view claims) const {
    const std::string text = to_base64url(header) + "." + to_base64url(claims);
    return text + "." + to_base64url(sign(text));
  }

 private:
  TestKey(std::string id, EVP_PKEY* key) : id_(std::move(id)), key_(key, EVP_PKEY_free) {}

  int size() const { return (EVP_PKEY_get_bits(key_.get()) + 7) / 8; }
  std::string curve() const { return fmt::format("P-{}", EVP_PKEY_get_bits(key_.get())); }

  std::string number(const char* name, int bytes) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string out(static_cast<std::size_t>(bytes == 0 ? BN_num_bytes(value) : bytes), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    BN_free(value);
    return to_base64url(out);
  }

  std::string sign(std::string_view text) const {
    const bool is_rsa = EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA;
    const EVP_MD* digest = is_rsa || size() == 32 ? EVP_sha256()
                           : size() == 48         ? EVP_sha384()
                                                  : EVP_sha512();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get());
    std::array<unsigned char, 2048> bytes;
    std::size_t written = bytes.size();
    EVP_DigestSign(context.get(), bytes.data(), &written,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    if (is_rsa) return {reinterpret_cast<const char*>(bytes.data()), written};
    return raw({bytes.data(), written});
  }

  // r and s one after the other, as JOSE has them.
  std::string raw(std::span<const unsigned char> asn1) const {
    const unsigned char* at = asn1.data();
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(asn1.size()));
    std::string out(static_cast<std::size_t>(2 * size()), '\0');
    auto* const into = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), into, size());
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), into + size(), size());
    ECDSA_SIG_free(pair);
    return out;
  }

  std::string id_;
  std::shared_ptr<EVP_PKEY> key_;
};

inline std::string key_set_of(const std::vector<std::string>& keys) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(keys, ","));
}

}  // namespace slipway::federation

// OpenSSL's streaming calls are used as they are, because EVP looks its implementation up and
// allocates for every digest: on a request of 1 KB that costs more than the hashing.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "wire/auth/hmac.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <new>

namespace slipway::wire {
namespace {

constexpr std::size_t block_bytes = 64;

SHA256_CTX& context(std::array<std::byte, 112>& state) {
  static_assert(sizeof(SHA256_CTX) <= sizeof(state));
  return *std::launder(reinterpret_cast<SHA256_CTX*>(state.data()));
}

Sha256 padded(const std::array<char, block_bytes>& key, char pad) {
  std::array<char, block_bytes> block = key;
  for (char& c : block) c = static_cast<char>(c ^ pad);
  Sha256 hash;
  hash.update({block.data(), block.size()});
  return hash;
}

std::array<char, block_bytes> key_block(std::string_view secret) {
  std::array<char, block_bytes> block{};
  const Sha256Digest shortened = secret.size() > block_bytes ? sha256_of(secret) : Sha256Digest{};
  if (secret.size() > block_bytes) secret = view_of(shortened);
  std::copy(secret.begin(), secret.end(), block.begin());
  return block;
}

}  // namespace

Sha256::Sha256() { SHA256_Init(new (state_.data()) SHA256_CTX); }

void Sha256::update(std::string_view bytes) {
  SHA256_Update(&context(state_), bytes.data(), bytes.size());
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), &context(state_));
  return digest;
}

Sha256Digest sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

HmacKey::HmacKey(std::string_view secret)
    : inner_(padded(key_block(secret), 0x36)), outer_(padded(key_block(secret), 0x5c)) {}

Sha256Digest HmacKey::sign(std::string_view message) const {
  Sha256 inner = inner_;
  inner.update(message);
  Sha256 outer = outer_;
  outer.update(view_of(inner.finish()));
  return outer.finish();
}

HexDigest hex_of(const Sha256Digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  HexDigest hex;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  return hex;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace slipway::wire

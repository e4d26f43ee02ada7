// HMAC-SHA256 with the key's two blocks hashed in advance, so that a short message costs two or
// three compressions and no allocation. Not thread-safe; copies are cheap (208 bytes).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::wire {

using Sha256Digest = std::array<std::uint8_t, 32>;

// Incremental SHA-256 (FIPS 180-4) with no allocation and no lookup of an implementation per use.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  // Ends the message; the object must not be updated afterwards.
  Sha256Digest finish();

 private:
  alignas(8) std::array<std::byte, 112> state_;
};

Sha256Digest sha256_of(std::string_view bytes);

// A key, ready for use (RFC 2104).
class HmacKey {
 public:
  HmacKey() : HmacKey(std::string_view{}) {}
  explicit HmacKey(std::string_view secret);
  Sha256Digest sign(std::string_view message) const;

 private:
  Sha256 inner_;
  Sha256 outer_;
};

// Lower-case hex of a digest, in place.
using HexDigest = std::array<char, 64>;
HexDigest hex_of(const Sha256Digest& digest);
inline std::string_view view_of(const HexDigest& hex) { return {hex.data(), hex.size()}; }
inline std::string_view view_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Takes the same time wherever the two differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace slipway::wire

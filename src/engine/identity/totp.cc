#include "engine/identity/totp.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>

#include "base/random.h"

namespace slipway::identity {
namespace {

constexpr std::chrono::seconds step_length{30};
constexpr std::uint32_t modulus = 1'000'000;  // six digits

std::string from_base32(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = alphabet_base32.find(c);
    if (value == alphabet_base32.npos) return {};
    bits = (bits << 5U) | static_cast<std::uint32_t>(value);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 255U);
  }
  return out;
}

}  // namespace

std::int64_t totp_step(Timestamp now) {
  return std::chrono::floor<std::chrono::seconds>(now).time_since_epoch() / step_length;
}

std::string totp_code(std::string_view seed, std::int64_t step) {
  const std::string key = from_base32(seed);
  if (key.empty()) return {};
  std::array<unsigned char, 8> message{};
  for (std::size_t i = 0; i < message.size(); ++i)
    message[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (56 - 8 * i));
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  ::HMAC(::EVP_sha1(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
         mac.data(), &size);
  if (size == 0) return {};
  // RFC 4226, 5.3: four bytes from where the last half byte says, without the first bit.
  const std::size_t at = mac[size - 1] & 15U;
  std::uint32_t number = mac[at] & 127U;
  for (std::size_t i = 1; i < 4; ++i) number = number << 8U | mac[at + i];
  return fmt::format("{:06}", number % modulus);
}

std::optional<std::int64_t> find_totp(std::string_view seed, std::string_view code,
                                      TotpWindow window) {
  std::optional<std::int64_t> found;
  for (std::int64_t step = window.first; step <= window.last; ++step) {
    const std::string right = totp_code(seed, step);
    if (!right.empty() && right.size() == code.size() &&
        ::CRYPTO_memcmp(right.data(), code.data(), code.size()) == 0)
      found = step;
  }
  return found;
}

}  // namespace slipway::identity

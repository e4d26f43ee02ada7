#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace slipway {

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::runtime_error("getrandom(2) failed: " + std::string(strerror(errno)));
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

SeededRandom::SeededRandom(std::uint64_t seed) : engine_(seed) {}

std::uint64_t SeededRandom::next() {
  const std::scoped_lock lock(mutex_);
  return engine_();
}

void SeededRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t value = next();
    const std::size_t count = std::min(out.size(), sizeof value);
    std::memcpy(out.data(), &value, count);
    out = out.subspan(count);
  }
}

std::uint64_t below(Random& random, std::uint64_t bound) {
  const std::uint64_t uneven = (~bound + 1) % bound;  // 2^64 mod bound: refused, to stay uniform
  for (;;)
    if (const std::uint64_t value = random.next(); value >= uneven) return value % bound;
}

std::string make_uuid(Random& random) {
  std::uint8_t bytes[16];
  random.fill(std::as_writable_bytes(std::span(bytes)));
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += alphabet_hex[bytes[i] >> 4];
    text += alphabet_hex[bytes[i] & 15];
  }
  return text;
}

std::string make_token(Random& random, std::size_t length, std::string_view alphabet) {
  std::string text(length, '\0');
  for (char& c : text) c = alphabet[below(random, alphabet.size())];
  return text;
}

}  // namespace slipway

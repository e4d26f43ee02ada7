// Chance, passed in. The only source of randomness outside src/server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string>

namespace slipway {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  virtual void fill(std::span<std::byte> out) = 0;
};

// The kernel's generator (getrandom(2)): fit for keys and tokens.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
  void fill(std::span<std::byte> out) override;
};

// The same sequence for the same seed: tests and simulations, never keys.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  std::uint64_t next() override;
  void fill(std::span<std::byte> out) override;

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

// Scatters a number over 64 bits, each of them depending on all of `number`'s: the last step of
// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators). No secrets.
constexpr std::uint64_t scatter(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9ULL;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBULL;
  return number ^ (number >> 31);
}
inline constexpr std::uint64_t scatter_step = 0x9E3779B97F4A7C15ULL;  // 2^64 by the golden ratio

// Uniform in [0, bound); bound > 0.
std::uint64_t below(Random& random, std::uint64_t bound);

// "0f8fad5b-d9cb-469f-a165-70867728950e", version 4 (RFC 9562).
std::string make_uuid(Random& random);

// `length` characters drawn from `alphabet`.
std::string make_token(Random& random, std::size_t length, std::string_view alphabet);

inline constexpr std::string_view alphabet_base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
inline constexpr std::string_view alphabet_base62 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
inline constexpr std::string_view alphabet_hex = "0123456789abcdef";

}  // namespace slipway

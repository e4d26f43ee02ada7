#include "wire/auth/crc.h"

#include <libdeflate.h>

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slipway::wire {
namespace {

// Polynomials, bit-reflected: the lowest bit is the coefficient of the highest power.
constexpr std::uint32_t polynomial_crc32 = 0xedb88320;
constexpr std::uint32_t polynomial_crc32c = 0x82f63b78;
constexpr std::uint64_t polynomial_crc64nvme = 0x9a6c9329ac4bc9b5;

// ---- Arithmetic of polynomials modulo P, for combining and for the folding constants -----------

template <typename Word>
constexpr Word one = Word{1} << (sizeof(Word) * 8 - 1);

template <typename Word>
constexpr Word times_x(Word value, Word polynomial) {
  return (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
}

template <typename Word>
constexpr Word multiply(Word a, Word b, Word polynomial) {
  Word product = 0;
  for (Word bit = one<Word>; bit != 0; bit >>= 1, b = times_x(b, polynomial))
    if ((a & bit) != 0) product ^= b;
  return product;
}

// x to the power n, modulo the polynomial.
template <typename Word>
constexpr Word power_of_x(std::uint64_t n, Word polynomial) {
  Word result = one<Word>;
  for (Word square = times_x(one<Word>, polynomial); n != 0; n >>= 1) {
    if ((n & 1) != 0) result = multiply(result, square, polynomial);
    square = multiply(square, square, polynomial);
  }
  return result;
}

template <typename Word>
Word combine(Word a, CrcPiece b, Word polynomial) {
  Word shift = power_of_x<Word>(b.bytes, polynomial);  // x^n; cubed by squaring to x^8n
  for (int i = 0; i < 3; ++i) shift = multiply(shift, shift, polynomial);
  return multiply(shift, a, polynomial) ^ static_cast<Word>(b.crc);
}

// ---- Eight tables, eight bytes at a time
// ---------------------------------------------------------

template <typename Word>
using Tables = std::array<std::array<Word, 256>, 8>;

template <typename Word>
constexpr Tables<Word> make_tables(Word polynomial) {
  Tables<Word> tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    Word value = static_cast<Word>(byte);
    for (int bit = 0; bit < 8; ++bit) value = times_x(value, polynomial);
    tables[0][byte] = value;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 255];
  return tables;
}

constexpr Tables<std::uint32_t> tables_crc32c = make_tables(polynomial_crc32c);
constexpr Tables<std::uint64_t> tables_crc64nvme = make_tables(polynomial_crc64nvme);

std::uint64_t load_little_endian(const char* bytes) {
  std::uint64_t word = 0;
  for (int i = 7; i >= 0; --i) word = (word << 8) | static_cast<unsigned char>(bytes[i]);
  return word;
}

// The bare register: neither inverted before nor after.
template <typename Word>
Word update_by_tables(const Tables<Word>& tables, Word state, std::string_view bytes) {
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word = load_little_endian(bytes.data()) ^ state;
    state = 0;
    for (std::size_t k = 8; k-- > 0; word >>= 8) state ^= tables[k][word & 255];
  }
  for (const char c : bytes)
    state = (state >> 8) ^ tables[0][(state ^ static_cast<unsigned char>(c)) & 255];
  return state;
}

// ---- The machine's own
// ---------------------------------------------------------------------------

#if defined(__x86_64__)

// Carrying 128 bits forward over D bits of message multiplies their first half by x^(D+64) and
// their second by x^D; a carry-less product of reflected words brings one x of its own. A
// polynomial of fewer than 64 bits stands in the upper ones.
struct FoldKeys {
  std::uint64_t first;
  std::uint64_t second;
};
template <typename Word>
constexpr FoldKeys fold_keys(std::uint64_t bits, Word polynomial) {
  constexpr int shift = 64 - 8 * static_cast<int>(sizeof(Word));
  return {std::uint64_t{power_of_x(bits + 63, polynomial)} << shift,
          std::uint64_t{power_of_x(bits - 1, polynomial)} << shift};
}

[[gnu::target("pclmul,sse2")]] __m128i fold(__m128i value, __m128i keys, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(value, keys, 0x00);
  const __m128i high = _mm_clmulepi64_si128(value, keys, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

[[gnu::target("pclmul,sse2")]] __m128i load(const char* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

[[gnu::target("pclmul,sse2")]] __m128i as_register(FoldKeys keys) {
  return _mm_set_epi64x(static_cast<long long>(keys.second), static_cast<long long>(keys.first));
}

// Folds 64 bytes at a time into four registers, those into one, and lets the tables finish.
template <typename Word, Word polynomial>
[[gnu::target("pclmul,sse2")]] Word update_by_folding(const Tables<Word>& tables, Word state,
                                                      std::string_view bytes) {
  if (bytes.size() < 128) return update_by_tables(tables, state, bytes);
  constexpr FoldKeys across_512 = fold_keys(512, polynomial);
  constexpr FoldKeys across_128 = fold_keys(128, polynomial);
  const __m128i keys_512 = as_register(across_512);
  const __m128i keys_128 = as_register(across_128);

  const char* at = bytes.data();
  __m128i lane0 = _mm_xor_si128(load(at), _mm_cvtsi64_si128(static_cast<long long>(state)));
  __m128i lane1 = load(at + 16);
  __m128i lane2 = load(at + 32);
  __m128i lane3 = load(at + 48);
  bytes.remove_prefix(64);
  for (; bytes.size() >= 64; bytes.remove_prefix(64)) {
    at = bytes.data();
    lane0 = fold(lane0, keys_512, load(at));
    lane1 = fold(lane1, keys_512, load(at + 16));
    lane2 = fold(lane2, keys_512, load(at + 32));
    lane3 = fold(lane3, keys_512, load(at + 48));
  }
  lane1 = fold(lane0, keys_128, lane1);
  lane2 = fold(lane1, keys_128, lane2);
  lane3 = fold(lane2, keys_128, lane3);

  std::array<char, 16> folded;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(folded.data()), lane3);
  state = update_by_tables(tables, Word{0}, {folded.data(), folded.size()});
  return update_by_tables(tables, state, bytes);
}

bool can_fold() {
  static const bool can = __builtin_cpu_supports("pclmul");
  return can;
}

#endif

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before) {
  return ~update_by_tables(tables_crc32c, ~before, bytes);
}

std::uint64_t crc64nvme_portable(std::string_view bytes, std::uint64_t before) {
  return ~update_by_tables(tables_crc64nvme, ~before, bytes);
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
  if (can_fold())
    return ~update_by_folding<std::uint32_t, polynomial_crc32c>(tables_crc32c, ~before, bytes);
#endif
  return crc32c_portable(bytes, before);
}

std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t before) {
#if defined(__x86_64__)
  if (can_fold())
    return ~update_by_folding<std::uint64_t, polynomial_crc64nvme>(tables_crc64nvme, ~before,
                                                                   bytes);
#endif
  return crc64nvme_portable(bytes, before);
}

std::uint32_t crc32_combine(std::uint32_t a, CrcPiece b) { return combine(a, b, polynomial_crc32); }

std::uint32_t crc32c_combine(std::uint32_t a, CrcPiece b) {
  return combine(a, b, polynomial_crc32c);
}

std::uint64_t crc64nvme_combine(std::uint64_t a, CrcPiece b) {
  return combine(a, b, polynomial_crc64nvme);
}

}  // namespace slipway::wire

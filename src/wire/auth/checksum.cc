// As in hmac.cc, OpenSSL's streaming calls are used as they are: no allocation, and a running
// checksum can be copied like any value.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "wire/auth/checksum.h"

#include <fmt/format.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <xxhash.h>

#include <algorithm>
#include <new>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/crc.h"

namespace slipway::wire {
namespace {

using Algorithm = Checksum::Algorithm;

struct Facts {
  Algorithm algorithm;
  std::string_view name;
  std::string_view header;
  std::size_t bytes;
  enum class Kind : std::uint8_t { crc, hash } kind;
};

// In the order of Algorithm.
constexpr std::array<Facts, 10> all_facts{{
    {Algorithm::crc32, "CRC32", "x-amz-checksum-crc32", 4, Facts::Kind::crc},
    {Algorithm::crc32c, "CRC32C", "x-amz-checksum-crc32c", 4, Facts::Kind::crc},
    {Algorithm::crc64nvme, "CRC64NVME", "x-amz-checksum-crc64nvme", 8, Facts::Kind::crc},
    {Algorithm::sha1, "SHA1", "x-amz-checksum-sha1", 20, Facts::Kind::hash},
    {Algorithm::sha256, "SHA256", "x-amz-checksum-sha256", 32, Facts::Kind::hash},
    {Algorithm::sha512, "SHA512", "x-amz-checksum-sha512", 64, Facts::Kind::hash},
    {Algorithm::md5, "MD5", "x-amz-checksum-md5", 16, Facts::Kind::hash},
    {Algorithm::xxhash64, "XXHASH64", "x-amz-checksum-xxhash64", 8, Facts::Kind::hash},
    {Algorithm::xxhash3, "XXHASH3", "x-amz-checksum-xxhash3", 8, Facts::Kind::hash},
    {Algorithm::xxhash128, "XXHASH128", "x-amz-checksum-xxhash128", 16, Facts::Kind::hash},
}};

const Facts& facts(Algorithm algorithm) { return all_facts[static_cast<std::size_t>(algorithm)]; }

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 255);
  return out;
}

std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

template <typename Context, typename State>
Context* as(State& state) {
  static_assert(sizeof(Context) <= sizeof(State) && alignof(Context) <= 64);
  return std::launder(reinterpret_cast<Context*>(state.data()));
}

// Ends a copy, so that the running one can go on.
template <typename Context, typename State, typename Final>
std::string ended(const State& state, std::size_t bytes, Final final) {
  State copy = state;
  std::string digest(bytes, '\0');
  final(reinterpret_cast<unsigned char*>(digest.data()), as<Context>(copy));
  return digest;
}

// xxHash's digests, which may be asked for while more is to come.
std::string big_endian(XXH128_hash_t hash) {
  return big_endian(hash.high64, 8) + big_endian(hash.low64, 8);
}

Result<std::string> digest_of_part(Algorithm algorithm, std::string_view base64) {
  auto digest = from_base64(base64);
  if (digest && digest->size() == digest_bytes(algorithm)) return digest;
  return fail(ErrorCode::invalid_argument,
              fmt::format("A part's checksum '{}' is not a {} in base64.", base64.substr(0, 100),
                          name_of(algorithm)));
}

std::uint64_t combine_crc(Algorithm algorithm, std::uint64_t before, CrcPiece next) {
  switch (algorithm) {
    case Algorithm::crc32: return crc32_combine(static_cast<std::uint32_t>(before), next);
    case Algorithm::crc32c: return crc32c_combine(static_cast<std::uint32_t>(before), next);
    default: return crc64nvme_combine(before, next);
  }
}

}  // namespace

Checksum::Checksum(Algorithm algorithm) : algorithm_(algorithm) {
  switch (algorithm) {
    case Algorithm::sha1: SHA1_Init(new (state_.data()) SHA_CTX); break;
    case Algorithm::sha256: SHA256_Init(new (state_.data()) SHA256_CTX); break;
    case Algorithm::sha512: SHA512_Init(new (state_.data()) SHA512_CTX); break;
    case Algorithm::md5: MD5_Init(new (state_.data()) MD5_CTX); break;
    case Algorithm::xxhash64: XXH64_reset(new (state_.data()) XXH64_state_t, 0); break;
    case Algorithm::xxhash3: XXH3_64bits_reset(new (state_.data()) XXH3_state_t); break;
    case Algorithm::xxhash128: XXH3_128bits_reset(new (state_.data()) XXH3_state_t); break;
    default: break;
  }
}

void Checksum::update(std::string_view bytes) {
  const auto crc = static_cast<std::uint32_t>(crc_);
  switch (algorithm_) {
    case Algorithm::crc32: crc_ = crc32(bytes, crc); break;
    case Algorithm::crc32c: crc_ = crc32c(bytes, crc); break;
    case Algorithm::crc64nvme: crc_ = crc64nvme(bytes, crc_); break;
    case Algorithm::sha1: SHA1_Update(as<SHA_CTX>(state_), bytes.data(), bytes.size()); break;
    case Algorithm::sha256:
      SHA256_Update(as<SHA256_CTX>(state_), bytes.data(), bytes.size());
      break;
    case Algorithm::sha512:
      SHA512_Update(as<SHA512_CTX>(state_), bytes.data(), bytes.size());
      break;
    case Algorithm::md5: MD5_Update(as<MD5_CTX>(state_), bytes.data(), bytes.size()); break;
    case Algorithm::xxhash64:
      XXH64_update(as<XXH64_state_t>(state_), bytes.data(), bytes.size());
      break;
    case Algorithm::xxhash3:
      XXH3_64bits_update(as<XXH3_state_t>(state_), bytes.data(), bytes.size());
      break;
    case Algorithm::xxhash128:
      XXH3_128bits_update(as<XXH3_state_t>(state_), bytes.data(), bytes.size());
      break;
  }
}

std::string Checksum::digest() const {
  const std::size_t bytes = digest_bytes(algorithm_);
  switch (algorithm_) {
    case Algorithm::sha1: return ended<SHA_CTX>(state_, bytes, SHA1_Final);
    case Algorithm::sha256: return ended<SHA256_CTX>(state_, bytes, SHA256_Final);
    case Algorithm::sha512: return ended<SHA512_CTX>(state_, bytes, SHA512_Final);
    case Algorithm::md5: return ended<MD5_CTX>(state_, bytes, MD5_Final);
    case Algorithm::xxhash64:
      return big_endian(XXH64_digest(as<const XXH64_state_t>(state_)), bytes);
    case Algorithm::xxhash3:
      return big_endian(XXH3_64bits_digest(as<const XXH3_state_t>(state_)), bytes);
    case Algorithm::xxhash128:
      return big_endian(XXH3_128bits_digest(as<const XXH3_state_t>(state_)));
    default: return big_endian(crc_, bytes);
  }
}

std::string Checksum::base64() const { return to_base64(digest()); }

std::optional<Algorithm> checksum_algorithm(std::string_view name) {
  for (const Facts& one : all_facts)
    if (equal_ignoring_case(one.name, name)) return one.algorithm;
  return std::nullopt;
}

std::string_view name_of(Algorithm algorithm) { return facts(algorithm).name; }
std::string_view checksum_header(Algorithm algorithm) { return facts(algorithm).header; }
std::size_t digest_bytes(Algorithm algorithm) { return facts(algorithm).bytes; }
bool is_crc(Algorithm algorithm) { return facts(algorithm).kind == Facts::Kind::crc; }

std::optional<Algorithm> checksum_of_header(std::string_view header_name) {
  for (const Facts& one : all_facts)
    if (equal_ignoring_case(one.header, header_name)) return one.algorithm;
  return std::nullopt;
}

std::string checksum_base64(Algorithm algorithm, std::string_view bytes) {
  Checksum sum(algorithm);
  sum.update(bytes);
  return sum.base64();
}

Result<std::string> combine_full_object(Algorithm algorithm, std::span<const PartChecksum> parts) {
  if (!is_crc(algorithm))
    return fail(ErrorCode::invalid_argument,
                fmt::format("A full-object checksum cannot be put together from parts with {}; "
                            "use a CRC, or the composite type.",
                            name_of(algorithm)));
  std::uint64_t crc = 0;
  for (const PartChecksum& part : parts) {
    TRY(const std::string digest, digest_of_part(algorithm, part.base64));
    crc = combine_crc(algorithm, crc, {from_big_endian(digest), part.bytes});
  }
  return to_base64(big_endian(crc, digest_bytes(algorithm)));
}

Result<std::string> combine_composite(Algorithm algorithm, std::span<const PartChecksum> parts) {
  Checksum sum(algorithm);
  for (const PartChecksum& part : parts) {
    TRY(const std::string digest, digest_of_part(algorithm, part.base64));
    sum.update(digest);
  }
  return fmt::format("{}-{}", sum.base64(), parts.size());
}

}  // namespace slipway::wire

// The checksums that S3 objects carry, computed as bytes pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::wire {

// One running checksum. Copyable (a copy goes on independently); one thread at a time.
class Checksum {
 public:
  // The numbers are stored: a new one stands at the end.
  enum class Algorithm : std::uint8_t {
    crc32,
    crc32c,
    crc64nvme,
    sha1,
    sha256,
    sha512,
    md5,
    xxhash64,
    xxhash3,
    xxhash128
  };

  explicit Checksum(Algorithm algorithm);
  Algorithm algorithm() const { return algorithm_; }

  void update(std::string_view bytes);

  // Of all bytes so far; more may follow. Raw big-endian bytes, and as S3 writes them.
  std::string digest() const;
  std::string base64() const;

 private:
  Algorithm algorithm_;
  std::uint64_t crc_ = 0;
  alignas(64) std::array<std::byte, 576> state_{};  // of all but the CRCs
};

// "CRC32", "CRC64NVME", ... as x-amz-checksum-algorithm has them, any case; nullopt for others.
std::optional<Checksum::Algorithm> checksum_algorithm(std::string_view name);
std::string_view name_of(Checksum::Algorithm algorithm);  // "CRC64NVME"
// "x-amz-checksum-crc64nvme" and back.
std::string_view checksum_header(Checksum::Algorithm algorithm);
std::optional<Checksum::Algorithm> checksum_of_header(std::string_view header_name);
std::size_t digest_bytes(Checksum::Algorithm algorithm);
bool is_crc(Checksum::Algorithm algorithm);

std::string checksum_base64(Checksum::Algorithm algorithm, std::string_view bytes);

// One part of a multipart object: its checksum as base64, and its length.
struct PartChecksum {
  std::string_view base64;
  std::uint64_t bytes = 0;
};

// The checksum of the parts put together, as if computed over the whole (FULL_OBJECT). CRCs only;
// invalid_argument for others or for a part whose base64 is not a digest.
Result<std::string> combine_full_object(Checksum::Algorithm algorithm,
                                        std::span<const PartChecksum> parts);
// The checksum of the parts' checksums with "-N" appended (COMPOSITE).
Result<std::string> combine_composite(Checksum::Algorithm algorithm,
                                      std::span<const PartChecksum> parts);

}  // namespace slipway::wire

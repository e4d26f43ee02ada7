// CRC-32, CRC-32C and CRC-64/NVME, by the machine's own instructions where it has them.
//
// All take and return the finished value (of "" it is 0), so that crc(b, crc(a)) is crc(ab).
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::wire {

std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);
std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t before = 0);

// The CRC of `ab` from that of `a`, that of `b`, and the length of `b`: what a multipart upload's
// full-object checksum is made of.
struct CrcPiece {
  std::uint64_t crc = 0;
  std::uint64_t bytes = 0;
};
std::uint32_t crc32_combine(std::uint32_t a, CrcPiece b);
std::uint32_t crc32c_combine(std::uint32_t a, CrcPiece b);
std::uint64_t crc64nvme_combine(std::uint64_t a, CrcPiece b);

// The table-driven forms, which every machine has: what the fast ones are tested against.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);
std::uint64_t crc64nvme_portable(std::string_view bytes, std::uint64_t before = 0);

}  // namespace slipway::wire

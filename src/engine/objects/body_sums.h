// Checksums of a body's bytes, block by block: what tells a body that the disk damaged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::objects {

// The bytes under one sum: a reader of a few bytes checks no more than one or two of these.
inline constexpr std::size_t sum_block_bytes = 256 << 10;

// CRC-32C of each block in turn, four bytes each, little endian. One thread at a time.
class BodySums {
 public:
  void update(std::string_view bytes);
  // Of all bytes so far; of none it is empty.
  std::string finish() const;

 private:
  std::string whole_blocks_;
  std::uint32_t sum_ = 0;
  std::size_t in_block_ = 0;
};

std::string sums_of(std::string_view bytes);

// Whether `block` is the one of that number. True where `sums` is empty: a body from before there
// were sums.
bool matches(std::string_view sums, std::uint64_t number, std::string_view block);

}  // namespace slipway::objects

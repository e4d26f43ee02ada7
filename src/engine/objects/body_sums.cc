#include "engine/objects/body_sums.h"

#include "wire/auth/crc.h"

namespace slipway::objects {
namespace {

constexpr std::size_t sum_bytes = 4;

void append_sum(std::string& sums, std::uint32_t sum) {
  for (std::size_t i = 0; i < sum_bytes; ++i, sum >>= 8) sums += static_cast<char>(sum & 0xff);
}

}  // namespace

void BodySums::update(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, sum_block_bytes - in_block_);
    sum_ = wire::crc32c(piece, sum_);
    in_block_ += piece.size();
    bytes.remove_prefix(piece.size());
    if (in_block_ < sum_block_bytes) return;
    append_sum(whole_blocks_, sum_);
    sum_ = 0;
    in_block_ = 0;
  }
}

std::string BodySums::finish() const {
  std::string sums = whole_blocks_;
  if (in_block_ > 0) append_sum(sums, sum_);
  return sums;
}

std::string sums_of(std::string_view bytes) {
  BodySums sums;
  sums.update(bytes);
  return sums.finish();
}

bool matches(std::string_view sums, std::uint64_t number, std::string_view block) {
  if (sums.empty() || block.empty()) return true;
  std::string sum;
  append_sum(sum, wire::crc32c(block));
  const std::uint64_t at = number * sum_bytes;
  return at + sum_bytes <= sums.size() && sums.substr(at, sum_bytes) == sum;
}

}  // namespace slipway::objects

#include "wire/gzip.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include <libdeflate.h>

#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr std::size_t inflated_bytes_max = 32 * 1024 * 1024;
constexpr std::size_t gzip_bytes_min = 18;

// Returns what the trailer says of the size; a hint from a stranger.
std::size_t claimed_size(std::string_view bytes) {
  std::uint32_t size = 0;
  for (int i = 3; i >= 0; --i) {
    size = size << 8 |
           static_cast<std::uint8_t>(bytes[bytes.size() - 4 + static_cast<std::size_t>(i)]);
  }
  return size;
}

}  // namespace

Result<std::string_view> inflate_gzip(std::string_view bytes, Arena& arena) {
  if (bytes.size() < gzip_bytes_min) return unreadable("The gzip body is truncated");
  const std::size_t size = claimed_size(bytes);
  if (size > inflated_bytes_max) return unreadable("The inflated body is too large");
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  char* out = static_cast<char*>(arena.allocate(size + 1));
  std::size_t written = 0;
  const auto result = libdeflate_gzip_decompress(inflater.get(), bytes.data(), bytes.size(), out,
                                                 size + 1, &written);
  if (result != LIBDEFLATE_SUCCESS) return unreadable("The gzip body is damaged");
  return std::string_view(out, written);
}

}  // namespace slipway::wire

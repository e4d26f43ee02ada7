#include "wire/arena.h"

#include <algorithm>
#include <utility>

namespace slipway::wire {
namespace {

constexpr std::size_t first_chunk_bytes = 4 * 1024;
constexpr std::size_t chunk_bytes_max = 256 * 1024;

}  // namespace

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  chunks_ = std::exchange(other.chunks_, {});
  next_ = std::exchange(other.next_, nullptr);
  end_ = std::exchange(other.end_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = static_cast<char*>(allocate(text.size()));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

void Arena::grow(std::size_t bytes) {
  const std::size_t wanted = std::clamp(bytes_, first_chunk_bytes, chunk_bytes_max);
  const std::size_t size = std::max(bytes, wanted);
  chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
  next_ = chunks_.back().get();
  end_ = next_ + size;
  bytes_ += size;
}

}  // namespace slipway::wire

// Memory for one request: grows, never frees a part, gives everything back at once.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace slipway::wire {

// Owns what the nodes of one request point to. Moving keeps every address. One thread at a time.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  // Uninitialised memory, aligned to 8 bytes. Never null.
  void* allocate(std::size_t bytes) {
    const std::size_t rounded = (bytes + 7) & ~std::size_t{7};
    if (next_ == nullptr || rounded > static_cast<std::size_t>(end_ - next_)) grow(rounded);
    void* result = next_;
    next_ += rounded;
    return result;
  }

  // `count` objects, all bytes zero.
  template <typename T>
  T* make_array(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
    void* memory = allocate(count * sizeof(T));
    std::memset(memory, 0, count * sizeof(T));
    return static_cast<T*>(memory);
  }

  // A copy of `text` that lives as long as the arena.
  std::string_view copy(std::string_view text);

  // Bytes taken from the system so far: what decoders hold against their limit.
  std::size_t bytes() const { return bytes_; }

 private:
  void grow(std::size_t bytes);

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace slipway::wire

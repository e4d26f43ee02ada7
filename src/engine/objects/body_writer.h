// Writes one body file, from its beginning to its end.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/disk.h"
#include "base/result.h"
#include "engine/objects/file.h"

namespace slipway::objects {

// Whether what is written stays in the kernel's cache, for readers who follow soon, or goes past it
// to the disk: bulk that nobody is about to read costs no copy then, and pushes nothing else out.
enum class Caching : std::uint8_t { keep, bypass };

// Addresses and lengths that a disk can take without the cache are multiples of this.
inline constexpr std::size_t direct_alignment = 4096;

// Gathers bytes before they are written, where the disk can fetch them itself. Movable.
class WriteBuffer {
 public:
  static constexpr std::size_t bytes_max = 1 << 20;
  // As long as there are no more, memory is no more either: most bodies are small.
  static constexpr std::size_t small_bytes_max = 16 * 1024;

  std::size_t size() const { return size_; }
  bool full() const { return size_ == bytes_max; }
  std::string_view text() const { return {bytes_.get(), size_}; }
  // Takes what there is room for; returns how much that was.
  std::size_t append(std::string_view bytes);
  void clear() { size_ = 0; }

 private:
  struct Free {
    void operator()(char* bytes) const;
  };
  void make_room(std::size_t bytes);

  std::unique_ptr<char[], Free> bytes_;
  std::size_t room_ = 0;
  std::size_t size_ = 0;
};

// Writes one file. One thread at a time.
class BodyFileWriter {
 public:
  BodyFileWriter() = default;
  // `disk` outlives it.
  BodyFileWriter(Disk& disk, File file, Caching caching);

  // All but the last are full WriteBuffers. unavailable: the disk, and what is wrong with it.
  Result<> write(std::string_view bytes);
  // Waits until the bytes are on the disk.
  Result<> make_durable();

 private:
  void begin_writeback();
  bool set_direct(bool direct);

  Disk* disk_ = nullptr;
  File file_;
  bool direct_ = false;
  off_t offset_ = 0;
  off_t synced_ = 0;
};

}  // namespace slipway::objects

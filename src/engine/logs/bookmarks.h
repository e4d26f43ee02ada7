// How far the sources of streams were read that are in the book no more, and where these ended: a
// group was deleted while its instances go on printing, and what they printed before must not be
// read once more after a restart, nor be missed by who reads on by position.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>

#include "base/disk.h"
#include "engine/logs/names.h"

namespace slipway::logs {

// Limits.
inline constexpr std::size_t bookmarks_max = 2'000;  // then that of the oldest stream goes

// One file for each. Not thread-safe: the book's lock guards it.
class Bookmarks {
 public:
  struct Bookmark {
    std::uint64_t cursor = 0;
    std::uint32_t segment = 0;        // the last one: a stream of the name goes on behind it
    std::uint64_t stream_number = 0;  // of the stream that this is of
  };

  // Reads those that lie in `folder`, which is made where it is missing. `disk` outlives them.
  Bookmarks(std::filesystem::path folder, Disk& disk);

  Bookmark find(const StreamName& name) const;  // zeros where there is none
  std::uint64_t stream_number_max() const;      // 0 where there are none
  // One that cannot be written is known until the end of the process.
  void put(const StreamName& name, const Bookmark& bookmark);
  void erase(const StreamName& name);

 private:
  void load();
  void write(const StreamName& name, const Bookmark& bookmark);
  std::filesystem::path file_of(const StreamName& name) const;

  const std::filesystem::path folder_;
  Disk& disk_;
  std::map<StreamName, Bookmark> bookmarks_;
};

}  // namespace slipway::logs

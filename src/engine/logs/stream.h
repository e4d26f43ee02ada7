// The directory of one stream: a file with its name, and segments, text files of one event a line,
// appended and never changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/result.h"
#include "engine/logs/bookmarks.h"
#include "engine/logs/names.h"

namespace slipway::logs {

// Limits.
inline constexpr std::uint64_t segment_bytes_max = 4ULL << 20;
inline constexpr std::size_t segments_per_stream_max = 4;  // 16 MiB for each stream

// One stream as the book keeps it, under the book's lock.
struct LogStream {
  std::filesystem::path directory;
  StreamName name;
  // Grows from one stream that is made to the next; 0: made by a version that did not count.
  std::uint64_t number = 0;
  Timestamp created{};
  // How far its source was read before its first event that is kept: what stood in front of it
  // went with an older stream of the name, or by its age.
  std::uint64_t cursor_before = 0;
  std::vector<std::uint32_t> segments = {};  // those that are kept, ascending

  // What the files say, read when first asked for.
  bool loaded = false;
  std::uint64_t tail_bytes = 0;    // of the last segment
  std::uint64_t stored_bytes = 0;  // of all
  std::uint64_t cursor = 0;
  std::optional<Timestamp> first = {};
  std::optional<Timestamp> last = {};

  // Of a directory that lies there. Null where the server was killed while it was made, or removed.
  static std::unique_ptr<LogStream> read(const std::filesystem::path& directory);
  // Writes the directory of a stream that has no events yet. Its positions begin behind those of
  // the segment `behind`; 0: there was none.
  Result<> make(Disk& disk, std::uint32_t behind);

  // Cuts a record that was being written when the server was killed.
  void load();
  // What the segment that is written to next can still take, but for its last record.
  std::uint64_t room() const {
    return segment_bytes_max - (tail_bytes < segment_bytes_max ? tail_bytes : 0);
  }
  Result<> append(std::string_view records, Disk& disk);
  // Deletes the segments whose every event is older than `time`. What follows in the stream is
  // found from where it was read on, and stands behind what went.
  Result<> expire(Timestamp time, Disk& disk);

  // What stays known of it when it goes.
  Bookmarks::Bookmark bookmark();
  // Of a directory without a name nothing is read any more.
  void remove_name(Disk& disk) const;

  std::filesystem::path path(std::uint32_t segment) const { return file_in(directory, segment); }
  static std::filesystem::path file_in(const std::filesystem::path& directory,
                                       std::uint32_t segment);

 private:
  Result<> write_name(Disk& disk) const;
  Result<> add_empty(Disk& disk, std::uint32_t segment);
  void load_first();
  void drop_oldest();
};

// At most segment_bytes_max and one record of a segment; empty where it is gone.
std::string read_segment(const std::filesystem::path& file);

}  // namespace slipway::logs

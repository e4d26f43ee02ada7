// The directory of one stream: a file with its name, and segments, one after the other. The last is
// a text file of one event a line, appended and never changed; those before it are packed
// (packed_segment.h).
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
#include "engine/logs/block.h"
#include "engine/logs/bookmarks.h"
#include "engine/logs/names.h"

namespace slipway::logs {

// Limits.
inline constexpr std::uint64_t segment_bytes_max = 4ULL << 20;  // of text, but for its last record

// One segment as a stream knows it.
struct Segment {
  enum class Form : std::uint8_t { text, packed };

  std::uint32_t number = 0;
  Form form = Form::text;
  std::uint64_t file_bytes = 0;
  // What the file says, once its stream is loaded.
  std::uint64_t text_bytes = 0;
  std::optional<Timestamp> first = {};  // of its events, the earliest
  std::optional<Timestamp> last = {};   // and the latest
  BlockList text_blocks = {};           // Form::text

  std::filesystem::path file_in(const std::filesystem::path& directory) const;
};

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
  std::vector<Segment> segments = {};  // those that are kept, ascending

  // What the files say, read when first asked for.
  bool loaded = false;
  std::uint64_t cursor = 0;
  std::optional<Timestamp> first = {};
  std::optional<Timestamp> last = {};
  Timestamp ingested{};  // the last event was

  // Whether a power cut may take nothing of it: what packs or replaces its files then waits for the
  // disk. Set by who promised it; a directory that lies there counts as promised.
  bool is_durable = false;
  // The segment up to which all names of its files are known to survive a power cut.
  std::optional<std::uint32_t> names_synced_to = {};
  // The disk refused to sync it: nothing is promised of what follows in its last segment.
  bool sync_failed = false;

  // Of a directory that lies there. Null where the server was killed while it was made, or removed.
  static std::unique_ptr<LogStream> read(const std::filesystem::path& directory);
  // Writes the directory of a stream that has no events yet. Its positions begin behind those of
  // the segment `behind`; 0: there was none.
  Result<> make(Disk& disk, std::uint32_t behind);

  // Cuts what was being written when the server was killed.
  void load();
  // What the segment that is written to next can still take, but for its last record.
  std::uint64_t room() const;
  std::uint64_t stored_bytes() const;  // of text
  std::uint64_t file_bytes() const;    // on the disk
  // Where an event that is appended next will stand at least.
  std::uint32_t last_segment() const { return segments.empty() ? 0 : segments.back().number; }

  // Packs the last segment where it is full, and goes on in a new one.
  Result<> append(std::string_view records, Disk& disk);
  // Deletes the segments whose every event is older than `time`. What follows in the stream is
  // found from where it was read on, and stands behind what went.
  Result<> expire(Timestamp time, Disk& disk);
  // Deletes the segment with the oldest events.
  Result<> drop_oldest(Disk& disk);

  // What stays known of it when it goes.
  Bookmarks::Bookmark bookmark();
  // Of a directory without a name nothing is read any more.
  void remove_name(Disk& disk) const;

 private:
  Result<> write_name(Disk& disk) const;
  Result<> add_empty(Disk& disk, std::uint32_t segment);
  void load_packed(Segment& segment);
  void load_text(Segment& segment);
  void note_times();
  Result<> begin_segment(Disk& disk);
  Result<> pack_last(Disk& disk);
  void forget_segment(std::size_t index);
  Result<> clear(Disk& disk);
};

// A segment's text: at most segment_bytes_max and one append of it; empty where it is gone.
std::string read_text(const std::filesystem::path& file);

}  // namespace slipway::logs

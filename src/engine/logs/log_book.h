// Groups, streams and events, kept on disk: what was printed outlives the instance that printed it.
//
// A stream is a directory of segments, text files of one event a line, appended and never changed;
// the oldest go when the stream grows past its limit. Nothing is synced: a server killed with
// SIGKILL loses nothing, a machine that loses power its last seconds of log lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/disk_room.h"
#include "base/result.h"

namespace slipway::logs {

// Limits.
inline constexpr std::size_t name_bytes_max = 512;           // of a group or a stream
inline constexpr std::size_t message_bytes_max = 64 * 1024;  // longer lines become several events
inline constexpr std::uint64_t segment_bytes_max = 4ULL << 20;
inline constexpr std::size_t segments_per_stream_max = 4;  // 16 MiB for each stream
inline constexpr std::size_t streams_max = 2'000;          // then the longest silent one goes
inline constexpr std::size_t page_events_max = 10'000;
inline constexpr std::size_t page_bytes_max = 1 << 20;

// A stream within a group within a space: one account in one region, opaque here.
struct StreamName {
  std::string space;
  std::string group;
  std::string stream;

  auto operator<=>(const StreamName&) const = default;
};

// Where an event stands in its stream: grows with every event, survives restarts, never reused.
using Position = std::uint64_t;

// One line of a log, and where it stands in its stream.
struct Event {
  Timestamp time{};
  Position position = 0;
  std::string message;
};

// What is appended: a line without its end, and how far its source was read with it.
struct Line {
  std::string_view message;
  std::uint64_t cursor = 0;
};

// Says what is known of a stream without reading it.
struct StreamInfo {
  std::string name;
  Timestamp created{};
  std::optional<Timestamp> first_event;  // of those that are kept
  std::optional<Timestamp> last_event;
  std::uint64_t stored_bytes = 0;
};

// Says what is known of a group without reading its streams.
struct GroupInfo {
  std::string name;
  Timestamp created{};
  std::uint64_t stored_bytes = 0;
};

// Which events: those with from <= time < until.
struct TimeRange {
  std::optional<Timestamp> from;
  std::optional<Timestamp> until;

  bool contains(Timestamp time) const {
    return (!from || time >= *from) && (!until || time < *until);
  }
};

// A part of a stream's events, and where to go on in either direction.
struct EventPage {
  std::vector<Event> events;  // oldest first
  Position begin = 0;         // read_before(begin) gives what is older
  Position end = 0;           // read_after(end) gives what is newer
  bool complete = true;       // nothing more of the range lies in the direction of the reading
};

// Thread-safe.
class LogBook {
 public:
  // Reads what streams there are under `root`, which is made where it is missing.
  // `disk` outlives the book.
  static Result<std::unique_ptr<LogBook>> open(std::filesystem::path root,
                                               Disk& disk = kernel_disk());
  ~LogBook();

  // Nothing is appended from the reserve of `room` on, which outlives this object. Before the first
  // append().
  void use(const DiskRoom& room) { room_ = &room; }

  // Appends lines to a stream, made where it is new. Each carries how far its source was read with
  // it, so that a reader that was killed goes on after the last line that is kept; a line whose
  // cursor is not past cursor() is there already and dropped.
  // invalid_argument: a name that is empty, too long or of more than one line. unavailable: the
  // disk is full or fails; what of the lines is kept nevertheless, cursor() tells.
  Result<> append(const StreamName& name, Timestamp time, std::span<const Line> lines);

  // The cursor of the last line; 0 for a stream that is not there.
  std::uint64_t cursor(const StreamName& name) const;

  // By name, those that begin with `prefix`.
  std::vector<GroupInfo> groups(std::string_view space, std::string_view prefix) const;
  // not_found: no such group.
  Result<std::vector<StreamInfo>> streams(std::string_view space, std::string_view group,
                                          std::string_view prefix) const;

  // The first events at or after `position` (0: the oldest kept). not_found, kind "no_such_group"
  // or "no_such_stream".
  Result<EventPage> read_after(const StreamName& name, Position position, const TimeRange& range,
                               std::size_t events_max) const;
  // The last events before `position` (nothing: the newest).
  Result<EventPage> read_before(const StreamName& name, std::optional<Position> position,
                                const TimeRange& range, std::size_t events_max) const;

 private:
  struct Stream;
  LogBook(std::filesystem::path root, Disk& disk);
  void load_streams();
  Stream* find(const StreamName& name) const;
  Result<Stream*> find_or_make(const StreamName& name, Timestamp now);
  void make_room();
  bool has_group(std::string_view space, std::string_view group) const;
  // What read_* work on, taken under the lock; the files are read without it.
  struct Snapshot;
  Result<Snapshot> snapshot(const StreamName& name) const;

  std::filesystem::path root_;
  Disk& disk_;
  const DiskRoom* room_ = nullptr;
  mutable std::mutex mutex_;
  std::map<StreamName, std::unique_ptr<Stream>> streams_;  // guarded by mutex_
};

}  // namespace slipway::logs

// Groups, streams and events, kept on disk: what was printed outlives the instance that printed it.
//
// A stream is a directory of segments (stream.h), appended and never changed; the oldest go when
// the stream or the book grows past its limit. What instances print is not synced: a server killed
// with SIGKILL loses nothing, a machine that loses power its last seconds of their lines. What a
// client puts is on the disk when he is told so.
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
#include "engine/logs/bookmarks.h"
#include "engine/logs/names.h"
#include "engine/logs/stream.h"

namespace slipway::logs {

// Limits.
inline constexpr std::size_t name_bytes_max = 512;           // of a group or a stream
inline constexpr std::size_t message_bytes_max = 64 * 1024;  // longer lines become several events
inline constexpr std::size_t streams_max = 2'000;            // then the longest silent one goes
inline constexpr std::size_t page_events_max = 10'000;
inline constexpr std::size_t page_bytes_max = 1 << 20;

// How much a book keeps; beyond it the oldest segments go.
struct BookLimits {
  std::size_t segments_per_stream = 256;  // some 1 GiB of text
  std::uint64_t file_bytes = 4ULL << 30;  // of all streams, as they lie on the disk
};

// Where an event stands in its stream: grows with every event that arrives, survives restarts,
// never reused.
using Position = std::uint64_t;

// A position is the segment's number and the byte within its text.
Position position_of(std::uint32_t segment, std::uint64_t offset);

// One line of a log, and where it stands in its stream.
struct Event {
  Timestamp time{};
  Timestamp ingested{};
  Position position = 0;
  std::string message;
};

// What is appended: a line without its end, and how far its source was read with it.
struct Line {
  std::string_view message;
  std::uint64_t cursor = 0;
};

// What a client puts: a message, at most 1 MiB, and when it was.
struct TimedMessage {
  Timestamp time{};
  std::string_view message;
};

// Says what is known of a stream without reading it.
struct StreamInfo {
  std::string name;
  Timestamp created{};
  std::optional<Timestamp> first_event;  // of those that are kept
  std::optional<Timestamp> last_event;
  std::optional<Timestamp> last_ingested;
  std::uint64_t stored_bytes = 0;  // of text
};

// Says what is known of a group by the streams that it has, without reading these.
struct GroupInfo {
  std::string name;
  Timestamp created{};  // its oldest stream was
  std::uint64_t stored_bytes = 0;
  std::uint64_t newest_stream = 0;  // the highest number of its streams

  void take(LogStream& stream);
};

// Which events: those with from <= time < until.
struct TimeRange {
  std::optional<Timestamp> from;
  std::optional<Timestamp> until;

  bool contains(Timestamp time) const {
    return (!from || time >= *from) && (!until || time < *until);
  }
};

// A part of a stream's events in the order of their arrival, and where to go on.
struct EventPage {
  std::vector<Event> events;
  Position end = 0;      // read_after(end) gives what came later
  bool complete = true;  // nothing more of the range came later
};

// What a stream has at one moment, to be read without the book's lock (search.h).
struct StreamView {
  std::string name;
  std::filesystem::path directory;
  std::vector<Segment> segments;
};

// Thread-safe.
class LogBook {
 public:
  // Reads what streams there are under `root`, which is made where it is missing.
  // `disk` outlives the book.
  static Result<std::unique_ptr<LogBook>> open(std::filesystem::path root,
                                               Disk& disk = kernel_disk(),
                                               const BookLimits& limits = {});
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

  // Makes a stream without events, which survives a power cut. already_exists, kind
  // "stream_exists"; else as append().
  Result<> create(const StreamName& name, Timestamp now);
  // Adds what a client puts, by the time `now`; on the disk when this returns. not_found, kind
  // "no_such_stream"; unavailable: some of it may be there nevertheless.
  Result<> put(const StreamName& name, Timestamp now, std::span<const TimedMessage> messages);
  // Deletes a stream; who goes on printing makes it anew. not_found, kind "no_such_stream".
  Result<> remove(const StreamName& name);

  // The cursor of the last line, also of a stream that was removed; 0 for one that never was there.
  std::uint64_t cursor(const StreamName& name) const;

  // Those that have streams, by name, of those that begin with `prefix`.
  std::vector<GroupInfo> groups(std::string_view space, std::string_view prefix) const;
  // Returns nullopt where the group has no stream.
  std::optional<GroupInfo> group(const GroupName& name) const;
  std::vector<StreamInfo> streams(const GroupName& group, std::string_view prefix) const;

  // Streams are numbered as they are made: all that are there have lower numbers than this.
  std::uint64_t next_stream() const;
  // Takes the streams below the number `before` out of the group, in memory: nobody reads them any
  // more, and who goes on writing makes new ones, behind what the old ones had of their source.
  // delete_removed() deletes the files. A book that is opened anew has them again until then.
  void remove(const GroupName& group, std::uint64_t before);
  // Whether files are left of streams below the number `before`.
  bool has_streams_before(const GroupName& group, std::uint64_t before) const;
  void delete_removed(const GroupName& group);
  // Deletes what is older than `time`, in segments: those that hold a younger event too stay.
  void expire(const GroupName& group, Timestamp time);

  // The first events at or after `position` in the order of arrival (0: the oldest kept).
  // not_found, kind "no_such_stream".
  Result<EventPage> read_after(const StreamName& name, Position position, const TimeRange& range,
                               std::size_t events_max) const;
  // Where the event that arrives next will stand at least; 0 for a stream that is not there.
  Position end_of(const StreamName& name) const;
  // not_found, kind "no_such_stream".
  Result<StreamView> view(const StreamName& name) const;
  std::vector<StreamView> views(const GroupName& group, std::string_view prefix) const;

 private:
  LogBook(std::filesystem::path root, Disk& disk, const BookLimits& limits);
  void load_streams();
  LogStream* find(const StreamName& name) const;
  Result<LogStream*> find_or_make(const StreamName& name, Timestamp now);
  Result<LogStream*> make(const StreamName& name, Timestamp now);
  std::vector<LogStream*> streams_of(const GroupName& group, std::string_view prefix) const;
  std::uint64_t known_cursor(const StreamName& name) const;
  Bookmarks::Bookmark bookmark_of(const StreamName& name) const;
  void delete_files(LogStream& stream);
  void make_room();
  Result<> append_records(LogStream& stream, std::string_view records);
  void keep_limits(LogStream& stream);
  struct Unsynced;
  Result<Unsynced> unsynced(const LogStream& stream) const;
  Result<> sync(const Unsynced& written);

  std::filesystem::path root_;
  Disk& disk_;
  const BookLimits limits_;
  const DiskRoom* room_ = nullptr;
  mutable std::mutex mutex_;
  // Guarded by mutex_, as what they hold:
  std::map<StreamName, std::unique_ptr<LogStream>> streams_;
  std::vector<std::unique_ptr<LogStream>> removed_;  // their files are to be deleted
  std::uint64_t next_stream_ = 1;
  std::uint64_t bytes_since_look_ = 0;  // appended since the bytes of all were last counted
  Bookmarks bookmarks_;
};

}  // namespace slipway::logs

#include "engine/logs/log_book.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/fd.h"
#include "base/log.h"
#include "engine/logs/record.h"
#include "engine/logs/stream_reader.h"

namespace slipway::logs {

namespace fs = std::filesystem;

namespace {

constexpr unsigned offset_bits = 32;

fs::path bookmarks_folder(const fs::path& root) { return root / "bookmarks"; }

bool is_good_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max &&
         name.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos;
}

}  // namespace

Position position_of(std::uint32_t segment, std::uint64_t offset) {
  return (static_cast<Position>(segment) << offset_bits) | offset;
}

// What was written under the lock and is not known to be on the disk.
struct LogBook::Unsynced {
  StreamName name;
  std::uint64_t stream = 0;
  std::uint32_t segment = 0;
  bool has_new_names = false;
  Fd file;
};

LogBook::LogBook(fs::path root, Disk& disk, const BookLimits& limits)
    : root_(std::move(root)),
      disk_(disk),
      limits_(limits),
      bookmarks_(bookmarks_folder(root_), disk) {}
LogBook::~LogBook() = default;

Result<std::unique_ptr<LogBook>> LogBook::open(fs::path root, Disk& disk,
                                               const BookLimits& limits) {
  std::error_code error;
  fs::create_directories(root, error);
  if (error) {
    return fail(
        ErrorCode::permission_denied,
        fmt::format("cannot make the directory {} for logs: {}", root.string(), error.message()));
  }
  fs::permissions(root, fs::perms::owner_all, error);
  std::unique_ptr<LogBook> book(new LogBook(std::move(root), disk, limits));
  book->load_streams();
  return book;
}

void LogBook::load_streams() {
  std::error_code error;
  next_stream_ = bookmarks_.stream_number_max() + 1;
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    if (entry.path() == bookmarks_folder(root_)) continue;
    auto stream = LogStream::read(entry.path());
    if (!stream) {  // killed while it was made or removed
      fs::remove_all(entry.path(), error);
      continue;
    }
    next_stream_ = std::max(next_stream_, stream->number + 1);
    auto& there = streams_[stream->name];
    // Of two of one name the older one was removed with its group, and the server killed before its
    // files had gone.
    if (there && there->number > stream->number) std::swap(there, stream);
    std::swap(there, stream);
    if (stream) removed_.push_back(std::move(stream));
  }
}

LogStream* LogBook::find(const StreamName& name) const {
  const auto found = streams_.find(name);
  if (found == streams_.end()) return nullptr;
  found->second->load();
  return found->second.get();
}

Result<LogStream*> LogBook::find_or_make(const StreamName& name, Timestamp now) {
  if (LogStream* stream = find(name)) return stream;
  return make(name, now);
}

Result<LogStream*> LogBook::make(const StreamName& name, Timestamp now) {
  if (!is_good_name(name.space) || !is_good_name(name.group) || !is_good_name(name.stream)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the names of a log's group and stream are one line of 1 to {} bytes each",
                    name_bytes_max));
  }
  make_room();
  auto stream = std::make_unique<LogStream>();
  stream->name = name;
  stream->number = next_stream_;
  stream->created = now;
  const Bookmarks::Bookmark bookmark = bookmark_of(name);
  stream->cursor_before = bookmark.cursor;
  stream->directory = root_ / fmt::format("{}-{}", digest_of(name), stream->number);
  TRY_DO(stream->make(disk_, bookmark.segment));
  ++next_stream_;
  bookmarks_.erase(name);
  return streams_.emplace(name, std::move(stream)).first->second.get();
}

// What is known of a stream that is there no more: of the newest one of the name.
Bookmarks::Bookmark LogBook::bookmark_of(const StreamName& name) const {
  Bookmarks::Bookmark newest = bookmarks_.find(name);
  for (const auto& stream : removed_)
    if (stream->name == name && stream->number >= newest.stream_number) newest = stream->bookmark();
  return newest;
}

// The bookmark is there before anything goes, and the name goes first: a directory that has one has
// all its segments, and so the cursor.
void LogBook::delete_files(LogStream& stream) {
  bookmarks_.put(stream.name, stream.bookmark());
  stream.remove_name(disk_);
  std::error_code error;
  fs::remove_all(stream.directory, error);
}

// Gives up the stream that has been silent the longest, once there are streams_max.
void LogBook::make_room() {
  if (streams_.size() < streams_max) return;
  auto oldest = streams_.end();
  for (auto at = streams_.begin(); at != streams_.end(); ++at) {
    at->second->load();
    const auto time = [](const auto& it) { return it->second->last.value_or(it->second->created); };
    if (oldest == streams_.end() || time(at) < time(oldest)) oldest = at;
  }
  delete_files(*oldest->second);
  streams_.erase(oldest);
}

Result<> LogBook::append(const StreamName& name, Timestamp time, std::span<const Line> lines) {
  if (lines.empty()) return {};
  if (room_) TRY_DO(room_->admit_bytes(segment_bytes_max));
  const std::scoped_lock lock(mutex_);
  if (lines.back().cursor <= known_cursor(name)) return {};  // makes no stream of lines it had
  TRY(LogStream* const stream, find_or_make(name, time));
  // A clock that was set back must not put a line before the one above it.
  RecordHead head{.time = std::max(time, stream->ingested), .cursor = stream->cursor};
  head.ingested = head.time;
  std::string records;
  for (const Line& line : lines) {
    if (line.cursor > head.cursor) {
      head.cursor = line.cursor;
      append_record(records, head, line.message.substr(0, message_bytes_max));
    }
    const bool fits = records.size() < stream->room() && &line != &lines.back();
    if (records.empty() || fits) continue;
    TRY_DO(append_records(*stream, records));
    records.clear();
    stream->cursor = head.cursor;
    stream->ingested = head.ingested;
  }
  return {};
}

Result<> LogBook::create(const StreamName& name, Timestamp now) {
  std::unique_lock lock(mutex_);
  if (find(name) != nullptr)
    return fail(ErrorCode::already_exists, "The specified log stream already exists",
                "stream_exists");
  TRY(const LogStream* const stream, make(name, now));
  TRY(const Unsynced written, unsynced(*stream));
  lock.unlock();
  const Result<> synced = sync(written);
  if (!synced) static_cast<void>(remove(name));
  return synced;
}

Result<> LogBook::put(const StreamName& name, Timestamp now,
                      std::span<const TimedMessage> messages) {
  if (room_) TRY_DO(room_->admit_bytes(segment_bytes_max));
  std::unique_lock lock(mutex_);
  LogStream* const stream = find(name);
  if (stream == nullptr)
    return fail(ErrorCode::not_found, "The specified log stream does not exist.", "no_such_stream");
  stream->is_durable = true;
  RecordHead head{.ingested = std::max(now, stream->ingested), .cursor = stream->cursor};
  std::string records;
  for (const TimedMessage& each : messages) {
    head.time = each.time;
    append_record(records, head, each.message);
    const bool fits = records.size() < stream->room() && &each != &messages.back();
    if (fits) continue;
    TRY_DO(append_records(*stream, records));
    records.clear();
    stream->ingested = head.ingested;
  }
  TRY(const Unsynced written, unsynced(*stream));
  lock.unlock();
  return sync(written);
}

Result<> LogBook::append_records(LogStream& stream, std::string_view records) {
  TRY_DO(stream.append(records, disk_));
  bytes_since_look_ += records.size();
  keep_limits(stream);
  return {};
}

// The bytes of all are counted once a segment: between, the book is past its limit by no more.
void LogBook::keep_limits(LogStream& stream) {
  while (stream.segments.size() > limits_.segments_per_stream)
    if (!stream.drop_oldest(disk_)) return;
  if (bytes_since_look_ < std::min(segment_bytes_max, limits_.file_bytes)) return;
  bytes_since_look_ = 0;
  std::uint64_t bytes = 0;
  for (const auto& [name, each] : streams_) bytes += each->file_bytes();
  while (bytes > limits_.file_bytes) {
    LogStream* oldest = nullptr;
    for (const auto& [name, each] : streams_) {
      each->load();
      if (each->first && (!oldest || *each->first < *oldest->first)) oldest = each.get();
    }
    if (oldest == nullptr) return;
    bytes -= oldest->file_bytes();
    if (!oldest->drop_oldest(disk_)) return;
    bytes += oldest->file_bytes();
  }
}

Result<LogBook::Unsynced> LogBook::unsynced(const LogStream& stream) const {
  const fs::path path =
      stream.segments.empty() ? stream.directory : stream.segments.back().file_in(stream.directory);
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(ErrorCode::unavailable, "a log's file cannot be opened");
  return Unsynced{.name = stream.name,
                  .stream = stream.number,
                  .segment = stream.last_segment(),
                  .has_new_names = stream.names_synced_to != stream.last_segment(),
                  .file = std::move(file)};
}

// Without the lock: who prints does not wait for the disk. New names lie in several folders, and
// all of these are synced at once.
Result<> LogBook::sync(const Unsynced& written) {
  const int file = written.file.get();
  const bool done = (written.has_new_names ? disk_.sync_all(file) : disk_.sync_bytes(file)) == 0;
  if (done && !written.has_new_names) return {};
  const std::scoped_lock lock(mutex_);
  LogStream* const stream = find(written.name);
  if (stream && stream->number == written.stream) {
    if (done)
      stream->names_synced_to = std::max(stream->names_synced_to.value_or(0), written.segment);
    else
      stream->sync_failed = true;
  }
  if (done) return {};
  return fail(ErrorCode::unavailable, "the disk cannot keep what was logged");
}

Result<> LogBook::remove(const StreamName& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = streams_.find(name);
  if (found == streams_.end())
    return fail(ErrorCode::not_found, "The specified log stream does not exist.", "no_such_stream");
  delete_files(*found->second);
  streams_.erase(found);
  return {};
}

std::uint64_t LogBook::cursor(const StreamName& name) const {
  const std::scoped_lock lock(mutex_);
  return known_cursor(name);
}

std::uint64_t LogBook::known_cursor(const StreamName& name) const {
  const LogStream* stream = find(name);
  return stream ? stream->cursor : bookmark_of(name).cursor;
}

std::vector<GroupInfo> LogBook::groups(std::string_view space, std::string_view prefix) const {
  const std::scoped_lock lock(mutex_);
  std::vector<GroupInfo> groups;
  for (auto at = streams_.lower_bound({std::string(space), std::string(prefix), ""});
       at != streams_.end(); ++at) {
    const auto& [name, stream] = *at;
    if (name.space != space || !name.group.starts_with(prefix)) break;
    if (groups.empty() || groups.back().name != name.group)
      groups.push_back({.name = name.group, .created = stream->created});
    groups.back().take(*stream);
  }
  return groups;
}

void GroupInfo::take(LogStream& stream) {
  stream.load();
  created = std::min(created, stream.created);
  stored_bytes += stream.stored_bytes();
  newest_stream = std::max(newest_stream, stream.number);
}

std::vector<LogStream*> LogBook::streams_of(const GroupName& group, std::string_view prefix) const {
  std::vector<LogStream*> out;
  for (auto at = streams_.lower_bound({group.space, group.group, std::string(prefix)});
       at != streams_.end() && at->first.is_in(group) && at->first.stream.starts_with(prefix); ++at)
    out.push_back(at->second.get());
  return out;
}

std::optional<GroupInfo> LogBook::group(const GroupName& name) const {
  const std::scoped_lock lock(mutex_);
  const auto streams = streams_of(name, "");
  if (streams.empty()) return std::nullopt;
  GroupInfo out{.name = name.group, .created = streams.front()->created};
  for (LogStream* stream : streams) out.take(*stream);
  return out;
}

std::vector<StreamInfo> LogBook::streams(const GroupName& group, std::string_view prefix) const {
  const std::scoped_lock lock(mutex_);
  std::vector<StreamInfo> out;
  for (LogStream* stream : streams_of(group, prefix)) {
    stream->load();
    const auto ingested = stream->last ? std::optional(stream->ingested) : std::nullopt;
    out.push_back({stream->name.stream, stream->created, stream->first, stream->last, ingested,
                   stream->stored_bytes()});
  }
  return out;
}

std::uint64_t LogBook::next_stream() const {
  const std::scoped_lock lock(mutex_);
  return next_stream_;
}

void LogBook::remove(const GroupName& group, std::uint64_t before) {
  const std::scoped_lock lock(mutex_);
  next_stream_ = std::max(next_stream_, before);
  for (LogStream* stream : streams_of(group, "")) {
    if (stream->number >= before) continue;
    auto taken = streams_.extract(stream->name);
    removed_.push_back(std::move(taken.mapped()));
  }
}

bool LogBook::has_streams_before(const GroupName& group, std::uint64_t before) const {
  const std::scoped_lock lock(mutex_);
  const auto is_older = [&](const auto& stream) {
    return stream->name.is_in(group) && stream->number < before;
  };
  return std::ranges::any_of(removed_, is_older) ||
         std::ranges::any_of(streams_of(group, ""), is_older);
}

void LogBook::delete_removed(const GroupName& group) {
  for (;;) {
    const std::scoped_lock lock(mutex_);  // for one stream: who appends waits for no more
    const auto found = std::ranges::find_if(
        removed_, [&](const auto& stream) { return stream->name.is_in(group); });
    if (found == removed_.end()) return;
    delete_files(**found);
    removed_.erase(found);
  }
}

void LogBook::expire(const GroupName& group, Timestamp time) {
  const std::scoped_lock lock(mutex_);
  for (LogStream* stream : streams_of(group, "")) {
    const Result<> done = stream->expire(time, disk_);
    if (!done) log_warning("logs", "old events stay", {{"reason", done.error().message}});
  }
}

namespace {

StreamView view_of(const LogStream& stream) {
  return {stream.name.stream, stream.directory, stream.segments};
}

}  // namespace

Result<StreamView> LogBook::view(const StreamName& name) const {
  const std::scoped_lock lock(mutex_);
  const LogStream* stream = find(name);
  if (stream == nullptr)
    return fail(ErrorCode::not_found, "The specified log stream does not exist.", "no_such_stream");
  return view_of(*stream);
}

std::vector<StreamView> LogBook::views(const GroupName& group, std::string_view prefix) const {
  const std::scoped_lock lock(mutex_);
  std::vector<StreamView> out;
  for (LogStream* stream : streams_of(group, prefix)) {
    stream->load();
    out.push_back(view_of(*stream));
  }
  return out;
}

Position LogBook::end_of(const StreamName& name) const {
  const std::scoped_lock lock(mutex_);
  const LogStream* stream = find(name);
  if (stream == nullptr || stream->segments.empty()) return 0;
  return position_of(stream->segments.back().number, stream->segments.back().text_bytes);
}

namespace {

// Collects events until the page is full.
class PageFiller {
 public:
  PageFiller(const TimeRange& range, std::size_t events_max)
      : range_(range), events_max_(std::min(events_max, page_events_max)) {}

  // False: it did not fit.
  bool add(Position position, const RecordView& record) {
    if (!range_.contains(record.time)) return true;
    if (events_.size() >= events_max_) return false;
    if (!events_.empty() && bytes_ + record.escaped.size() > page_bytes_max) return false;
    bytes_ += record.escaped.size();
    events_.push_back({record.time, record.ingested, position, unescape(record.escaped)});
    return true;
  }
  std::vector<Event> take() { return std::move(events_); }

 private:
  const TimeRange& range_;
  const std::size_t events_max_;
  std::size_t bytes_ = 0;
  std::vector<Event> events_;
};

}  // namespace

Result<EventPage> LogBook::read_after(const StreamName& name, Position position,
                                      const TimeRange& range, std::size_t events_max) const {
  TRY(const StreamView view, this->view(name));
  PageFiller filler(range, events_max);
  EventPage page{.end = position};
  for (const Segment& segment : view.segments) {
    const Position end = position_of(segment.number, segment.text_bytes);
    page.end = std::max(page.end, end);
    if (end <= position) continue;
    for (const Block& block : blocks_of(view, segment, {})) {
      if (position_of(segment.number, block.offset + block.bytes) <= position) continue;
      const bool fits = for_each_record(
          block_text(view, segment, block), [&](std::size_t at, const RecordView& record) {
            page.end = position_of(segment.number, block.offset + at);
            return page.end < position || filler.add(page.end, record);
          });
      if (!fits) {
        page.complete = false;
        page.events = filler.take();
        return page;
      }
    }
    page.end = std::max(position, end);
  }
  page.events = filler.take();
  return page;
}

}  // namespace slipway::logs

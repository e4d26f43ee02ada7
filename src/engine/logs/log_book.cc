#include "engine/logs/log_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "engine/logs/record.h"

namespace slipway::logs {

namespace fs = std::filesystem;

namespace {

// A position is the segment's number and the byte within it.
constexpr unsigned offset_bits = 32;

Position position_of(std::uint32_t segment, std::uint64_t offset) {
  return (static_cast<Position>(segment) << offset_bits) | offset;
}

fs::path bookmarks_folder(const fs::path& root) { return root / "bookmarks"; }

bool is_good_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max &&
         name.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos;
}

}  // namespace

struct LogBook::Snapshot {
  fs::path directory;
  std::vector<std::uint32_t> segments;
  Position end = 0;

  fs::path path(std::uint32_t segment) const { return LogStream::file_in(directory, segment); }
};

LogBook::LogBook(fs::path root, Disk& disk)
    : root_(std::move(root)), disk_(disk), bookmarks_(bookmarks_folder(root_), disk) {}
LogBook::~LogBook() = default;

Result<std::unique_ptr<LogBook>> LogBook::open(fs::path root, Disk& disk) {
  std::error_code error;
  fs::create_directories(root, error);
  if (error) {
    return fail(
        ErrorCode::permission_denied,
        fmt::format("cannot make the directory {} for logs: {}", root.string(), error.message()));
  }
  fs::permissions(root, fs::perms::owner_all, error);
  std::unique_ptr<LogBook> book(new LogBook(std::move(root), disk));
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
  const Timestamp stamp = std::max(time, stream->last.value_or(time));
  std::string records;
  std::uint64_t cursor = stream->cursor;
  for (const Line& line : lines) {
    if (line.cursor > cursor) {
      append_record(records, stamp, line.cursor, line.message.substr(0, message_bytes_max));
      cursor = line.cursor;
    }
    const bool fits = records.size() < stream->room() && &line != &lines.back();
    if (records.empty() || fits) continue;
    TRY_DO(stream->append(records, disk_));
    records.clear();
    stream->cursor = cursor;
    stream->last = stamp;
    if (!stream->first) stream->first = stamp;
  }
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
  stored_bytes += stream.stored_bytes;
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
    out.push_back(
        {stream->name.stream, stream->created, stream->first, stream->last, stream->stored_bytes});
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

Result<LogBook::Snapshot> LogBook::snapshot(const StreamName& name) const {
  const std::scoped_lock lock(mutex_);
  const LogStream* stream = find(name);
  if (stream == nullptr)
    return fail(ErrorCode::not_found, "The specified log stream does not exist.", "no_such_stream");
  const std::uint32_t last = stream->segments.empty() ? 1 : stream->segments.back();
  return Snapshot{stream->directory, stream->segments, position_of(last, stream->tail_bytes)};
}

namespace {

// Collects events until the page is full.
class PageFiller {
 public:
  PageFiller(const TimeRange& range, std::size_t events_max)
      : range_(range), events_max_(std::min(events_max, page_events_max)) {}

  // False: it did not fit.
  bool add(Position position, std::string_view record_text) {
    auto record = read_record(record_text);
    if (!record || !range_.contains(record->time)) return true;
    if (events_.size() >= events_max_) return false;
    if (!events_.empty() && bytes_ + record->message.size() > page_bytes_max) return false;
    bytes_ += record->message.size();
    events_.push_back({record->time, position, std::move(record->message)});
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
  TRY(const Snapshot snapshot, this->snapshot(name));
  PageFiller filler(range, events_max);
  EventPage page;
  page.begin = position;
  page.end = std::max(position, snapshot.end);
  for (const std::uint32_t segment : snapshot.segments) {
    if (position >= snapshot.end || position_of(segment + 1, 0) <= position) continue;
    const std::string text = read_segment(snapshot.path(segment));
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
         at = end + 1) {
      const Position here = position_of(segment, at);
      if (here >= snapshot.end) break;
      if (here < position) continue;
      if (filler.add(here, std::string_view(text).substr(at, end - at))) continue;
      page.end = here;
      page.complete = false;
      page.events = filler.take();
      return page;
    }
  }
  page.events = filler.take();
  return page;
}

Result<EventPage> LogBook::read_before(const StreamName& name, std::optional<Position> position,
                                       const TimeRange& range, std::size_t events_max) const {
  TRY(const Snapshot snapshot, this->snapshot(name));
  PageFiller filler(range, events_max);
  EventPage page;
  page.end = std::min(position.value_or(snapshot.end), snapshot.end);
  page.begin = 0;
  bool full = false;
  for (auto segment = snapshot.segments.rbegin(); segment != snapshot.segments.rend() && !full;
       ++segment) {
    const Position start = position_of(*segment, 0);
    if (start >= page.end) continue;
    const std::string text = read_segment(snapshot.path(*segment));
    std::size_t end = std::min<std::uint64_t>(text.size(), page.end - start);
    end = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;  // a position that nobody gave
    while (end > 0 && !full) {
      const std::size_t before = end < 2 ? std::string::npos : text.rfind('\n', end - 2);
      const std::size_t at = before + 1;
      full = !filler.add(start + at, std::string_view(text).substr(at, end - 1 - at));
      if (full) page.begin = start + end;
      page.complete = !full;
      end = at;
    }
  }
  page.events = filler.take();
  std::ranges::reverse(page.events);
  return page;
}

}  // namespace slipway::logs

#include "engine/logs/log_book.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include "base/encoding.h"
#include "base/fd.h"
#include "engine/logs/record.h"

namespace slipway::logs {

namespace fs = std::filesystem;

namespace {

// A position is the segment's number and the byte within it.
constexpr unsigned offset_bits = 32;

Position position_of(std::uint32_t segment, std::uint64_t offset) {
  return (static_cast<Position>(segment) << offset_bits) | offset;
}

std::string segment_name(std::uint32_t number) { return fmt::format("{:08}.log", number); }

std::optional<std::uint32_t> segment_number(const std::string& file_name) {
  std::uint32_t number = 0;
  const char* end = file_name.data() + file_name.size();
  const auto [at, error] = std::from_chars(file_name.data(), end, number);
  if (error != std::errc() || std::string_view(at, end) != ".log") return std::nullopt;
  return number;
}

std::unexpected<Error> broken(std::string_view what, const fs::path& path) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} the log file {}: {}", what, path.string(),
                          std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe)
}

// The file, at most segment_bytes_max and one record of it; empty where it is gone.
std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (!file) return text;
  text.resize(segment_bytes_max + record_bytes_max);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

bool is_good_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max &&
         name.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos;
}

}  // namespace

struct LogBook::Stream {
  fs::path directory;
  StreamName name;
  Timestamp created{};
  std::vector<std::uint32_t> segments;  // those that are kept, ascending

  // What the files say, read when first asked for.
  bool loaded = false;
  std::uint64_t tail_bytes = 0;    // of the last segment
  std::uint64_t stored_bytes = 0;  // of all
  std::uint64_t cursor = 0;
  std::optional<Timestamp> first;
  std::optional<Timestamp> last;

  fs::path path(std::uint32_t segment) const { return directory / segment_name(segment); }
  // What the segment that is written to next can still take, but for its last record.
  std::uint64_t room() const {
    return segment_bytes_max - (tail_bytes < segment_bytes_max ? tail_bytes : 0);
  }
  void load();
  void load_first();
  void drop_oldest();
  Result<> append(std::string_view records, Disk& disk);
};

// Cuts a record that was being written when the server was killed.
void LogBook::Stream::load() {
  if (std::exchange(loaded, true)) return;
  for (const std::uint32_t segment : segments) {
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(path(segment), error);
    if (!error) stored_bytes += bytes;
  }
  load_first();
  // The last segment may be empty, cut short before its first record ended: then the one before it.
  for (auto segment = segments.rbegin(); segment != segments.rend() && !last; ++segment) {
    const std::string text = read_file(path(*segment));
    const std::size_t whole = text.rfind('\n') + 1;  // npos + 1: nothing
    if (segment == segments.rbegin()) {
      tail_bytes = whole;
      stored_bytes -= text.size() - whole;
      std::error_code error;
      if (whole != text.size()) fs::resize_file(path(*segment), whole, error);
    }
    if (whole == 0) continue;
    const std::size_t start = text.rfind('\n', whole - 2) + 1;
    if (const auto record = read_record(std::string_view(text).substr(start, whole - 1 - start))) {
      cursor = record->cursor;
      last = record->time;
    }
  }
}

void LogBook::Stream::load_first() {
  first.reset();
  if (segments.empty()) return;
  std::ifstream file(path(segments.front()), std::ios::binary);
  std::string line;
  if (!std::getline(file, line) || file.eof()) return;
  if (const auto record = read_record(line)) first = record->time;
}

void LogBook::Stream::drop_oldest() {
  std::error_code error;
  stored_bytes -= fs::file_size(path(segments.front()), error);
  fs::remove(path(segments.front()), error);
  segments.erase(segments.begin());
  load_first();
}

Result<> LogBook::Stream::append(std::string_view records, Disk& disk) {
  if (segments.empty() || tail_bytes >= segment_bytes_max) {
    segments.push_back(segments.empty() ? 1 : segments.back() + 1);
    tail_bytes = 0;
    if (segments.size() > segments_per_stream_max) drop_oldest();
  }
  const fs::path file = path(segments.back());
  Fd out(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!out && errno == ENOENT) out.reset(disk.create(disk_name(file)));
  if (!out) return broken("open", file);
  if (write_whole(disk, out.get(), records, static_cast<off_t>(tail_bytes)) != 0) {
    const auto failure = broken("write", file);
    loaded = false;  // some of it may be there: look again
    stored_bytes = 0;
    last.reset();
    return failure;
  }
  tail_bytes += records.size();
  stored_bytes += records.size();
  return {};
}

struct LogBook::Snapshot {
  fs::path directory;
  std::vector<std::uint32_t> segments;
  Position end = 0;
};

LogBook::LogBook(fs::path root, Disk& disk) : root_(std::move(root)), disk_(disk) {}
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
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    auto stream = std::make_unique<Stream>();
    stream->directory = entry.path();
    std::ifstream file(entry.path() / "name");
    std::string created;
    std::getline(file, stream->name.space);
    std::getline(file, stream->name.group);
    std::getline(file, stream->name.stream);
    if (!std::getline(file, created) || file.eof()) {  // killed while it was made
      fs::remove_all(entry.path(), error);
      continue;
    }
    stream->created =
        Timestamp(std::chrono::microseconds(std::strtoll(created.c_str(), nullptr, 10)));
    for (const auto& inside : fs::directory_iterator(entry.path(), error)) {
      if (const auto number = segment_number(inside.path().filename())) {
        stream->segments.push_back(*number);
      }
    }
    std::ranges::sort(stream->segments);
    streams_.emplace(stream->name, std::move(stream));
  }
}

LogBook::Stream* LogBook::find(const StreamName& name) const {
  const auto found = streams_.find(name);
  if (found == streams_.end()) return nullptr;
  found->second->load();
  return found->second.get();
}

Result<LogBook::Stream*> LogBook::find_or_make(const StreamName& name, Timestamp now) {
  if (Stream* stream = find(name)) return stream;
  if (!is_good_name(name.space) || !is_good_name(name.group) || !is_good_name(name.stream)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the names of a log's group and stream are one line of 1 to {} bytes each",
                    name_bytes_max));
  }
  make_room();
  auto stream = std::make_unique<Stream>();
  stream->name = name;
  stream->created = now;
  stream->directory =
      root_ / sha256_hex(name.space + '\n' + name.group + '\n' + name.stream).substr(0, 32);
  const DiskName file = disk_name(stream->directory / "name");
  if (make_folders(disk_, stream->directory) != 0) return broken("make", stream->directory);
  disk_.unlink(file);  // half of one, of a failed attempt
  const Fd out(disk_.create(file));
  const std::string text = fmt::format("{}\n{}\n{}\n{}\n", name.space, name.group, name.stream,
                                       now.time_since_epoch().count());
  if (!out || write_whole(disk_, out.get(), text) != 0) return broken("write", file.name);
  stream->loaded = true;
  return streams_.emplace(name, std::move(stream)).first->second.get();
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
  std::error_code error;
  fs::remove_all(oldest->second->directory, error);
  streams_.erase(oldest);
}

Result<> LogBook::append(const StreamName& name, Timestamp time, std::span<const Line> lines) {
  if (lines.empty()) return {};
  if (room_) TRY_DO(room_->admit_bytes(segment_bytes_max));
  const std::scoped_lock lock(mutex_);
  TRY(Stream* const stream, find_or_make(name, time));
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
  const Stream* stream = find(name);
  return stream ? stream->cursor : 0;
}

std::vector<GroupInfo> LogBook::groups(std::string_view space, std::string_view prefix) const {
  const std::scoped_lock lock(mutex_);
  std::vector<GroupInfo> groups;
  for (auto at = streams_.lower_bound({std::string(space), std::string(prefix), ""});
       at != streams_.end(); ++at) {
    const auto& [name, stream] = *at;
    if (name.space != space || !name.group.starts_with(prefix)) break;
    if (groups.empty() || groups.back().name != name.group) {
      groups.push_back({name.group, stream->created, 0});
    }
    stream->load();
    groups.back().created = std::min(groups.back().created, stream->created);
    groups.back().stored_bytes += stream->stored_bytes;
  }
  return groups;
}

bool LogBook::has_group(std::string_view space, std::string_view group) const {
  const auto at = streams_.lower_bound({std::string(space), std::string(group), ""});
  return at != streams_.end() && at->first.space == space && at->first.group == group;
}

namespace {

std::unexpected<Error> no_such_group() {
  return fail(ErrorCode::not_found, "The specified log group does not exist.", "no_such_group");
}

}  // namespace

Result<std::vector<StreamInfo>> LogBook::streams(std::string_view space, std::string_view group,
                                                 std::string_view prefix) const {
  const std::scoped_lock lock(mutex_);
  if (!has_group(space, group)) return no_such_group();
  std::vector<StreamInfo> streams;
  for (auto at =
           streams_.lower_bound({std::string(space), std::string(group), std::string(prefix)});
       at != streams_.end(); ++at) {
    const auto& [name, stream] = *at;
    if (name.space != space || name.group != group || !name.stream.starts_with(prefix)) break;
    stream->load();
    streams.push_back(
        {name.stream, stream->created, stream->first, stream->last, stream->stored_bytes});
  }
  return streams;
}

Result<LogBook::Snapshot> LogBook::snapshot(const StreamName& name) const {
  const std::scoped_lock lock(mutex_);
  const Stream* stream = find(name);
  if (stream == nullptr && !has_group(name.space, name.group)) return no_such_group();
  if (stream == nullptr) {
    return fail(ErrorCode::not_found, "The specified log stream does not exist.", "no_such_stream");
  }
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
    const std::string text = read_file(snapshot.directory / segment_name(segment));
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
    const std::string text = read_file(snapshot.directory / segment_name(*segment));
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

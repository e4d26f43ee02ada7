#include "engine/logs/stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/fd.h"
#include "base/log.h"
#include "engine/logs/packed_segment.h"
#include "engine/logs/record.h"

namespace slipway::logs {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view name_file = "name";
constexpr std::string_view text_suffix = ".log";
constexpr std::string_view packed_suffix = ".packed";

// Of a file that is a segment.
std::optional<Segment> segment_of(const fs::directory_entry& file) {
  const std::string name = file.path().filename();
  Segment segment;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, segment.number);
  const std::string_view suffix(at, end);
  if (error != std::errc() || (suffix != text_suffix && suffix != packed_suffix))
    return std::nullopt;
  if (suffix == packed_suffix) segment.form = Segment::Form::packed;
  std::error_code gone;
  const std::uint64_t bytes = file.file_size(gone);
  if (!gone) segment.file_bytes = bytes;
  return segment;
}

// Directories are called by a digest of the stream's name, with "-NUMBER" behind it since streams
// are counted.
std::uint64_t number_of(const fs::path& directory) {
  const std::string name = directory.filename();
  const std::size_t mark = name.find('-');
  return mark == name.npos ? 0 : std::strtoull(name.c_str() + mark + 1, nullptr, 10);
}

std::unexpected<Error> broken(std::string_view what, const fs::path& path) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} the log file {}: {}", what, path.string(),
                          std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe)
}

// How much of a text was written whole: what a check line speaks of counts only if that is so, and
// where there are check lines, nothing counts that none speaks of. A text of an older version has
// none.
std::size_t whole_bytes(std::string_view text) {
  std::size_t checked = 0;
  bool has_checks = false;
  std::size_t at = 0;
  for (std::size_t end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    const auto check = read_check(text.substr(at, end - at));
    if (!check) continue;
    has_checks = true;
    if (!check->holds_for(text.substr(0, at))) {
      const std::size_t before = at - std::min(check->bytes, at);
      return std::max(checked, text.substr(0, before).rfind('\n') + 1);
    }
    checked = end + 1;
  }
  return has_checks ? checked : at;
}

}  // namespace

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (!file) return text;
  text.resize(segment_bytes_max + 2 * record_bytes_max);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

fs::path Segment::file_in(const fs::path& directory) const {
  return directory /
         fmt::format("{:08}{}", number, form == Form::text ? text_suffix : packed_suffix);
}

// The file's lines are: space, group, stream, when it was made in microseconds, and cursor_before,
// which older files do not have.
std::unique_ptr<LogStream> LogStream::read(const fs::path& directory) {
  auto stream = std::make_unique<LogStream>();
  stream->directory = directory;
  stream->number = number_of(directory);
  stream->is_durable = true;
  std::ifstream file(directory / name_file);
  std::string created, cursor;
  std::getline(file, stream->name.space);
  std::getline(file, stream->name.group);
  std::getline(file, stream->name.stream);
  if (!std::getline(file, created) || file.eof()) return nullptr;
  stream->created =
      Timestamp(std::chrono::microseconds(std::strtoll(created.c_str(), nullptr, 10)));
  if (std::getline(file, cursor))
    stream->cursor_before = std::strtoull(cursor.c_str(), nullptr, 10);
  std::error_code error;
  for (const auto& inside : fs::directory_iterator(directory, error))
    if (auto segment = segment_of(inside)) stream->segments.push_back(*std::move(segment));
  // Of two forms of one segment the packed one is whole: it has its name since then.
  std::ranges::sort(stream->segments, {}, [](const Segment& segment) {
    return std::pair(segment.number, segment.form == Segment::Form::text);
  });
  for (std::size_t i = 1; i < stream->segments.size();) {
    if (stream->segments[i].number != stream->segments[i - 1].number) {
      ++i;
      continue;
    }
    fs::remove(stream->segments[i].file_in(directory), error);
    stream->segments.erase(stream->segments.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return stream;
}

Result<> LogStream::make(Disk& disk, std::uint32_t behind) {
  if (make_folders(disk, directory) != 0) return broken("make", directory);
  if (behind > 0) TRY_DO(add_empty(disk, behind + 1));
  TRY_DO(write_name(disk));
  cursor = cursor_before;
  loaded = true;
  return {};
}

// It keeps the count of positions where nothing else does.
Result<> LogStream::add_empty(Disk& disk, std::uint32_t segment) {
  Segment empty{.number = segment};
  const fs::path path = empty.file_in(directory);
  const Fd out(disk.create(disk_name(path)));
  if (!out) return broken("open", path);
  segments.push_back(std::move(empty));
  return {};
}

// Written beside it and moved there, so that a directory has its name whole or none.
Result<> LogStream::write_name(Disk& disk) const {
  const DiskName draft = disk_name(directory / "name.new");
  disk.unlink(draft);  // half of one, of a failed attempt
  const Fd out(disk.create(draft));
  const std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n", name.space, name.group, name.stream,
                                       created.time_since_epoch().count(), cursor_before);
  if (!out || write_whole(disk, out.get(), text) != 0) return broken("write", draft.name);
  if (is_durable && disk.sync_bytes(out.get()) != 0) return broken("sync", draft.name);
  if (disk.rename({draft, disk_name(directory / name_file)}) != 0)
    return broken("rename", draft.name);
  return {};
}

Bookmarks::Bookmark LogStream::bookmark() {
  load();
  return {.cursor = cursor, .segment = last_segment(), .stream_number = number};
}

void LogStream::remove_name(Disk& disk) const { disk.unlink(disk_name(directory / name_file)); }

void LogStream::load() {
  if (std::exchange(loaded, true)) return;
  cursor = cursor_before;
  for (Segment& segment : segments)
    segment.form == Segment::Form::packed ? load_packed(segment) : load_text(segment);
  note_times();
}

void LogStream::load_packed(Segment& segment) {
  const auto summary = read_summary(segment.file_in(directory));
  if (!summary) {
    log_warning("logs", "a part of a log is damaged",
                {{"file", segment.file_in(directory).string()}});
    return;
  }
  segment.text_bytes = summary->text_bytes;
  if (summary->first <= summary->last) {
    segment.first = summary->first;
    segment.last = summary->last;
    cursor = std::max(cursor, summary->cursor);
    ingested = std::max(ingested, summary->ingested);
  }
}

void LogStream::load_text(Segment& segment) {
  const fs::path path = segment.file_in(directory);
  const std::string text = read_text(path);
  const std::size_t whole = whole_bytes(text);
  std::error_code error;
  if (whole != text.size() && &segment == &segments.back()) fs::resize_file(path, whole, error);
  segment.text_blocks = {};
  segment.text_blocks.add(std::string_view(text).substr(0, whole));
  segment.text_bytes = segment.file_bytes = whole;
  segment.first = segment.text_blocks.first();
  segment.last = segment.text_blocks.last();
  cursor = std::max(cursor, segment.text_blocks.cursor());
  ingested = std::max(ingested, segment.text_blocks.ingested());
}

void LogStream::note_times() {
  first.reset();
  last.reset();
  for (const Segment& segment : segments) {
    if (!segment.first) continue;
    first = std::min(first.value_or(*segment.first), *segment.first);
    last = std::max(last.value_or(*segment.last), *segment.last);
  }
}

std::uint64_t LogStream::room() const {
  const bool goes_on = !segments.empty() && segments.back().form == Segment::Form::text &&
                       segments.back().text_bytes < segment_bytes_max;
  return segment_bytes_max - (goes_on ? segments.back().text_bytes : 0);
}

std::uint64_t LogStream::stored_bytes() const {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.text_bytes;
  return bytes;
}

std::uint64_t LogStream::file_bytes() const {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.file_bytes;
  return bytes;
}

void LogStream::forget_segment(std::size_t index) {
  std::error_code error;
  fs::remove(segments[index].file_in(directory), error);
  segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(index));
  note_times();
}

// The packed form is whole on the disk before it has its name, and has that before the text goes.
Result<> LogStream::pack_last(Disk& disk) {
  Segment& segment = segments.back();
  const fs::path text_file = segment.file_in(directory);
  const std::string text = read_text(text_file);
  Segment packed = segment;
  packed.form = Segment::Form::packed;
  packed.text_blocks = {};
  const fs::path file = packed.file_in(directory);
  const DiskName draft = disk_name(file.string() + ".new");
  disk.unlink(draft);
  const Fd out(disk.create(draft));
  const std::string bytes = pack_segment(text, segment.text_blocks);
  if (!out || write_whole(disk, out.get(), bytes) != 0) return broken("write", draft.name);
  if (is_durable && disk.sync_bytes(out.get()) != 0) return broken("sync", draft.name);
  if (disk.rename({draft, disk_name(file)}) != 0) return broken("rename", draft.name);
  packed.file_bytes = bytes.size();
  segment = std::move(packed);
  if (is_durable) {
    const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || disk.sync_names(folder.get()) != 0) return {};  // read() removes the text
  }
  disk.unlink(disk_name(text_file));
  return {};
}

Result<> LogStream::begin_segment(Disk& disk) {
  if (sync_failed) {  // the disk may have lost what is behind the last sync, and the name
    TRY_DO(write_name(disk));
    sync_failed = false;
  } else if (!segments.empty() && segments.back().form == Segment::Form::text) {
    const Result<> packed = pack_last(disk);
    if (!packed) log_warning("logs", "a log stays as text", {{"reason", packed.error().message}});
  }
  segments.push_back({.number = last_segment() + 1});
  return {};
}

Result<> LogStream::append(std::string_view records, Disk& disk) {
  const bool is_full = segments.empty() || segments.back().form == Segment::Form::packed ||
                       segments.back().text_bytes >= segment_bytes_max;
  if (is_full || sync_failed) TRY_DO(begin_segment(disk));
  Segment& segment = segments.back();
  std::string text;
  if (segment.text_bytes == 0) append_check(text, {});
  text += records;
  append_check(text, records);
  const fs::path file = segment.file_in(directory);
  Fd out(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!out && errno == ENOENT) out.reset(disk.create(disk_name(file)));
  if (!out) return broken("open", file);
  if (write_whole(disk, out.get(), text, static_cast<off_t>(segment.text_bytes)) != 0) {
    const auto failure = broken("write", file);
    loaded = false;  // some of it may be there: look again
    return failure;
  }
  segment.text_blocks.add(text);
  segment.text_bytes += text.size();
  segment.file_bytes = segment.text_bytes;
  segment.first = segment.text_blocks.first();
  segment.last = segment.text_blocks.last();
  note_times();
  return {};
}

Result<> LogStream::expire(Timestamp time, Disk& disk) {
  load();
  for (std::size_t i = 0; i + 1 < segments.size();)
    !segments[i].last || *segments[i].last < time ? forget_segment(i) : void(++i);
  if (!last || *last >= time) return {};
  return clear(disk);
}

Result<> LogStream::drop_oldest(Disk& disk) {
  if (segments.size() <= 1) return clear(disk);
  const auto oldest = std::ranges::min_element(
      segments.begin(), segments.end() - 1, {},
      [](const Segment& segment) { return segment.last.value_or(Timestamp::min()); });
  forget_segment(static_cast<std::size_t>(oldest - segments.begin()));
  return {};
}

// Nothing is left: the name file keeps the cursor.
Result<> LogStream::clear(Disk& disk) {
  cursor_before = cursor;
  TRY_DO(write_name(disk));
  TRY_DO(add_empty(disk, last_segment() + 1));
  while (segments.size() > 1) forget_segment(0);
  return {};
}

}  // namespace slipway::logs

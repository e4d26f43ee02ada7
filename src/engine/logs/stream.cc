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
#include "engine/logs/record.h"

namespace slipway::logs {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view name_file = "name";

std::optional<std::uint32_t> segment_number(const std::string& file_name) {
  std::uint32_t number = 0;
  const char* end = file_name.data() + file_name.size();
  const auto [at, error] = std::from_chars(file_name.data(), end, number);
  if (error != std::errc() || std::string_view(at, end) != ".log") return std::nullopt;
  return number;
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

// The time of a segment's first event.
std::optional<Timestamp> first_time(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  if (!std::getline(in, line) || in.eof()) return std::nullopt;
  const auto record = read_record(line);
  return record ? std::optional(record->time) : std::nullopt;
}

}  // namespace

std::string read_segment(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (!file) return text;
  text.resize(segment_bytes_max + record_bytes_max);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

fs::path LogStream::file_in(const fs::path& directory, std::uint32_t segment) {
  return directory / fmt::format("{:08}.log", segment);
}

// The file's lines are: space, group, stream, when it was made in microseconds, and cursor_before,
// which older files do not have.
std::unique_ptr<LogStream> LogStream::read(const fs::path& directory) {
  auto stream = std::make_unique<LogStream>();
  stream->directory = directory;
  stream->number = number_of(directory);
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
    if (const auto number = segment_number(inside.path().filename()))
      stream->segments.push_back(*number);
  std::ranges::sort(stream->segments);
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
  const Fd out(disk.create(disk_name(path(segment))));
  if (!out) return broken("open", path(segment));
  segments.push_back(segment);
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
  if (disk.rename({draft, disk_name(directory / name_file)}) != 0)
    return broken("rename", draft.name);
  return {};
}

Bookmarks::Bookmark LogStream::bookmark() {
  load();
  return {
      .cursor = cursor, .segment = segments.empty() ? 0 : segments.back(), .stream_number = number};
}

void LogStream::remove_name(Disk& disk) const { disk.unlink(disk_name(directory / name_file)); }

void LogStream::load() {
  if (std::exchange(loaded, true)) return;
  cursor = cursor_before;
  for (const std::uint32_t segment : segments) {
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(path(segment), error);
    if (!error) stored_bytes += bytes;
  }
  load_first();
  // The last segment may be empty, cut short before its first record ended: then the one before it.
  for (auto segment = segments.rbegin(); segment != segments.rend() && !last; ++segment) {
    const std::string text = read_segment(path(*segment));
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

void LogStream::load_first() {
  first = segments.empty() ? std::nullopt : first_time(path(segments.front()));
}

void LogStream::drop_oldest() {
  std::error_code error;
  stored_bytes -= fs::file_size(path(segments.front()), error);
  fs::remove(path(segments.front()), error);
  segments.erase(segments.begin());
  load_first();
}

Result<> LogStream::append(std::string_view records, Disk& disk) {
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

Result<> LogStream::expire(Timestamp time, Disk& disk) {
  load();
  while (segments.size() > 1) {
    const auto next = first_time(path(segments[1]));
    if (!next || *next >= time) break;
    drop_oldest();
  }
  if (!last || *last >= time) return {};
  // Nothing is left: the name file keeps the cursor.
  cursor_before = cursor;
  TRY_DO(write_name(disk));
  TRY_DO(add_empty(disk, segments.back() + 1));
  const std::uint32_t next = segments.back();
  segments.pop_back();
  for (const std::uint32_t segment : std::exchange(segments, {next})) {
    std::error_code error;
    fs::remove(path(segment), error);
  }
  tail_bytes = 0;
  stored_bytes = 0;
  first.reset();
  last.reset();
  return {};
}

}  // namespace slipway::logs

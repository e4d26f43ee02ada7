#include "net/out_queue.h"

#include <algorithm>
#include <array>

namespace slipway::net {
namespace {

constexpr std::size_t copied_body_max = 16 * 1024;  // up to here copying is cheaper than keeping
constexpr std::size_t text_bytes_max = 256 * 1024;  // of one segment
constexpr std::size_t kept_text_max = 64 * 1024;    // memory that an empty segment keeps
constexpr std::size_t parts_max = 16;               // in one call
constexpr std::size_t compact_after = 64;           // segments that were written

iovec part_of(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

bool in_files(Body& body) { return body.file() != nullptr || body.sequence() != nullptr; }

}  // namespace

OutQueue::Segment& OutQueue::open_segment() {
  if (end_ > first_) {
    Segment& last = segments_[end_ - 1];
    if (!last.closed && last.text.size() < text_bytes_max) return last;
  }
  if (end_ == segments_.size()) segments_.emplace_back();
  return segments_[end_++];
}

std::uint64_t OutQueue::memory_bytes() const {
  std::uint64_t bytes = 0;
  for (std::size_t i = first_; i < end_; ++i)
    bytes += segments_[i].text.size() + segments_[i].body.view().size();
  return bytes;
}

std::string& OutQueue::text() { return open_segment().text; }

void OutQueue::add(std::string_view bytes) {
  open_segment().text += bytes;
  bytes_ += bytes.size();
}

void OutQueue::add_body(Body&& body) {
  const std::uint64_t size = body.size();
  if (size == 0) return;
  if (!in_files(body) && size <= copied_body_max) return add(body.view());
  Segment& segment = open_segment();
  segment.body = std::move(body);
  segment.closed = true;
  bytes_ += size;
}

// Writes what follows the first `skip` bytes of a segment's file or files.
Io OutQueue::write_file(Transport& transport, Segment& segment, std::uint64_t skip) {
  if (const FileRange* range = segment.body.file()) {
    return transport.send_file(range->file.get(), range->offset + skip, range->length - skip);
  }
  FileSequence& sequence = *segment.body.sequence();
  FileRange& part = segment.part;
  while (skip >= segment.part_begin + part.length) {
    segment.part_begin += part.length;
    auto next = sequence.next();
    if (!next) return {.state = Io::State::ended};
    part = std::move(*next);
  }
  const std::uint64_t within = skip - segment.part_begin;
  const std::uint64_t left = std::min(part.length - within, sequence.length - skip);
  return transport.send_file(part.file.get(), part.offset + within, left);
}

// The front of the queue: as much memory as one call takes, or a piece of a file.
Io OutQueue::write_some(Transport& transport) {
  std::array<iovec, parts_max> parts;
  std::size_t count = 0;
  std::uint64_t skip = sent_;
  for (std::size_t i = first_; i < end_ && count + 2 <= parts_max; ++i, skip = 0) {
    Segment& segment = segments_[i];
    if (skip < segment.text.size()) {
      parts[count++] = part_of(std::string_view(segment.text).substr(skip));
      skip = 0;
    } else {
      skip -= segment.text.size();
    }
    if (in_files(segment.body)) {
      if (count > 0) break;
      return write_file(transport, segment, skip);
    }
    const std::string_view rest = segment.body.view().substr(skip);
    if (!rest.empty()) parts[count++] = part_of(rest);
  }
  return transport.write({parts.data(), count});
}

void OutQueue::advance(std::uint64_t bytes) {
  bytes_ -= bytes;
  sent_ += bytes;
  while (first_ < end_) {
    Segment& segment = segments_[first_];
    const std::uint64_t size = segment.text.size() + segment.body.size();
    if (sent_ < size) return;
    sent_ -= size;
    segment.text.clear();
    if (segment.text.capacity() > kept_text_max) segment.text = {};
    segment.body = {};
    segment.part = {};
    segment.part_begin = 0;
    segment.closed = false;
    ++first_;
  }
  first_ = end_ = 0;
}

// A queue that never runs empty would otherwise only grow.
void OutQueue::compact() {
  if (first_ < compact_after) return;
  std::rotate(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_),
              segments_.begin() + static_cast<std::ptrdiff_t>(end_));
  end_ -= first_;
  first_ = 0;
}

OutQueue::Flush OutQueue::flush(Transport& transport, std::uint64_t budget) {
  for (std::uint64_t written = 0; bytes_ > 0;) {
    if (written >= budget) return Flush::out_of_turn;
    const Io io = write_some(transport);
    if (io.state == Io::State::blocked) return Flush::blocked;
    if (io.state == Io::State::ended) return Flush::no_source;
    if (io.state != Io::State::moved) return Flush::broken;
    advance(io.bytes);
    written += io.bytes;
    compact();
  }
  return Flush::emptied;
}

void OutQueue::clear() {
  segments_.clear();
  first_ = end_ = 0;
  sent_ = bytes_ = 0;
}

}  // namespace slipway::net

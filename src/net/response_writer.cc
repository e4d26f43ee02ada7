#include "net/response_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace slipway::net {
namespace {

constexpr std::uint64_t write_bytes_max = 4 << 20;  // before other connections have their turn
// A client may leave so much unread before the budget counts it.
constexpr std::uint64_t uncounted_unread_max = 64 * 1024;

void append_chunk_head(std::string& out, std::size_t size) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  out.append(digits.data(), end);
  out += "\r\n";
}

}  // namespace

void ResponseWriter::invite() { out_.add("HTTP/1.1 100 Continue\r\n\r\n"); }

template <typename HeaderList>
void ResponseWriter::write_head(int status, const HeaderList& headers,
                                std::optional<std::uint64_t> length, std::string_view date) {
  std::string& out = out_.text();
  ResponseHead head(out);
  head.status(status);
  head.fields(headers);
  const bool bodiless = is_bodiless(status);
  // Where no body follows, the handler may know better how long it would have been.
  const bool told = head.given_length() && (!length || terms_.head_only || bodiless);
  if (told) length = head.given_length();
  Framing framing = Framing::length;
  if (bodiless && !(told && status == 304)) framing = Framing::none;
  if (!bodiless && !length) {
    framing = terms_.version == HttpVersion::v1_1 ? Framing::chunked : Framing::until_close;
  }
  head.framing(framing, length.value_or(0));
  if (framing == Framing::until_close || head.given_close()) close_after();
  using Persistence = ResponseHead::Persistence;
  const auto kept =
      terms_.version == HttpVersion::v1_0 ? Persistence::keep_1_0 : Persistence::keep_1_1;
  out_.appended(head.end(is_last() ? Persistence::close : kept, date));
  begun_ = true;
  length_left_ = length.value_or(0);
  framing_ = bodiless || terms_.head_only ? Framing::none : framing;
}

void ResponseWriter::head(int status, const Fields& headers, std::optional<std::uint64_t> length,
                          std::string_view date) {
  write_head(status, headers, length, date);
}

void ResponseWriter::head(int status, std::span<const Header> headers,
                          std::optional<std::uint64_t> length, std::string_view date) {
  write_head(status, headers, length, date);
}

void ResponseWriter::whole(Body&& body) {
  if (framing_ == Framing::length) out_.add_body(std::move(body));
}

void ResponseWriter::whole(std::string_view body) {
  if (framing_ == Framing::length) out_.add(body);
}

void ResponseWriter::piece(std::string_view bytes) {
  if (framing_ == Framing::length) {
    bytes = bytes.substr(0, length_left_);
    length_left_ -= bytes.size();
  }
  if (framing_ == Framing::chunked) {
    std::string& out = out_.text();
    const std::size_t before = out.size();
    append_chunk_head(out, bytes.size());
    out.append(bytes).append("\r\n");
    out_.appended(out.size() - before);
  } else if (framing_ != Framing::none) {
    out_.add(bytes);
  }
  note_queue();
}

bool ResponseWriter::end() {
  if (framing_ == Framing::length && length_left_ > 0) return false;
  if (framing_ == Framing::chunked) out_.add("0\r\n\r\n");
  return true;
}

OutQueue::Flush ResponseWriter::flush(Instant now) {
  const std::uint64_t before = out_.bytes();
  const auto flushed = out_.flush(transport_, write_bytes_max);
  note_queue();
  if (flushed == OutQueue::Flush::emptied) {
    stalled_since_.reset();
    unread_.release();
  } else if (flushed == OutQueue::Flush::blocked && (!stalled_since_ || out_.bytes() < before)) {
    stalled_since_ = now;
  }
  return flushed;
}

bool ResponseWriter::count_unread(MemoryBudget& memory, std::string_view owner, Standing standing) {
  const std::uint64_t held = out_.memory_bytes();
  if (held <= std::max(uncounted_unread_max, unread_.bytes())) return true;
  if (unread_.bytes() == 0) unread_ = memory.open(owner, standing);
  return unread_.grow_to(held);
}

void ResponseWriter::clear() {
  out_.clear();
  unread_.release();
  note_queue();
}

std::size_t ResponseWriter::note_coming(std::size_t bytes) {
  return coming_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes +
         queued_bytes_.load(std::memory_order_relaxed);
}

}  // namespace slipway::net

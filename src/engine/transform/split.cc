#include "engine/transform/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace slipway::transform {
namespace {

constexpr std::uint32_t record_io_magic = 0xced7230a;
constexpr std::size_t record_io_head_bytes = 8;
constexpr std::size_t tf_head_bytes = 12;
constexpr std::size_t tf_tail_bytes = 4;

template <typename T>
T read_little(std::string_view bytes, std::size_t at) {
  T value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

constexpr std::array<std::uint32_t, 256> crc32c_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0x82f63b78U : 0U);
    table[i] = value;
  }
  return table;
}();

// TensorFlow stores a CRC rotated and moved, so that a CRC over CRCs is none of its own.
std::uint32_t masked_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes)
    crc = (crc >> 8) ^ crc32c_table[(crc ^ static_cast<unsigned char>(c)) & 0xffU];
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

Result<std::size_t> incomplete(More more, std::string_view format) {
  if (more == More::may_follow) return 0;
  return fail(ErrorCode::invalid_argument, fmt::format("the input ends within a {}", format));
}

Result<std::size_t> line_end(std::string_view window, More more) {
  const std::size_t end = window.find('\n');
  if (end != window.npos) return end + 1;
  return more == More::may_follow ? 0 : window.size();
}

struct Part {
  std::size_t data_bytes = 0;
  std::uint32_t continuation = 0;  // 0: whole, 1: first, 2: middle, 3: last
  std::size_t bytes() const { return record_io_head_bytes + (data_bytes + 3) / 4 * 4; }
  bool last() const { return continuation == 0 || continuation == 3; }
};

Part part_at(std::string_view window, std::size_t at) {
  const auto word = read_little<std::uint32_t>(window, at + 4);
  return {.data_bytes = word & 0x1fffffffU, .continuation = word >> 29U};
}

Result<std::size_t> record_io_end(std::string_view window, More more) {
  for (std::size_t at = 0;;) {
    if (window.size() - at < record_io_head_bytes) return incomplete(more, "RecordIO record");
    if (read_little<std::uint32_t>(window, at) != record_io_magic)
      return fail(ErrorCode::invalid_argument,
                  "this is no RecordIO: a record begins without magic");
    const Part part = part_at(window, at);
    if (window.size() - at < part.bytes()) return incomplete(more, "RecordIO record");
    at += part.bytes();
    if (part.last()) return at;
  }
}

Result<std::size_t> tf_record_end(std::string_view window, More more) {
  if (window.size() < tf_head_bytes) return incomplete(more, "TFRecord");
  const auto length = read_little<std::uint64_t>(window, 0);
  if (masked_crc32c(window.substr(0, 8)) != read_little<std::uint32_t>(window, 8))
    return fail(ErrorCode::invalid_argument,
                "this is no TFRecord: a length does not match its checksum");
  const std::size_t around = tf_head_bytes + tf_tail_bytes;
  if (window.size() < around || window.size() - around < length)
    return incomplete(more, "TFRecord");
  return around + length;
}

std::unexpected<Error> too_large(std::size_t bytes_max) {
  return fail(
      ErrorCode::limit_exceeded,
      fmt::format("a record is larger than the {} bytes that a request may have", bytes_max));
}

// Whole lines are found from behind: no record is looked at.
Result<Cut> cut_lines(const CutRule& rule, std::string_view window, More more) {
  if (more == More::no && window.size() <= rule.bytes_max)
    return Cut{window.size(), count_lines(window)};
  const std::string_view fits = window.substr(0, rule.bytes_max);
  const std::size_t end = fits.rfind('\n');
  if (end != fits.npos) return Cut{end + 1, count_lines(fits.substr(0, end + 1))};
  if (window.size() > rule.bytes_max) return too_large(rule.bytes_max);
  return Cut{};
}

Result<Cut> cut_one(const CutRule& rule, std::string_view window, More more) {
  TRY(const std::size_t end, record_end(rule.type, window, more));
  std::string storage;
  const bool fits = bare_record(rule.type, window.substr(0, end), storage).size() <= rule.bytes_max;
  if (!fits) return too_large(rule.bytes_max);
  return Cut{end, end == 0 ? 0U : 1U};
}

Result<Cut> cut_many(const CutRule& rule, std::string_view window, More more) {
  Cut all;
  while (all.bytes < window.size()) {
    const auto end = record_end(rule.type, window.substr(all.bytes), more);
    if (!end && all.bytes > 0) return all;  // said when it is the first: with its own place
    TRY(const std::size_t next, end);
    if (next == 0 || all.bytes + next > rule.bytes_max) {
      const bool first_is_too_large = all.bytes == 0 && window.size() > rule.bytes_max;
      if (first_is_too_large) return too_large(rule.bytes_max);
      return all;
    }
    all.bytes += next;
    ++all.records;
  }
  return all;
}

}  // namespace

Result<std::size_t> record_end(SplitType type, std::string_view window, More more) {
  switch (type) {
    case SplitType::none: return more == More::may_follow ? 0 : window.size();
    case SplitType::line: return line_end(window, more);
    case SplitType::record_io: return record_io_end(window, more);
    case SplitType::tf_record: return tf_record_end(window, more);
  }
  return 0;
}

Result<Cut> cut(const CutRule& rule, std::string_view window, More more) {
  if (window.empty()) return Cut{};
  if (rule.type == SplitType::none) {
    if (window.size() > rule.bytes_max) return too_large(rule.bytes_max);
    return more == More::may_follow ? Cut{} : Cut{window.size(), 1};
  }
  if (rule.strategy == BatchStrategy::single_record) return cut_one(rule, window, more);
  return rule.type == SplitType::line ? cut_lines(rule, window, more)
                                      : cut_many(rule, window, more);
}

std::string_view bare_record(SplitType type, std::string_view record, std::string& storage) {
  switch (type) {
    case SplitType::none: return record;
    case SplitType::line:
      if (record.ends_with('\n')) record.remove_suffix(1);
      if (record.ends_with('\r')) record.remove_suffix(1);
      return record;
    case SplitType::tf_record:
      if (record.size() < tf_head_bytes + tf_tail_bytes) return {};
      return record.substr(tf_head_bytes, record.size() - tf_head_bytes - tf_tail_bytes);
    case SplitType::record_io: break;
  }
  if (record.size() < record_io_head_bytes) return {};
  const Part first = part_at(record, 0);
  if (first.last()) return record.substr(record_io_head_bytes, first.data_bytes);
  // The writer cut the record wherever the magic stood in it: the parts are joined by it again.
  storage.clear();
  for (std::size_t at = 0; at < record.size();) {
    const Part part = part_at(record, at);
    if (at > 0) storage.append(record.substr(at, 4));
    storage.append(record.substr(at + record_io_head_bytes, part.data_bytes));
    at += part.bytes();
  }
  return storage;
}

bool next_line(std::string_view& rest, std::string_view& line) {
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) return true;
  }
  return false;
}

// A line is counted where it ends: at a line feed that has something else before it than a line's
// beginning, a carriage return apart. In chunks that a byte can count, so that the compiler makes
// vectors of it.
std::uint64_t count_lines(std::string_view text) {
  const char* const first = text.data();
  const std::size_t head = std::min<std::size_t>(text.size(), 2);
  const auto begins_line = [&](std::size_t at) { return at == 0 || first[at - 1] == '\n'; };
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < head; ++at)
    if (first[at] == '\n' && !begins_line(at) && !(first[at - 1] == '\r' && begins_line(at - 1)))
      ++count;
  for (std::size_t at = head; at < text.size();) {
    const std::size_t end = std::min<std::size_t>(text.size(), at + 255);
    std::uint8_t lines = 0;
    for (; at < end; ++at) {
      const bool empty = (first[at - 1] == '\n') |  // no branches
                         ((first[at - 1] == '\r') & (first[at - 2] == '\n'));
      lines += static_cast<std::uint8_t>((first[at] == '\n') & !empty);
    }
    count += lines;
  }
  const std::string_view rest = text.substr(text.rfind('\n') + 1);
  return rest.empty() || rest == "\r" ? count : count + 1;
}

}  // namespace slipway::transform

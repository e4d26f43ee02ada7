// Any bytes as a transform job's input. However they come and wherever a window ends, the records
// are those of the whole: every byte is in one chunk, chunks keep to the limit, and the first
// record that cannot be sent is named by its place. The first four bytes choose the format, the
// limit and how the bytes come; with the highest bit of the first one the rest is framed as
// records.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "engine/transform/input.h"
#include "engine/transform/split.h"

namespace slipway::transform {
namespace {

constexpr std::size_t head_bytes = 4;
constexpr std::size_t windows_max = 100;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

std::string little(std::uint64_t value, std::size_t bytes) {
  return {reinterpret_cast<const char*>(&value), bytes};
}

std::string masked_crc(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  crc = ~crc;
  return little(((crc >> 15) | (crc << 17)) + 0xa282ead8U, 4);
}

std::string framed(SplitType type, std::string_view data, std::uint32_t continuation) {
  std::string out;
  if (type == SplitType::record_io) {
    out = little(0xced7230a, 4) + little(data.size() | (continuation << 29U), 4);
    out += data;
    out.append((4 - data.size() % 4) % 4, '\0');
  } else if (type == SplitType::tf_record) {
    const std::string length = little(data.size(), 8);
    out = length + masked_crc(length) + std::string(data) + masked_crc(data);
  } else {
    out = std::string(data) + '\n';
  }
  return out;
}

// A byte says how long the next record's data is, and its highest two bits how it goes on.
std::string as_records(SplitType type, std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto first = static_cast<unsigned char>(bytes.front());
    const std::string_view data = bytes.substr(1, first & 0x3fU);
    out += framed(type, data, first >> 6U);
    bytes.remove_prefix(1 + data.size());
  }
  return out;
}

// The records of the whole text, one after the other.
struct Right {
  std::vector<std::size_t> ends;
  bool all = true;  // nothing but records
};
Right right_records(SplitType type, std::string_view text) {
  Right right;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = record_end(type, text.substr(at), More::no);
    right.all = end.has_value();
    if (!end) return right;
    check(*end > 0 && *end <= text.size() - at);
    at += *end;
    right.ends.push_back(at);
  }
  return right;
}

// A part of a record is never taken for one, and never refused where the whole is fine.
void try_windows(SplitType type, std::string_view text, const Right& right) {
  const std::size_t first = right.ends.empty() ? 0 : right.ends[0];
  for (std::size_t size = 0; size <= std::min(text.size(), windows_max); ++size) {
    const auto end = record_end(type, text.substr(0, size), More::may_follow);
    if (first == 0 && !end) continue;
    check(end && (*end == 0 || *end == first));
    if (first > 0 && size > first) check(*end == first);
  }
}

ByteSource in_stretches(std::string_view text, std::uint64_t seed) {
  return [text, random = std::make_shared<SeededRandom>(seed)](
             std::span<std::byte> out) mutable -> Result<std::size_t> {
    const std::size_t most = std::min(out.size(), text.size());
    const std::size_t got = most == 0 ? 0 : 1 + below(*random, most);
    std::memcpy(out.data(), text.data(), got);
    text.remove_prefix(got);
    return got;
  };
}

std::string bare(SplitType type, std::string_view record) {
  std::string storage;
  return std::string(bare_record(type, record, storage));
}

class Chunks {
 public:
  Chunks(const CutRule& rule, std::string_view text, const Right& right)
      : rule_(rule), text_(text), right_(right) {}

  // Returns what the failure says, if it comes to one.
  std::string run(std::uint64_t seed) {
    InputChunks input(in_stretches(text_, seed), rule_,
                      std::make_shared<Blocks>(rule_.bytes_max + InputChunks::block_margin));
    std::size_t at = 0;
    for (;;) {
      const auto chunk = input.next();
      check(input.offset() == at + (chunk && *chunk ? (*chunk)->bytes : 0));
      if (!chunk) return failed(at), chunk.error().message;
      if (!*chunk) return check(right_.all && at == text_.size()), "";
      take(**chunk, at);
      at += (*chunk)->bytes;
    }
  }

 private:
  bool alone() const {
    return rule_.strategy == BatchStrategy::single_record || rule_.type == SplitType::none;
  }
  // The end of the record that begins at `at`, where it has one.
  std::optional<std::size_t> end_of(std::size_t at) const {
    const auto next = std::ranges::upper_bound(right_.ends, at);
    return next == right_.ends.end() ? std::nullopt : std::optional(*next);
  }

  void take(const Chunk& chunk, std::size_t at) const {
    check(chunk.offset == at && chunk.bytes > 0 && chunk.input.size() <= rule_.bytes_max);
    const std::string_view raw = text_.substr(at, chunk.bytes);
    check(raw.size() == chunk.bytes);
    check(std::ranges::binary_search(right_.ends, at + chunk.bytes));
    if (alone()) {
      check(*end_of(at) == at + chunk.bytes && chunk.records == 1);
      check(chunk.input == bare(rule_.type, raw));
      return;
    }
    check(chunk.input == raw);
    std::uint64_t records = 0;
    std::string_view rest = raw, line;
    if (rule_.type == SplitType::line)
      while (next_line(rest, line)) ++records;
    else
      for (std::size_t to = at; to < at + chunk.bytes; to = *end_of(to)) ++records;
    check(chunk.records == records);
  }

  // All before it was sent, and it is not of the format or too large.
  void failed(std::size_t at) const {
    const auto end = end_of(at);
    check(at == 0 || std::ranges::binary_search(right_.ends, at));
    if (!end) return check(!right_.all);
    const std::string_view record = text_.substr(at, *end - at);
    const bool framing_is_large =
        record.size() > rule_.bytes_max + InputChunks::block_margin;  // a record of many parts
    check(framing_is_large ||
          (alone() ? bare(rule_.type, record) : std::string(record)).size() > rule_.bytes_max);
  }

  const CutRule rule_;
  const std::string_view text_;
  const Right& right_;
};

void try_lines(std::string_view text) {
  std::uint64_t lines = 0;
  std::string_view rest = text, line;
  while (next_line(rest, line)) {
    check(!line.empty() && !line.contains('\n'));
    ++lines;
  }
  check(lines == count_lines(text));
}

}  // namespace
}  // namespace slipway::transform

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::transform;
  if (size < head_bytes) return 0;
  const auto type = static_cast<SplitType>(data[0] & 3U);
  const CutRule rule{.type = type,
                     .strategy = static_cast<BatchStrategy>((data[0] >> 2U) & 1U),
                     .bytes_max = 1U + data[1]};
  const std::string_view rest(reinterpret_cast<const char*>(data) + head_bytes, size - head_bytes);
  const std::string text = (data[0] & 0x80U) != 0 ? as_records(type, rest) : std::string(rest);
  const Right right = right_records(type, text);
  try_windows(type, text, right);
  Chunks chunks(rule, text, right);
  check(chunks.run(data[2]) == chunks.run(data[3]));
  try_lines(text);
  return 0;
}

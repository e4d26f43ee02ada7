// Blocks: a segment's text in parts of some 256 KiB, each of whole records, which are read, packed
// and passed over one by one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace slipway::logs {

// Limits.
inline constexpr std::uint64_t block_bytes_max = 256 * 1024;  // but for its last record

// Where a block stands, and which times its events have.
struct Block {
  std::uint64_t offset = 0;  // in the segment's text
  std::uint64_t bytes = 0;   // of that text
  // Of its events; first > last: it has none.
  Timestamp first = Timestamp::max();
  Timestamp last = Timestamp::min();
  // Where it lies packed; packed_bytes 0: it lies as text.
  std::uint64_t packed_offset = 0;
  std::uint32_t packed_bytes = 0;
  std::uint32_t checksum = 0;  // of the text

  void take(Timestamp time);
};

// A segment's text as it grows: its blocks, and what the records in them say together.
class BlockList {
 public:
  // Takes `text`, whole lines that follow what it has.
  void add(std::string_view text);

  const std::vector<Block>& blocks() const { return blocks_; }
  std::optional<Timestamp> first() const;  // the earliest event's
  std::optional<Timestamp> last() const;   // the latest event's
  // Of the last record; zeros where there is none.
  std::uint64_t cursor() const { return cursor_; }
  Timestamp ingested() const { return ingested_; }

 private:
  std::vector<Block> blocks_;
  std::uint64_t bytes_ = 0;
  std::uint64_t cursor_ = 0;
  Timestamp ingested_{};
};

// What a message must hold to be wanted: of each clause at least one text. No clause: any message.
using Needles = std::vector<std::vector<std::string>>;

// Which sequences of three bytes occur in the messages of a block, nearly: it says of some that
// they do which do not.
class TrigramSet {
 public:
  static constexpr std::size_t bytes = 4096;

  void add(std::string_view escaped_message);
  bool may_hold(std::string_view text) const;
  // Whether a message that `needles`, escaped, allow may be there.
  bool may_hold(const Needles& needles) const;

  std::string_view data() const;
  static TrigramSet from(std::string_view data);  // of `bytes` bytes

 private:
  std::array<std::uint64_t, bytes / sizeof(std::uint64_t)> bits_{};
};

// The messages of some records as one set.
TrigramSet trigrams_of(std::string_view records);

}  // namespace slipway::logs

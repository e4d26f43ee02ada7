#include "engine/logs/block.h"

#include <algorithm>
#include <cstring>

#include "engine/logs/record.h"

namespace slipway::logs {

namespace {

constexpr std::size_t gram_bytes = 3;

// Of the three bytes at `at`: a number below the count of bits.
std::uint32_t bit_of(const char* at) {
  const auto byte = [&](int i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i]));
  };
  constexpr std::uint32_t mixer = 2'654'435'761U;
  constexpr unsigned unused_bits = 32 - 15;  // 2^15 bits are 4096 bytes
  return ((byte(0) | byte(1) << 8 | byte(2) << 16) * mixer) >> unused_bits;
}

// Calls `each` with every line of `text`, without its end; what follows the last line end is none.
void for_each_line(std::string_view text, auto each) {
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
    each(text.substr(at, end - at));
}

}  // namespace

void Block::take(Timestamp time) {
  first = std::min(first, time);
  last = std::max(last, time);
}

void BlockList::add(std::string_view text) {
  for_each_line(text, [&](std::string_view line) {
    if (blocks_.empty() || blocks_.back().bytes >= block_bytes_max)
      blocks_.push_back({.offset = bytes_});
    blocks_.back().bytes += line.size() + 1;
    bytes_ += line.size() + 1;
    const auto record = view_record(line);
    if (!record) return;
    blocks_.back().take(record->time);
    cursor_ = record->cursor;
    ingested_ = record->ingested;
  });
}

std::optional<Timestamp> BlockList::first() const {
  Timestamp first = Timestamp::max();
  for (const Block& block : blocks_) first = std::min(first, block.first);
  return first == Timestamp::max() ? std::nullopt : std::optional(first);
}

std::optional<Timestamp> BlockList::last() const {
  Timestamp last = Timestamp::min();
  for (const Block& block : blocks_) last = std::max(last, block.last);
  return last == Timestamp::min() ? std::nullopt : std::optional(last);
}

void TrigramSet::add(std::string_view message) {
  for (std::size_t i = 0; i + gram_bytes <= message.size(); ++i) {
    const std::uint32_t bit = bit_of(message.data() + i);
    bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

bool TrigramSet::may_hold(std::string_view text) const {
  for (std::size_t i = 0; i + gram_bytes <= text.size(); ++i) {
    const std::uint32_t bit = bit_of(text.data() + i);
    if ((bits_[bit / 64] & std::uint64_t{1} << (bit % 64)) == 0) return false;
  }
  return true;
}

bool TrigramSet::may_hold(const Needles& needles) const {
  return std::ranges::all_of(needles, [&](const std::vector<std::string>& clause) {
    return std::ranges::any_of(clause, [&](const std::string& text) { return may_hold(text); });
  });
}

std::string_view TrigramSet::data() const {
  return {reinterpret_cast<const char*>(bits_.data()), bytes};
}

TrigramSet TrigramSet::from(std::string_view data) {
  TrigramSet set;
  std::memcpy(set.bits_.data(), data.data(), std::min(data.size(), bytes));
  return set;
}

TrigramSet trigrams_of(std::string_view records) {
  TrigramSet set;
  for_each_line(records, [&](std::string_view line) {
    if (const auto record = view_record(line)) set.add(record->escaped);
  });
  return set;
}

}  // namespace slipway::logs

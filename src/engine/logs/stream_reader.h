// Reads the events of a stream's view, block by block, without the book's lock.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/logs/log_book.h"
#include "engine/logs/record.h"

namespace slipway::logs {

// The blocks of a segment that may hold what `needles`, escaped, allow.
std::vector<Block> blocks_of(const StreamView& view, const Segment& segment,
                             const Needles& needles);

// A block's text; empty where its segment went meanwhile.
std::string block_text(const StreamView& view, const Segment& segment, const Block& block);

// Calls `each(offset in text, record)` for every record until it returns false; returns whether
// none did.
bool for_each_record(std::string_view text, auto each) {
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
    if (const auto record = view_record(text.substr(at, end - at)))
      if (!each(at, *record)) return false;
  return true;
}

}  // namespace slipway::logs

// A segment that is full and packed: its blocks compressed one by one, then an index that says of
// each where it lies, which times its events have and which trigrams their messages.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/logs/block.h"

namespace slipway::logs {

// What is known of a packed segment without reading its index.
struct PackedSummary {
  std::uint64_t text_bytes = 0;
  std::uint64_t cursor = 0;  // of its last record
  Timestamp first = Timestamp::max();
  Timestamp last = Timestamp::min();
  Timestamp ingested{};  // the last record was
};

// The bytes of the file of a segment of this text, which are `blocks` of it.
std::string pack_segment(std::string_view text, const BlockList& blocks);

// Returns nullopt where the file is gone or damaged.
std::optional<PackedSummary> read_summary(const std::filesystem::path& file);

// The blocks of a packed segment that may hold what `needles`, escaped, allow; none where the file
// is gone or damaged.
std::vector<Block> read_index(const std::filesystem::path& file, const Needles& needles);

// The text of a block that read_index() gave; empty where the file is gone or damaged.
std::string unpack_block(const std::filesystem::path& file, const Block& block);

}  // namespace slipway::logs

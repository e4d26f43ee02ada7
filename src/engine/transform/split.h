// Finds records in bytes: what a transform job cuts its input into.
//
// Pure functions. Formats: lines end with '\n' (the last one may lack it, empty ones are no
// records); RecordIO as MXNet writes it (magic, 3 bits of continuation and 29 of length, data
// padded to 4 bytes; a record may be of several parts); TFRecord as TensorFlow writes it (length,
// its CRC-32C, data, the data's CRC-32C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::transform {

// Says what a record is within a file: all of it, a line, or one of a framed format.
enum class SplitType : std::uint8_t { none, line, record_io, tf_record };

// Says whether a request carries as many records as fit, or one.
enum class BatchStrategy : std::uint8_t { multi_record, single_record };

// Whether the input goes on behind the window that is looked at.
enum class More : std::uint8_t { may_follow, no };

// Where the record at the beginning of `window` ends, its framing included; 0 where the window
// holds only a part of it. With SplitType::none the whole window is one record, so 0 while more may
// follow. invalid_argument: these bytes are not of the format, or end within a record.
Result<std::size_t> record_end(SplitType type, std::string_view window, More more);

// A stretch of input that goes to an instance as one request.
struct Cut {
  std::size_t bytes = 0;  // 0: nothing yet, a record needs more bytes than the window holds
  std::uint64_t records = 0;
};

// How much of the window's beginning goes into one request of at most `bytes_max` bytes: as many
// whole records as fit, or one. limit_exceeded: the first record alone is larger than bytes_max.
struct CutRule {
  SplitType type = SplitType::none;
  BatchStrategy strategy = BatchStrategy::multi_record;
  std::size_t bytes_max = 0;
};
Result<Cut> cut(const CutRule& rule, std::string_view window, More more);

// What is sent for one record alone: without its line end or its framing (AWS: "padding is removed
// if the value of BatchStrategy is set to SingleRecord"). A RecordIO record of several parts is put
// together in `storage`; otherwise the answer is a view of `record`.
std::string_view bare_record(SplitType type, std::string_view record, std::string& storage);

// The next line without its end, and takes it from `rest`; empty lines are passed over. False at
// the end.
bool next_line(std::string_view& rest, std::string_view& line);

// How many lines of `text` are not empty.
std::uint64_t count_lines(std::string_view text);

}  // namespace slipway::transform

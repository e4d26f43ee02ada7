// One event as a line of a segment: "TIME CURSOR MESSAGE", the time in microseconds, line ends and
// backslashes of the message escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace slipway::logs {

// The longest line that append_record makes: every byte escaped, and two numbers.
inline constexpr std::size_t record_bytes_max = 2 * 64 * 1024 + 64;

// An event as a segment holds it.
struct Record {
  Timestamp time{};
  std::uint64_t cursor = 0;
  std::string message;
};

// With its line end.
void append_record(std::string& out, Timestamp time, std::uint64_t cursor,
                   std::string_view message);

// Without its line end. Nothing where it is no record.
std::optional<Record> read_record(std::string_view line);

}  // namespace slipway::logs

// One event as a line of a segment: "TIME[+LATER] CURSOR MESSAGE", the time in microseconds, and
// how much later it was taken in where that is another time; line ends and backslashes of the
// message escaped. What was appended at once is followed by a line "#CHECKSUM BYTES" over it, so
// that half of it is known after a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace slipway::logs {

// The longest line that append_record makes: every byte escaped, and three numbers.
inline constexpr std::size_t record_bytes_max = 2 * 1024 * 1024 + 96;

// What a record says beside its message.
struct RecordHead {
  Timestamp time{};
  Timestamp ingested{};  // when it was taken in
  std::uint64_t cursor = 0;
};

// An event as a segment holds it.
struct Record : RecordHead {
  std::string message;
};

// An event where it stands in a segment's text; views into that.
struct RecordView : RecordHead {
  std::string_view escaped;  // the message
};

// With its line end.
void append_record(std::string& out, const RecordHead& head, std::string_view message);
// The line that follows what was appended at once; of nothing, at the begin of a segment.
void append_check(std::string& out, std::string_view records);

// Both without the line end. Nothing where it is no record.
std::optional<RecordView> view_record(std::string_view line);
std::optional<Record> read_record(std::string_view line);

// What a check line says.
struct RecordCheck {
  std::uint32_t checksum = 0;
  std::size_t bytes = 0;

  bool holds_for(std::string_view records) const;
};
// Without the line end. Nothing where it is none.
std::optional<RecordCheck> read_check(std::string_view line);

// A message as it stands in a record, and back.
std::string escape(std::string_view message);
std::string unescape(std::string_view escaped);

}  // namespace slipway::logs

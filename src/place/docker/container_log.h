// This is the way of what one container prints, from the engine to who keeps it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "place/docker/container_notes.h"
#include "place/docker/log_frames.h"
#include "place/place.h"

namespace slipway::place {

// Holds at most so much that the sink has not taken; the engine keeps the rest until there is room.
inline constexpr std::size_t held_log_bytes_max = 1024 * 1024;

// Reads the engine's stream with times in it, and knows after a restart what of it was read before.
// One thread.
class ContainerLog {
 public:
  // Goes on behind `marks`. The sink outlives this object; null, or labels without a group: what is
  // printed is the tail alone.
  ContainerLog(LogSink* sink, InstanceKey key, Labels labels, LogMarks marks);

  // The value of the stream's parameter `since`: seconds since 1970.
  std::int64_t since() const;
  // A stream begins, from since() on: what was read before is passed over.
  void restart();
  // corrupted: as LogFrames has it.
  Result<> feed(std::string_view bytes);
  bool is_full() const { return marks_.held.size() > held_log_bytes_max; }

  // A line of the place's own, once the container has ended.
  void add_line(std::string_view line);

  // Whether it printed since the last offer, or the sink has not taken all that is whole.
  bool is_due() const { return printed_ || behind_; }
  // Offers the sink what was printed; whether it printed since the last offer.
  enum class Printed : std::uint8_t { nothing, more };
  Printed offer(LogPart::Follows follows);

  std::string tail() const;
  const LogMarks& marks() const { return marks_; }

 private:
  void take(const LogFrame& frame);
  void append(std::string_view text);

  LogSink* const sink_;
  const InstanceKey key_;
  const Labels labels_;
  LogMarks marks_;
  LogFrames frames_;
  std::array<StreamMark, 2> passed_;         // read before this stream began
  std::array<std::uint64_t, 2> again_ = {};  // bytes of `passed_`'s times that came again
  std::uint64_t taken_ahead_ = 0;            // the sink took so much more than was noted
  bool printed_ = false;
  bool behind_ = false;
};

// Nanoseconds since 1970 of "2026-12-01T03:35:00.935018548Z", of any count of digits behind the
// point; nullopt where it is none.
std::optional<std::int64_t> engine_time(std::string_view text);

}  // namespace slipway::place

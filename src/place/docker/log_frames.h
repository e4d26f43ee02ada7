// The framing of what containers print, as the engine sends it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::place {

// The engine splits lines at 16 KiB, and puts a time before each part; a frame above this is no
// frame.
inline constexpr std::size_t log_frame_bytes_max = 1024 * 1024;

// One write of a container. The text is a view into what was fed.
struct LogFrame {
  enum class Stream : std::uint8_t { output, errors };
  Stream stream = Stream::output;
  std::string_view text;
};

// Takes a multiplexed stream apart: frames of a head of eight bytes (the stream's number, three
// zeros, the length in network order) and their text. One thread.
class LogFrames {
 public:
  // Calls `take` for each frame that is whole by now. corrupted: the bytes are no such stream;
  // nothing more may be fed.
  Result<> feed(std::string_view bytes, const std::function<void(const LogFrame&)>& take);

 private:
  std::string partial_;  // of a frame that is not whole yet
};

}  // namespace slipway::place

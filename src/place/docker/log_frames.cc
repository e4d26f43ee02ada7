#include "place/docker/log_frames.h"

#include <fmt/format.h>

namespace slipway::place {

namespace {

constexpr std::size_t head_bytes = 8;

std::size_t length_in(std::string_view head) {
  std::size_t length = 0;
  for (std::size_t i = 4; i < head_bytes; ++i)
    length = (length << 8) | static_cast<unsigned char>(head[i]);
  return length;
}

// Standard input's number, 0, is what some engines write for standard output.
Result<LogFrame::Stream> stream_in(std::string_view head) {
  const auto number = static_cast<unsigned char>(head.front());
  const bool padded = head[1] == 0 && head[2] == 0 && head[3] == 0;
  if (number > 2 || !padded || length_in(head) > log_frame_bytes_max)
    return fail(ErrorCode::corrupted, "The container engine's log stream is not framed.");
  return number == 2 ? LogFrame::Stream::errors : LogFrame::Stream::output;
}

}  // namespace

Result<> LogFrames::feed(std::string_view bytes, const std::function<void(const LogFrame&)>& take) {
  partial_ += bytes;
  std::string_view rest = partial_;
  while (rest.size() >= head_bytes) {
    TRY(const LogFrame::Stream stream, stream_in(rest));
    const std::size_t length = length_in(rest);
    if (rest.size() < head_bytes + length) break;
    take({.stream = stream, .text = rest.substr(head_bytes, length)});
    rest.remove_prefix(head_bytes + length);
  }
  partial_.erase(0, partial_.size() - rest.size());
  return {};
}

}  // namespace slipway::place

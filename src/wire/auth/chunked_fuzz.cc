// Any bytes as an aws-chunked body, split anywhere: the content never exceeds what was announced,
// and where the bytes are split changes nothing.
#include <cstddef>
#include <cstdint>

#include "wire/auth/chunked.h"
#include "wire/auth/event_stream.h"

namespace {

using namespace slipway::wire;

constexpr std::uint64_t announced_bytes = 20'000;

bool decode(PayloadMode mode, std::string_view body, std::size_t step, std::string& content) {
  ChunkedDecoder decoder({.mode = mode,
                          .decoded_length = announced_bytes,
                          .announced_trailers = "x-amz-checksum-crc32c"});
  std::vector<std::string_view> pieces;
  for (; !body.empty(); body.remove_prefix(std::min(step, body.size()))) {
    pieces.clear();
    const bool pushed = decoder.push(body.substr(0, step), pieces).has_value();
    for (const std::string_view piece : pieces) content += piece;
    if (!pushed) return false;
  }
  return decoder.finish().has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto mode = static_cast<PayloadMode>(2 + data[0] % 3);
  const std::size_t step = 1 + data[0] / 3;
  std::string whole;
  std::string split;
  const bool accepted = decode(mode, body, body.size() + 1, whole);
  if (accepted != decode(mode, body, step, split)) __builtin_trap();
  if (accepted && whole != split) __builtin_trap();
  if (whole.size() > announced_bytes) __builtin_trap();
  (void)decode_event_frame(body);
  return 0;
}

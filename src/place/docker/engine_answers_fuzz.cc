// Whatever an engine answers: nothing is read past its end, and what is read is within its limits.
#include <cstdlib>
#include <string_view>

#include "place/docker/container_log.h"
#include "place/docker/engine_documents.h"
#include "place/docker/json_lines.h"
#include "place/docker/log_frames.h"

using namespace slipway;
using namespace slipway::place;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view first = bytes.substr(0, size / 2);
  const std::string_view second = bytes.substr(size / 2);

  ContainerLog log(nullptr, {"key"}, {}, {});
  log.restart();
  if (log.feed(first)) static_cast<void>(log.feed(second));
  if (log.tail().size() > log_tail_bytes_max || log.since() < 0) std::abort();

  JsonLines lines;
  PullProgress pull;
  const auto take = [&](const boost::json::object& document) { pull.take(document); };
  if (lines.feed(first, take)) static_cast<void>(lines.feed(second, take));
  static_cast<void>(pull.sentence());

  std::error_code error;
  const boost::json::value value = boost::json::parse({bytes.data(), bytes.size()}, error);
  if (error) return 0;
  static_cast<void>(machine_of(value));
  static_cast<void>(keys_in(value));
  static_cast<void>(message_of(value));
  if (const auto state = state_of(value, {.owner = "o"})) static_cast<void>(exit_of(*state));
  return 0;
}

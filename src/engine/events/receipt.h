// What a receiver shows to remove or hide again what it received.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/events/queues.h"

namespace slipway::events {

// Which message, and which of its receives.
struct Receipt {
  std::int64_t box = 0;
  std::int64_t seq = 0;
  std::uint32_t receives = 0;
  std::int64_t received = 0;  // when, on the server's time line, in microseconds
};

std::string to_text(const Receipt& receipt);
// invalid_argument, kind "bad_receipt", where `text` is none. It may name a message that is gone,
// or of another queue.
Result<Receipt> receipt_of(const Queue& queue, std::string_view text);

}  // namespace slipway::events

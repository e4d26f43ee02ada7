// One-time codes by time (RFC 6238): six digits, HMAC-SHA-1, a step of thirty seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace slipway::identity {

// Which step of thirty seconds since 1970 it is.
std::int64_t totp_step(Timestamp now);

// The code of one step; `seed` in base32 (RFC 4648). Empty where it is none.
std::string totp_code(std::string_view seed, std::int64_t step);

// A range of steps, both ends in it.
struct TotpWindow {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
// The step of the window that has this code; the latest of several.
std::optional<std::int64_t> find_totp(std::string_view seed, std::string_view code,
                                      TotpWindow window);

}  // namespace slipway::identity

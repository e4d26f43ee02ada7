// docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
#include <algorithm>
#include <cmath>

#include "engine/events/topics.h"

namespace slipway::events {
namespace {

// How far from delay_min to delay_max, for `x` from 0 to 1.
double grown(RetryPolicy::Growth growth, double x) {
  constexpr double base = 10;
  switch (growth) {
    case RetryPolicy::Growth::linear: return x;
    case RetryPolicy::Growth::arithmetic: return x * (x + 1) / 2;
    case RetryPolicy::Growth::geometric: return x * x;
    case RetryPolicy::Growth::exponential: return (std::pow(base, x) - 1) / (base - 1);
  }
  return x;
}

}  // namespace

std::optional<std::chrono::milliseconds> RetryPolicy::delay(std::uint32_t number) const {
  using std::chrono::milliseconds;
  if (number >= retries) return std::nullopt;
  if (number < at_once) return milliseconds(0);
  number -= at_once;
  if (number < at_delay_min) return delay_min;
  number -= at_delay_min;
  const std::uint32_t fixed = std::min(retries, at_once + at_delay_min + at_delay_max);
  const std::uint32_t growing = retries - fixed;
  if (number >= growing) return delay_max;
  const double x = growing > 1 ? static_cast<double>(number) / (growing - 1) : 0;
  const milliseconds least(delay_min);
  const milliseconds span = milliseconds(delay_max) - least;
  return least + milliseconds(std::llround(grown(growth, x) * static_cast<double>(span.count())));
}

}  // namespace slipway::events

// Which Describe calls are held until there is news.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace slipway::service {

// The longest that an answer is held: below every client's read timeout (60 s) and below the 30 s
// after which the SageMaker SDK's own poll would come again.
inline constexpr std::chrono::seconds waiter_hold_max{25};

// Says whether calls that wait for a change are held at all.
enum class Holding : std::uint8_t { on, off };

// Whether the client waits for a change and would ask again: a waiter of an AWS SDK (feature `B` in
// the `m/` list of its User-Agent), or one whose waiters are not marked: the SageMaker Python SDK
// and the AWS SDK for JavaScript. Of those a single Describe is held too, for as long as what it
// describes is in a transitional state.
bool is_waiter(std::string_view user_agent);

}  // namespace slipway::service

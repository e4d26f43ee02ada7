// An endpoint's own counters say this about its workload.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "cli/advise.h"
#include "cli/aws_client.h"

namespace slipway::cli {

// How many requests came in which way.
struct RequestCounts {
  std::uint64_t real_time = 0;
  std::uint64_t queued = 0;  // of an asynchronous endpoint
  std::uint64_t batch = 0;   // of a transform job
};

// Fills rate, time and body sizes of `workload` with what the endpoint or transform job of that
// name was asked between two looks at the server's counters, `window` apart. not_found: nothing of
// that name was ever asked, or nothing was asked meanwhile.
Result<RequestCounts> observe_traffic(AwsClient& client, std::string_view endpoint,
                                      std::chrono::milliseconds window, Workload& workload);

}  // namespace slipway::cli

// What an endpoint's own counters say about its workload.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "cli/advise.h"
#include "cli/aws_client.h"

namespace slipway::cli {

// Fills rate, time and body sizes of `workload` with what the endpoint of that name was asked
// between two looks at the server's counters, `window` apart. not_found: no endpoint of that name
// was ever asked, or nothing was asked meanwhile.
Result<> observe_traffic(AwsClient& client, std::string_view endpoint,
                         std::chrono::milliseconds window, Workload& workload);

}  // namespace slipway::cli

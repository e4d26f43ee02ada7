// Which way to ask fits a workload: a pure function over a table of rules.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/price_list.h"

namespace slipway::cli {

// How a model can be asked, in the words of AWS's documentation.
enum class Way : std::uint8_t {
  real_time,
  streaming,
  serverless,
  asynchronous,
  multi_model,
  batch
};
// "a serverless endpoint"
std::string_view name_of(Way way);

// When answers are wanted.
enum class Wanted : std::uint8_t {
  at_once,   // whole, on the connection that asked
  in_parts,  // as they are made
  later,     // at any time: nobody waits
};

// A workload is what is asked of the models. `rate` is while there is traffic at all, which is
// `busy` of the time.
struct Workload {
  std::uint64_t payload_bytes = 1024;
  std::uint64_t answer_bytes = 1024;
  std::chrono::milliseconds time{50};  // to answer one request, on one core
  double rate = 1;                     // requests a second
  double busy = 1;                     // 0 < busy <= 1
  Wanted wanted = Wanted::at_once;
  std::optional<std::chrono::milliseconds> latency;  // that a caller accepts; none: any
  unsigned models = 1;
  std::uint64_t memory_bytes = 512ULL << 20;  // of one loaded model with its program
  std::string instance_type = "ml.m5.large";
  unsigned cores = 2;                    // of one such instance
  std::optional<double> budget_dollars;  // a month
};

// A way that does not fit, and the limit that says so.
struct Refusal {
  Way way;
  std::string_view why;
};

// Which way to ask a model fits, and with which settings.
struct Advice {
  std::optional<Way> way;                // none: nothing fits, and `refusals` say why
  unsigned instances = 0;                // 0: the way has none to choose
  unsigned concurrency = 0;              // what the way calls so; 0: nothing to choose
  unsigned provisioned_concurrency = 0;  // serverless
  unsigned memory_mb = 0;                // serverless
  std::optional<double> dollars;         // a month; none: the price list does not say
  std::vector<std::string> reasons;      // sentences
  std::vector<Refusal> refusals;         // of every way that a limit rules out
};

// `prices` may be null. The cost is that of computing; data, storage and requests are not in it.
Advice advise(const Workload& workload, const PriceList* prices);

}  // namespace slipway::cli

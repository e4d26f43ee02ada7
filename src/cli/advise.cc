#include "cli/advise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace slipway::cli {

namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// AWS's limits (hosting guide, "Inference options", "Serverless Inference", "Asynchronous
// inference", CreateTransformJob).
constexpr std::uint64_t mb = 1ULL << 20;
constexpr std::uint64_t real_time_body_max = 25 * mb;
constexpr std::uint64_t serverless_body_max = 4 * mb;
constexpr std::uint64_t asynchronous_body_max = 1024 * mb;
constexpr std::uint64_t batch_record_max = 100 * mb;
constexpr unsigned serverless_concurrency_max = 200;
constexpr std::uint64_t serverless_memory_max = 6144 * mb;
constexpr unsigned asynchronous_concurrency_max = 1000;

// Choices, not AWS's: where idle time makes serverless the first thing to try; how full an instance
// may be; a wish below this wants capacity that is warm; how much a queue may keep a caller
// waiting.
constexpr double serverless_busy_max = 0.4;
constexpr double instance_load_max = 0.7;
constexpr milliseconds warm_latency{1'000};
constexpr milliseconds queue_latency_min{1'000};
constexpr double hours_of_month = 730;

// The requests that are under way at once (Little's law), while there is traffic.
double in_flight(const Workload& w) {
  return w.rate * std::chrono::duration<double>(w.time).count();
}

unsigned at_least_one(double count) {
  return static_cast<unsigned>(std::clamp(std::ceil(count - 1e-9), 1.0, 1e6));
}

struct Rule {
  Way way;
  bool (*rules_out)(const Workload&);
  std::string_view why;
};

bool body_over(const Workload& w, std::uint64_t most) {
  return w.payload_bytes > most || w.answer_bytes > most;
}

constexpr Rule rules[] = {
    {Way::real_time, [](const Workload& w) { return body_over(w, real_time_body_max); },
     "it takes and gives bodies of at most 25 MB"},
    {Way::real_time, [](const Workload& w) { return w.time > 60s; }, "it must answer within 60 s"},
    {Way::real_time, [](const Workload& w) { return w.wanted == Wanted::in_parts; },
     "it answers whole"},
    {Way::streaming, [](const Workload& w) { return w.wanted != Wanted::in_parts; },
     "answers in parts are not wanted"},
    {Way::streaming, [](const Workload& w) { return w.payload_bytes > real_time_body_max; },
     "it takes bodies of at most 25 MB"},
    {Way::streaming, [](const Workload& w) { return w.time > 8min; },
     "a streamed answer must end within 8 minutes"},
    {Way::serverless, [](const Workload& w) { return body_over(w, serverless_body_max); },
     "it takes and gives bodies of at most 4 MB"},
    {Way::serverless, [](const Workload& w) { return w.time > 60s; }, "it must answer within 60 s"},
    {Way::serverless, [](const Workload& w) { return w.memory_bytes > serverless_memory_max; },
     "it has at most 6 GB of memory"},
    {Way::serverless, [](const Workload& w) { return in_flight(w) > serverless_concurrency_max; },
     "its MaxConcurrency is at most 200"},
    {Way::serverless, [](const Workload& w) { return w.models > 1; }, "it hosts one model"},
    {Way::serverless, [](const Workload& w) { return w.wanted == Wanted::in_parts; },
     "it answers whole"},
    {Way::asynchronous, [](const Workload& w) { return body_over(w, asynchronous_body_max); },
     "it takes and gives objects of at most 1 GB"},
    {Way::asynchronous, [](const Workload& w) { return w.time > 1h; },
     "it must answer within 3,600 s"},
    {Way::asynchronous, [](const Workload& w) { return w.wanted == Wanted::in_parts; },
     "it answers whole, into an object"},
    {Way::asynchronous,
     [](const Workload& w) { return w.latency && *w.latency < queue_latency_min; },
     "requests wait in a queue and answers are objects: nothing for a latency below a second"},
    {Way::multi_model, [](const Workload& w) { return w.models < 2; }, "there is only one model"},
    {Way::multi_model, [](const Workload& w) { return body_over(w, real_time_body_max); },
     "it takes and gives bodies of at most 25 MB"},
    {Way::multi_model, [](const Workload& w) { return w.time > 60s; },
     "it must answer within 60 s"},
    {Way::multi_model, [](const Workload& w) { return w.wanted == Wanted::in_parts; },
     "InvokeEndpointWithResponseStream has no TargetModel"},
    {Way::batch, [](const Workload& w) { return w.wanted != Wanted::later; },
     "somebody waits for the answers"},
    {Way::batch, [](const Workload& w) { return w.payload_bytes > batch_record_max; },
     "its MaxPayloadInMB is at most 100"},
    {Way::batch, [](const Workload& w) { return w.time > 1h; },
     "an invocation may take at most 3,600 s"},
};

// Says what to try first, by when answers are wanted and what the traffic looks like; the first one
// that no rule rules out. `because` completes "…: ".
struct Preference {
  bool (*applies)(const Workload&);
  std::string_view because;
  std::array<Way, 4> order;
};

constexpr Preference preferences[] = {
    {[](const Workload& w) { return w.wanted == Wanted::later; },
     "nobody waits for the answers, so instances are needed only while there is work",
     {Way::batch, Way::asynchronous, Way::multi_model, Way::real_time}},
    {[](const Workload& w) { return w.wanted == Wanted::in_parts; },
     "answers are wanted as they are made",
     {Way::streaming, Way::streaming, Way::streaming, Way::streaming}},
    {[](const Workload& w) { return w.models > 1; },
     "many models share instances, each is loaded when it is asked for",
     {Way::multi_model, Way::asynchronous, Way::real_time, Way::real_time}},
    {[](const Workload& w) { return w.busy < serverless_busy_max; },
     "there is no traffic for most of the time, and a serverless endpoint costs nothing then",
     {Way::serverless, Way::real_time, Way::asynchronous, Way::asynchronous}},
    {[](const Workload&) { return true; },
     "traffic is steady enough for instances that are always there",
     {Way::real_time, Way::asynchronous, Way::serverless, Way::serverless}},
};

const Preference& preference_for(const Workload& workload) {
  return *std::ranges::find_if(preferences,
                               [&](const Preference& p) { return p.applies(workload); });
}

bool fits(const Workload& workload, Way way) {
  return std::ranges::none_of(
      rules, [&](const Rule& rule) { return rule.way == way && rule.rules_out(workload); });
}

unsigned instances_for(const Workload& w) {
  return at_least_one(in_flight(w) / (w.cores * instance_load_max));
}

unsigned serverless_memory_mb(const Workload& w) {
  return at_least_one(static_cast<double>(w.memory_bytes) / static_cast<double>(1024 * mb)) * 1024;
}

struct Price {
  std::string usage_type;
  double units_a_month;
};

// Returns what of the price list a way costs; no data, storage or requests.
Price price_for(const Workload& w, Way way) {
  const double busy_hours = hours_of_month * w.busy;
  const double instances = instances_for(w);
  switch (way) {
    case Way::serverless:
      return {fmt::format("ServerlessInf:Mem-{}GB", serverless_memory_mb(w) / 1024),
              in_flight(w) * busy_hours * 3600};
    case Way::asynchronous:  // to zero while there is nothing to do
      return {fmt::format("AsyncInf:{}", w.instance_type), instances * busy_hours};
    case Way::batch: return {fmt::format("Tsform:{}", w.instance_type), instances * busy_hours};
    default: return {fmt::format("Host:{}", w.instance_type), instances * hours_of_month};
  }
}

std::optional<double> cost_of(const Workload& w, Way way, const PriceList* prices) {
  if (prices == nullptr) return std::nullopt;
  const Price price = price_for(w, way);
  auto each = prices->price_of(price.usage_type);
  if (!each && way == Way::asynchronous)
    each = prices->price_of(fmt::format("Host:{}", w.instance_type));
  if (!each) return std::nullopt;
  return *each * price.units_a_month;
}

void size_serverless(const Workload& w, Advice& advice) {
  advice.concurrency = at_least_one(in_flight(w));
  advice.memory_mb = serverless_memory_mb(w);
  if (w.latency && *w.latency < warm_latency) {
    advice.provisioned_concurrency = advice.concurrency;
    advice.reasons.push_back(
        "on AWS the first request after an idle time waits for a cold start of seconds: "
        "ProvisionedConcurrency keeps the latency that is wished for, and costs while it is idle");
  }
}

void size(const Workload& w, Advice& advice) {
  advice.reasons.push_back(
      fmt::format("{:.4g} requests a second of {} ms each are {:.2g} under way at once", w.rate,
                  w.time.count(), in_flight(w)));
  if (advice.way == Way::serverless) return size_serverless(w, advice);
  advice.instances = instances_for(w);
  if (advice.way == Way::asynchronous) {
    advice.concurrency = std::min(std::max(1U, w.cores), asynchronous_concurrency_max);
    advice.reasons.push_back(
        "a scaling policy takes it to zero instances while its queue is empty");
  }
  if (advice.way == Way::real_time && w.models > 1) {
    advice.instances = std::max(advice.instances, w.models);
    advice.reasons.emplace_back(
        "each model has an endpoint of its own; inference components let several share instances");
  }
  if (advice.way == Way::batch) advice.concurrency = std::max(1U, w.cores);
  if (advice.way == Way::multi_model)
    advice.reasons.push_back(fmt::format(
        "{} models of {} MB need {} MB where all are to stay in memory; the least recently used "
        "ones leave it first",
        w.models, w.memory_bytes / mb, w.models * (w.memory_bytes / mb)));
}

// The cheapest of those that fit, where the preferred one costs more than the budget.
Way within_budget(const Workload& w, std::span<const Way> candidates, const PriceList* prices,
                  std::vector<std::string>& reasons) {
  const auto first_cost = cost_of(w, candidates.front(), prices);
  if (!w.budget_dollars || !first_cost || *first_cost <= *w.budget_dollars)
    return candidates.front();
  Way best = candidates.front();
  double least = *first_cost;
  for (const Way way : candidates)
    if (const auto cost = cost_of(w, way, prices); cost && *cost < least) {
      best = way;
      least = *cost;
    }
  if (best != candidates.front())
    reasons.push_back(fmt::format("{} would cost ${:.2f} a month, over the budget of ${:.2f}",
                                  name_of(candidates.front()), *first_cost, *w.budget_dollars));
  if (least > *w.budget_dollars)
    reasons.push_back(fmt::format("nothing that fits stays within the budget of ${:.2f} a month",
                                  *w.budget_dollars));
  return best;
}

}  // namespace

std::string_view name_of(Way way) {
  switch (way) {
    case Way::real_time: return "a real-time endpoint";
    case Way::streaming: return "a real-time endpoint with response streaming";
    case Way::serverless: return "a serverless endpoint";
    case Way::asynchronous: return "an asynchronous endpoint";
    case Way::multi_model: return "a multi-model endpoint";
    case Way::batch: return "a batch transform job";
  }
  return "";
}

Advice advise(const Workload& workload, const PriceList* prices) {
  Advice advice;
  for (const Rule& rule : rules)
    if (rule.rules_out(workload)) advice.refusals.push_back({rule.way, rule.why});
  const Preference& preference = preference_for(workload);
  std::vector<Way> candidates;
  for (const Way way : preference.order)
    if (fits(workload, way) && std::ranges::find(candidates, way) == candidates.end())
      candidates.push_back(way);
  if (candidates.empty()) return advice;
  if (candidates.front() == preference.order.front())
    advice.reasons.emplace_back(preference.because);
  advice.way = within_budget(workload, candidates, prices, advice.reasons);
  size(workload, advice);
  advice.dollars = cost_of(workload, *advice.way, prices);
  return advice;
}

}  // namespace slipway::cli

// slipway advise: which way to ask fits, and why.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cmath>
#include <ostream>

#include "cli/advise.h"
#include "cli/command.h"
#include "cli/traffic.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

constexpr double window_ms_max = 3'600'000;

// As typed; durations in milliseconds.
struct AdviseOptions {
  ClientOptions client;
  std::string endpoint;
  double watch_ms = 10'000;
  Workload workload;
  std::optional<Wanted> wanted;
  double time_ms = 50;
  double latency_ms = 0;
  double busy_percent = 100;
  double budget = 0;
  std::string price_file;
};

// Holds what is asked, and how what was watched came.
struct Watched {
  Workload workload;
  std::optional<RequestCounts> seen;
};

// Nobody waits for what is queued or comes in batches.
Wanted wanted_of(const RequestCounts& seen) {
  return seen.real_time > 0 ? Wanted::at_once : Wanted::later;
}

Result<Watched> workload_of(World& world, const AdviseOptions& options) {
  Watched out{.workload = options.workload};
  Workload& workload = out.workload;
  workload.wanted = options.wanted.value_or(Wanted::at_once);
  workload.time = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(options.time_ms)));
  workload.busy = options.busy_percent / 100;
  if (options.latency_ms > 0)
    workload.latency = std::chrono::milliseconds(static_cast<std::int64_t>(options.latency_ms));
  if (options.budget > 0) workload.budget_dollars = options.budget;
  if (options.endpoint.empty()) return out;
  TRY(AwsClient client, connect(world, options.client));
  const auto window = std::chrono::milliseconds(static_cast<std::int64_t>(options.watch_ms));
  TRY(out.seen, observe_traffic(client, options.endpoint, window, workload));
  workload.wanted = options.wanted.value_or(wanted_of(*out.seen));
  return out;
}

json::object to_json(const Advice& advice, const std::optional<RequestCounts>& seen) {
  json::array reasons(advice.reasons.begin(), advice.reasons.end());
  json::array refusals;
  for (const Refusal& refusal : advice.refusals)
    refusals.push_back({{"way", name_of(refusal.way)}, {"why", refusal.why}});
  json::object out{{"reasons", std::move(reasons)}, {"refusals", std::move(refusals)}};
  if (seen)
    out["seen"] = json::object{
        {"realTime", seen->real_time}, {"queued", seen->queued}, {"batch", seen->batch}};
  if (!advice.way) return out;
  out["way"] = name_of(*advice.way);
  if (advice.instances > 0) out["instances"] = advice.instances;
  if (advice.concurrency > 0) out["concurrency"] = advice.concurrency;
  if (advice.provisioned_concurrency > 0)
    out["provisionedConcurrency"] = advice.provisioned_concurrency;
  if (advice.memory_mb > 0) out["memorySizeInMB"] = advice.memory_mb;
  if (advice.dollars) out["dollarsPerMonth"] = *advice.dollars;
  return out;
}

// "2 instances of ml.m5.large, 2 requests at once on each"
std::string sizes_of(const Workload& workload, const Advice& advice) {
  switch (*advice.way) {
    case Way::serverless:
      return fmt::format(
          "MemorySizeInMB {}, MaxConcurrency {}{}", advice.memory_mb, advice.concurrency,
          advice.provisioned_concurrency == 0
              ? ""
              : fmt::format(", ProvisionedConcurrency {}", advice.provisioned_concurrency));
    case Way::asynchronous:
      return fmt::format("{} x {}, MaxConcurrentInvocationsPerInstance {}", advice.instances,
                         workload.instance_type, advice.concurrency);
    case Way::batch:
      return fmt::format("{} x {}, MaxConcurrentTransforms {}", advice.instances,
                         workload.instance_type, advice.concurrency);
    default: return fmt::format("{} x {}", advice.instances, workload.instance_type);
  }
}

void print_seen(World& world, const RequestCounts& seen) {
  world.out << fmt::format("Seen: {} requests in real time, {} queued, {} in batches.\n",
                           seen.real_time, seen.queued, seen.batch);
}

void print_text(World& world, const Workload& workload, const Advice& advice) {
  if (advice.way) {
    world.out << fmt::format("Use {}: {}.\n", name_of(*advice.way), sizes_of(workload, advice));
    if (advice.dollars)
      world.out << fmt::format("On AWS: ${:.2f} a month for computing.\n", *advice.dollars);
  } else {
    world.out << "No way to ask fits.\n";
  }
  if (!advice.reasons.empty()) world.out << "\nWhy\n";
  for (const std::string& reason : advice.reasons) world.out << "  " << reason << '\n';
  if (!advice.refusals.empty()) world.out << "\nRuled out\n";
  for (const Refusal& refusal : advice.refusals)
    world.out << fmt::format("  {}: {}\n", name_of(refusal.way), refusal.why);
}

Result<> print_advice(World& world, const AdviseOptions& options) {
  std::optional<PriceList> prices;
  if (!options.price_file.empty()) {
    TRY(prices, PriceList::read(options.price_file));
  }
  TRY(const Watched watched, workload_of(world, options));
  const Advice advice = advise(watched.workload, prices ? &*prices : nullptr);
  if (options.client.format == Format::json) {
    world.out << pretty(to_json(advice, watched.seen));
  } else {
    if (watched.seen) print_seen(world, *watched.seen);
    print_text(world, watched.workload, advice);
  }
  if (!advice.way) world.exit = ExitCode::failed;
  return {};
}

CLI::AsNumberWithUnit duration() {
  return CLI::AsNumberWithUnit(
      std::map<std::string, double>{{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}});
}

void add_workload_options(CLI::App& command, AdviseOptions& options) {
  Workload& workload = options.workload;
  command.add_option("--payload", workload.payload_bytes, "One request: 4KB, 30MB (default 1KB)")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--answer", workload.answer_bytes, "One answer (default 1KB)")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--time", options.time_ms, "To answer one, on one core: 50ms, 2s, 5min")
      ->transform(duration())
      ->check(CLI::PositiveNumber);
  command.add_option("--rate", workload.rate, "Requests a second while there is traffic")
      ->check(CLI::PositiveNumber);
  command.add_option("--busy", options.busy_percent, "Percent of the time with traffic")
      ->check(CLI::Range(0.01, 100.0));
  command.add_option("--latency", options.latency_ms, "What a caller accepts: 200ms")
      ->transform(duration());
  command
      .add_option("--wanted", options.wanted,
                  "When answers are wanted: at-once (default), in-parts, later (default where all "
                  "that NAME was asked is queued or in batches)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Wanted>{
          {"at-once", Wanted::at_once}, {"in-parts", Wanted::in_parts}, {"later", Wanted::later}}));
  command.add_option("--models", workload.models, "How many models are asked")
      ->check(CLI::Range(1U, 1'000'000U));
  command.add_option("--memory", workload.memory_bytes, "One loaded model: 500MB, 3GB")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--instance-type", workload.instance_type, "Default ml.m5.large");
  command.add_option("--cores", workload.cores, "Of one such instance (default 2)")
      ->check(CLI::Range(1U, 1024U));
  command.add_option("--budget", options.budget, "Dollars a month; needs --price-file")
      ->check(CLI::PositiveNumber);
  command.add_option("--price-file", options.price_file,
                     "AWS's price list of AmazonSageMaker for a region, as JSON");
}

}  // namespace

void add_advise(CLI::App& app, World& world) {
  auto options = std::make_shared<AdviseOptions>();
  CLI::App* command =
      app.add_subcommand("advise", "Say which endpoint type fits a workload, and why");
  command
      ->add_option("NAME", options->endpoint, "Watch this endpoint or job instead of --rate, ...")
      ->type_name("");
  command->add_option("--watch", options->watch_ms, "For how long to watch it (default 10s)")
      ->transform(duration())
      ->check(CLI::Range(1.0, window_ms_max));
  add_workload_options(*command, *options);
  add_client_options(*command, options->client);
  command->footer(
      "Examples:\n"
      "  slipway advise --payload 4KB --time 30ms --rate 200 --latency 100ms\n"
      "  slipway advise --rate 0.5 --busy 5 --memory 3GB\n"
      "  slipway advise --payload 200MB --time 3min --wanted later\n"
      "  slipway advise iris --watch 1min --price-file index.json");
  set_action(*command, world, std::move(options), print_advice);
}

}  // namespace slipway::cli

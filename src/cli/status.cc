// slipway status: all endpoints and the newest transform jobs, or one of them in full.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ostream>

#include "cli/command.h"
#include "cli/endpoint_calls.h"
#include "cli/transform_status.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

struct StatusOptions {
  ClientOptions client;
  std::string name;
};

double number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  boost::system::error_code error;
  const auto number = value == nullptr ? 0.0 : value->to_number<double>(error);
  return error ? 0.0 : number;
}

std::string time_of(const json::object& object, std::string_view name) {
  return to_iso8601(from_epoch_seconds(number_of(object, name)));
}

const json::array& list_of(const json::object& object, std::string_view name) {
  static const json::array nothing;
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? value->get_array() : nothing;
}

Result<json::array> list_endpoints(AwsClient& client) {
  json::array all;
  json::object input{{"MaxResults", 100}, {"SortBy", "Name"}, {"SortOrder", "Ascending"}};
  for (;;) {
    TRY(const json::object page, client.call("sagemaker", "ListEndpoints", input));
    const json::array& endpoints = list_of(page, "Endpoints");
    all.insert(all.end(), endpoints.begin(), endpoints.end());
    const std::string next = text_of(page, "NextToken");
    if (next.empty()) return all;
    input["NextToken"] = next;
  }
}

std::string rows_of(const World& world, const json::array& endpoints) {
  std::vector<std::vector<std::string>> rows{{"NAME", "CHANGED", "STATUS"}};
  for (const json::value& each : endpoints) {
    if (!each.is_object()) continue;
    const json::object& endpoint = each.get_object();
    rows.push_back({shown(endpoint, "EndpointName"), time_of(endpoint, "LastModifiedTime"),
                    status_text(world, shown(endpoint, "EndpointStatus"))});
  }
  return table(rows);
}

std::string variant_text(const json::object& variant) {
  return fmt::format("{}: {:.0f} of {:.0f} instances, weight {}", shown(variant, "VariantName"),
                     number_of(variant, "CurrentInstanceCount"),
                     number_of(variant, "DesiredInstanceCount"),
                     number_of(variant, "CurrentWeight"));
}

std::string full_text(const World& world, const json::object& endpoint) {
  std::vector<std::vector<std::string>> rows{
      {"name", shown(endpoint, "EndpointName")},
      {"status", status_text(world, shown(endpoint, "EndpointStatus"))},
      {"configuration", shown(endpoint, "EndpointConfigName")},
      {"created", time_of(endpoint, "CreationTime")},
      {"changed", time_of(endpoint, "LastModifiedTime")}};
  for (const json::value& variant : list_of(endpoint, "ProductionVariants")) {
    if (variant.is_object()) rows.push_back({"variant", variant_text(variant.get_object())});
  }
  if (const auto* pending = endpoint.if_contains("PendingDeploymentSummary");
      pending != nullptr && pending->is_object()) {
    rows.push_back({"coming up", shown(pending->get_object(), "EndpointConfigName")});
    if (const std::string waits = waits_for(endpoint); !waits.empty())
      rows.push_back({"waits", waits});
  }
  const std::string reason = shown(endpoint, "FailureReason");
  if (!reason.empty()) rows.push_back({"reason", reason});
  return table(rows);
}

Result<> show_all(World& world, AwsClient& client, Format format) {
  TRY(const json::array endpoints, list_endpoints(client));
  if (format == Format::json) {
    world.out << pretty(endpoints);
    return {};
  }
  // What lists no jobs has none to show: a server of another kind is no reason to fail.
  const json::array jobs = list_transform_jobs(client).value_or(json::array());
  if (endpoints.empty() && jobs.empty()) {
    world.out << "No endpoints. `slipway deploy FILE` makes one.\n";
  }
  if (!endpoints.empty()) world.out << rows_of(world, endpoints);
  if (!endpoints.empty() && !jobs.empty()) world.out << '\n';
  if (!jobs.empty()) world.out << transform_rows(world, jobs);
  return {};
}

// A name that no endpoint has may be a transform job's.
Result<> show_job(World& world, AwsClient& client, const StatusOptions& options,
                  const Error& no_endpoint) {
  const auto job = describe_transform_job(client, options.name);
  if (!job) return std::unexpected(no_endpoint);
  world.out << (options.client.format == Format::json ? pretty(*job) : transform_text(world, *job));
  return {};
}

Result<> show(World& world, const StatusOptions& options) {
  TRY(AwsClient client, connect(world, options.client));
  if (options.name.empty()) return show_all(world, client, options.client.format);
  const auto endpoint = describe_endpoint(client, options.name);
  if (!endpoint) return show_job(world, client, options, endpoint.error());
  world.out << (options.client.format == Format::json ? pretty(*endpoint)
                                                      : full_text(world, *endpoint));
  return {};
}

}  // namespace

void add_status(CLI::App& app, World& world) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command =
      app.add_subcommand("status", "Show all endpoints and transform jobs, or one in full");
  command->add_option("NAME", options->name, "The endpoint or transform job")->type_name("");
  add_client_options(*command, options->client);
  command->footer(
      "Examples:\n"
      "  slipway status\n"
      "  slipway status iris\n"
      "  slipway status iris --output json | jq -r .EndpointStatus");
  set_action(*command, world, std::move(options), show);
}

}  // namespace slipway::cli

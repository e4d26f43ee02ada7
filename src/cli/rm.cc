// slipway rm: an endpoint, and what `slipway deploy` made for it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ostream>

#include "cli/command.h"
#include "cli/endpoint_calls.h"
#include "cli/progress.h"

namespace slipway::cli {

namespace {

constexpr std::chrono::seconds removal_patience{120};

struct RemoveOptions {
  ClientOptions client;
  std::vector<std::string> names;
};

Result<> remove_endpoint(World& world, AwsClient& client, const std::string& name) {
  TRY(const boost::json::object endpoint, describe_endpoint(client, name));
  ProgressStep step(world, "removing", name);
  if (text_of(endpoint, "EndpointStatus") != "Deleting") {
    TRY_DO(client.call("sagemaker", "DeleteEndpoint", {{"EndpointName", name}}));
  }
  const auto left = wait_until_settled(client, world.clock, name, removal_patience);
  if (left) {
    return fail(ErrorCode::conflict, fmt::format("Endpoint '{}' is {} instead of gone.", name,
                                                 text_of(*left, "EndpointStatus")));
  }
  if (left.error().code != ErrorCode::not_found) return std::unexpected(left.error());
  TRY_DO(remove_configuration(client, name, text_of(endpoint, "EndpointConfigName")));
  step.finish("removed", name);
  return {};
}

Result<> remove(World& world, const RemoveOptions& options) {
  TRY(AwsClient client, connect(world, options.client));
  boost::json::array removed;
  for (const std::string& name : options.names) {
    TRY_DO(remove_endpoint(world, client, name));
    removed.emplace_back(name);
  }
  if (options.client.format == Format::json) world.out << pretty({{"removed", removed}});
  return {};
}

}  // namespace

void add_rm(CLI::App& app, World& world) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command =
      app.add_subcommand("rm", "Remove an endpoint, and the model and configuration of its deploy");
  command->add_option("NAME", options->names, "The endpoint, or several")
      ->required()
      ->type_name("");
  add_client_options(*command, options->client);
  command->footer(
      "What was uploaded stays in the bucket; its logs stay too.\n"
      "Examples:\n"
      "  slipway rm iris\n"
      "  slipway rm iris fraud");
  set_action(*command, world, std::move(options), remove);
}

}  // namespace slipway::cli

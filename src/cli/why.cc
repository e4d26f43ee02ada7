// slipway why: what the server decided about an endpoint last, and what it waits for.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ostream>

#include "base/encoding.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/endpoint_calls.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

struct WhyOptions {
  ClientOptions client;
  std::string name;
};

Result<json::object> ask_why(AwsClient& client, const std::string& name) {
  TRY(const net::BlockingResponse page,
      client.send({.service = "sagemaker",
                   .method = "GET",
                   .path = "/_slipway/why",
                   .query = fmt::format("name={}&region={}", percent_encode(name),
                                        percent_encode(client.settings().region))}));
  boost::system::error_code error;
  json::value document = json::parse(page.body, error);
  const bool known = !error && document.is_object() && document.get_object().contains("fleets") &&
                     document.get_object().at("fleets").is_array();
  if (!known)
    return fail(ErrorCode::corrupted,
                "/_slipway/why is no JSON of ours: is this Slipway's server, of this version?");
  return std::move(document.get_object());
}

const json::array& list_of(const json::object& fleet, std::string_view name) {
  static const json::array nothing;
  const json::value* const value = fleet.if_contains(name);
  return value != nullptr && value->is_array() ? value->get_array() : nothing;
}

std::string told(const World& world, const json::object& fleet) {
  std::string out = fmt::format("{}: {}\n", coloured(world, Colour::green, shown(fleet, "fleet")),
                                shown(fleet, "state"));
  if (const std::string reason = shown(fleet, "reason"); !reason.empty())
    out += fmt::format("  {}\n", reason);
  const json::array& decisions = list_of(fleet, "decisions");
  if (decisions.empty()) out += "  Nothing was decided about it since this server started.\n";
  for (const json::value& each : decisions)
    if (each.is_object())
      out += fmt::format("  {}  {}\n", shown(each.get_object(), "time"),
                         shown(each.get_object(), "text"));
  for (const json::value& each : list_of(fleet, "waits"))
    if (each.is_string()) out += fmt::format("  Now: {}\n", printable(each.get_string()));
  return out;
}

Result<> show(World& world, const WhyOptions& options) {
  TRY(AwsClient client, connect(world, options.client));
  TRY(const json::object page, ask_why(client, options.name));
  if (options.client.format == Format::json) {
    world.out << pretty(page);
    return {};
  }
  for (const json::value& fleet : list_of(page, "fleets"))
    if (fleet.is_object()) world.out << told(world, fleet.get_object());
  return {};
}

}  // namespace

void add_why(CLI::App& app, World& world) {
  auto options = std::make_shared<WhyOptions>();
  CLI::App* command = app.add_subcommand(
      "why", "Say what the server decided about an endpoint last, and what it waits for");
  command->add_option("NAME", options->name, "The endpoint or transform job")
      ->type_name("")
      ->required();
  add_client_options(*command, options->client);
  command->footer(
      "Wants the root's keys, which `slipway` finds beside a server of this machine.\n"
      "Decisions are kept in memory: those of before the server's start are gone.\n"
      "Examples:\n"
      "  slipway why iris\n"
      "  slipway why iris --output json | jq -r '.fleets[].decisions[].text'");
  set_action(*command, world, std::move(options), show);
}

}  // namespace slipway::cli

// slipway ops: the operations of AWS that this server has, and those that it has not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "cli/command.h"

namespace slipway::cli {

namespace {

enum class Which : std::uint8_t { built, missing };

struct OpsOptions {
  Which which = Which::built;
  std::string service;
  Format format = Format::text;
};

bool is_built(const wire::Operation& operation) { return operation.is(wire::OperationFlag::built); }

// What it sets is kept and shown again, and nothing acts on it.
bool is_stored_only(const wire::Operation& operation) {
  return operation.mode.ends_with(" stored");
}

std::vector<std::string_view> names_of(const wire::Schema& schema, Which which) {
  std::vector<std::string_view> names;
  for (const wire::Operation& operation : schema.operations) {
    if (is_built(operation) == (which == Which::built)) names.push_back(operation.name);
  }
  return names;
}

std::string count_of(const wire::Schema& schema) {
  return fmt::format("{}: {} of {} operations", schema.service.name,
                     std::ranges::count_if(schema.operations, is_built), schema.operations.size());
}

void print_text(World& world, const wire::Schema& schema, Which which) {
  world.out << count_of(schema) << (which == Which::missing ? ", without" : "") << '\n';
  for (const std::string_view name : names_of(schema, which)) {
    const bool stored = is_stored_only(*schema.find_operation(name));
    world.out << "  " << name << (stored ? "  (stored only: nothing acts on it)" : "") << '\n';
  }
}

boost::json::value to_json(const wire::Schema& schema, Which which) {
  boost::json::array names;
  boost::json::array stored;
  for (const std::string_view name : names_of(schema, which)) {
    names.emplace_back(name);
    if (is_stored_only(*schema.find_operation(name))) stored.emplace_back(name);
  }
  boost::json::object service{{"service", schema.service.name},
                              {"built", std::ranges::count_if(schema.operations, is_built)},
                              {"operations", schema.operations.size()},
                              {which == Which::missing ? "missing" : "names", std::move(names)}};
  if (!stored.empty()) service["stored_only"] = std::move(stored);
  return service;
}

Result<> list_operations(World& world, const OpsOptions& options) {
  boost::json::array all;
  std::string known;
  for (const wire::Schema* schema : world.schemas) {
    known += (known.empty() ? "" : ", ") + std::string(schema->service.name);
    if (!options.service.empty() && options.service != schema->service.name) continue;
    all.push_back(to_json(*schema, options.which));
    if (options.format == Format::text) print_text(world, *schema, options.which);
  }
  if (all.empty() && !options.service.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("Slipway has no service '{}'. It has {}.", options.service, known));
  }
  if (options.format == Format::json) world.out << pretty(all);
  return {};
}

}  // namespace

void add_ops(CLI::App& app, World& world) {
  auto options = std::make_shared<OpsOptions>();
  CLI::App* command = app.add_subcommand("ops", "List the operations of AWS that Slipway answers");
  command->add_flag_callback(
      "--missing", [options] { options->which = Which::missing; },
      "List those that it does not have yet");
  command->add_option("--service", options->service, "Of one service only")->type_name("NAME");
  add_output_option(*command, options->format);
  command->footer(
      "Examples:\n"
      "  slipway ops\n"
      "  slipway ops --service s3 --missing\n"
      "  slipway ops --output json");
  set_action(*command, world, std::move(options), list_operations);
}

}  // namespace slipway::cli

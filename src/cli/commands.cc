#include "cli/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <utility>
#include <vector>

#include "base/version.h"
#include "cli/command.h"

namespace slipway::cli {

namespace {

constexpr std::string_view exit_help =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the thing named does not exist,\n"
    "            4 the server cannot be reached.\n"
    "`slipway COMMAND --help` has examples.";

Terminal terminal_of(int descriptor) {
  return isatty(descriptor) == 1 ? Terminal::yes : Terminal::no;
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr) return std::nullopt;
  return value;
}

// CLI11's own reports are several lines; a person wants the sentence and where to look.
int answer_usage(CLI::App& app, World& world, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error, world.out, world.out);
  CLI::App* command = app.get_subcommands().empty() ? nullptr : app.get_subcommands().front();
  world.err << fmt::format("slipway: {}\n", error.what());
  world.err << fmt::format("Try `slipway {}--help`.\n",
                           command == nullptr ? "" : command->get_name() + " ");
  return static_cast<int>(ExitCode::usage);
}

// How many letters have to be put in, taken out or changed.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

bool has_command(const CLI::App& app, std::string_view name) {
  return std::ranges::any_of(commands_of(app),
                             [&](const CLI::App* each) { return each->get_name() == name; });
}

// The command that was probably meant, or nothing.
std::string nearest_command(const CLI::App& app, std::string_view typed) {
  constexpr std::size_t typed_bytes_max = 64;
  constexpr std::size_t distance_max = 2;
  std::string nearest;
  std::size_t least = distance_max + 1;
  if (typed.size() > typed_bytes_max) return nearest;
  for (const CLI::App* command : commands_of(app)) {
    const std::size_t far = distance(typed, command->get_name());
    if (far < least) nearest = command->get_name();
    least = std::min(least, far);
  }
  return nearest;
}

int answer_unknown(const CLI::App& app, World& world, std::string_view typed) {
  const std::string nearest = nearest_command(app, typed);
  world.err << fmt::format("slipway: There is no command '{}'.{}\nTry `slipway --help`.\n", typed,
                           nearest.empty() ? "" : fmt::format(" Did you mean {}?", nearest));
  return static_cast<int>(ExitCode::usage);
}

}  // namespace

World World::of_process() {
  static const SystemClock clock;
  World world{.in = std::cin,
              .out = std::cout,
              .err = std::cerr,
              .environment = process_environment,
              .clock = clock};
  world.in_terminal = terminal_of(STDIN_FILENO);
  world.out_terminal = terminal_of(STDOUT_FILENO);
  world.err_terminal = terminal_of(STDERR_FILENO);
  return world;
}

void add_commands(CLI::App& app, World& world) {
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("slipway {}", version()), "Say the version");
  app.footer(std::string(exit_help));
  add_env(app, world);
  add_deploy(app, world);
  add_invoke(app, world);
  add_status(app, world);
  add_why(app, world);
  add_logs(app, world);
  add_rm(app, world);
  add_advise(app, world);
  add_ops(app, world);
  add_doctor(app, world);
  add_backup(app, world);
  add_restore(app, world);
  add_completion(app, world);
}

int run(CLI::App& app, World& world, int argc, const char* const* argv) {
  const std::string_view first = argc > 1 ? argv[1] : "-";
  if (!first.starts_with('-') && !has_command(app, first)) {
    return answer_unknown(app, world, first);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return answer_usage(app, world, error);
  }
  world.out.flush();
  return static_cast<int>(world.exit);
}

ExitCode exit_of(const Error& error) {
  if (error.kind == "unreachable") return ExitCode::unreachable;
  if (error.kind == "usage") return ExitCode::usage;
  if (error.code == ErrorCode::not_found && error.kind != "no_keys") return ExitCode::not_found;
  return is_missing(error) && error.kind != "no_keys" ? ExitCode::not_found : ExitCode::failed;
}

}  // namespace slipway::cli

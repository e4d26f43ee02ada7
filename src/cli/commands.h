// The client commands of the `slipway` program, and how any command of it is run.
//
//   CLI::App app("...");
//   cli::World world = cli::World::of_process();
//   auto* serve = app.add_subcommand("serve", "...");
//   serve->callback([&] { world.exit = ...; });
//   cli::add_commands(app, world);
//   return cli::run(app, world, argc, argv);
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "wire/schema.h"

namespace CLI {
class App;
}

namespace slipway::cli {

// A script can tell these ends apart.
enum class ExitCode : std::uint8_t {
  ok = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  unreachable = 4,
};

// Whether a stream ends at a person: colour and progress only there.
enum class Terminal : std::uint8_t { no, yes };

// A world is what a command sees around it; a test gives its own. Everything borrowed outlives it.
struct World {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  const Clock& clock;
  // The services that `ops` lists: those that the server answers.
  std::span<const wire::Schema* const> schemas = {};
  Terminal in_terminal = Terminal::no;
  Terminal out_terminal = Terminal::no;
  Terminal err_terminal = Terminal::no;
  // How the command ended; run() returns it.
  ExitCode exit = ExitCode::ok;

  // Standard input, output and error, this process's environment, the machine's clocks.
  static World of_process();
};

// Adds env, deploy, invoke, status, why, logs, rm, advise, ops, doctor, backup, restore and
// completion. `app` and `world` outlive the parse. Each command runs in its callback, writes what
// it has to say, and sets world.exit.
void add_commands(CLI::App& app, World& world);

// Parses the arguments, which runs the command. Wrong usage, and --help, are answered here.
int run(CLI::App& app, World& world, int argc, const char* const* argv);

// How an error ends the program, by its code and kind.
ExitCode exit_of(const Error& error);

}  // namespace slipway::cli

// slipway env: what a shell needs to speak with the server.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/command.h"
#include "engine/identity/key_ring.h"

namespace slipway::cli {

namespace {

struct EnvOptions {
  ConnectionOptions connection;
  std::string shell = "sh";
};

// In single quotes, as each shell wants them.
std::string quoted(std::string_view shell, std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c != '\'' && !(shell == "fish" && c == '\\')) {
      out += c;
    } else if (shell == "sh") {
      out += "'\\''";
    } else {
      out += shell == "powershell" ? std::string("''") : std::string("\\") + c;
    }
  }
  return out + "'";
}

std::string assignment(std::string_view shell, std::string_view name, std::string_view value) {
  const std::string text = quoted(shell, value);
  if (shell == "fish") return fmt::format("set -gx {} {};\n", name, text);
  if (shell == "powershell") return fmt::format("$env:{} = {}\n", name, text);
  return fmt::format("export {}={}\n", name, text);
}

Result<> print_environment(World& world, const EnvOptions& options) {
  const auto data = data_directory(world, options.connection.data);
  TRY(const identity::KeyPair keys, identity::read_credentials(data));
  const ServerFile server = read_server_file(data).value_or(ServerFile{});
  const auto or_else = [](const std::string& text, std::string_view otherwise) {
    return text.empty() ? std::string(otherwise) : text;
  };
  const std::string endpoint =
      or_else(options.connection.endpoint, or_else(server.endpoint, endpoint_default));
  const std::string region =
      or_else(options.connection.region, or_else(server.region, region_default));
  for (const auto& [name, value] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"AWS_ENDPOINT_URL", endpoint},
           {"AWS_ACCESS_KEY_ID", keys.access_key_id},
           {"AWS_SECRET_ACCESS_KEY", keys.secret},
           {"AWS_REGION", region},
           {"AWS_DEFAULT_REGION", region}}) {
    world.out << assignment(options.shell, name, value);
  }
  return {};
}

}  // namespace

void add_env(CLI::App& app, World& world) {
  auto options = std::make_shared<EnvOptions>();
  CLI::App* command = app.add_subcommand("env", "Print what a shell needs: endpoint, keys, region");
  command
      ->add_option("--data", options->connection.data,
                   "The server's data directory (else SLIPWAY_DATA, else ~/.slipway)")
      ->type_name("DIR");
  command->add_option("--shell", options->shell, "sh (bash, zsh, dash), fish or powershell")
      ->type_name("sh|fish|powershell")
      ->check(CLI::IsMember({"sh", "fish", "powershell"}).description(""));
  command
      ->add_option("--endpoint", options->connection.endpoint,
                   "Where the server is, if not where it says")
      ->type_name("URL");
  command->add_option("--region", options->connection.region, "Region, if not the server's")
      ->type_name("NAME");
  command->footer(
      "Examples:\n"
      "  eval \"$(slipway env)\"\n"
      "  slipway env --shell fish | source\n"
      "  slipway env --shell powershell | Out-String | Invoke-Expression");
  set_action(*command, world, std::move(options), print_environment);
}

}  // namespace slipway::cli

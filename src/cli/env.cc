// slipway env: what a shell needs to speak with the server.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ostream>
#include <thread>

#include "cli/command.h"
#include "engine/identity/key_ring.h"

namespace slipway::cli {

namespace {

struct EnvOptions {
  ConnectionOptions connection;
  std::string shell = "sh";
  enum class Language : std::uint8_t { shell, python } language = Language::shell;
};

// Holds what the clients of a server are told.
struct Told {
  std::string endpoint;
  identity::KeyPair keys;
  std::string account;
  std::string region;
};

constexpr std::string_view account_default = "000000000000";
// How long a server that starts at this moment is waited for: `slipway serve & eval "$(slipway
// env)"` is pasted as one. The first start takes longer, and is the only one without keys.
constexpr std::chrono::seconds first_start_patience{2};
constexpr std::chrono::milliseconds start_patience{500};
constexpr std::chrono::milliseconds start_pause{50};

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

// A comment in each of the shells; the last line, for `eval $(slipway env)` without quotes makes
// one line of all.
std::string cli_note(std::string_view shell) {
  return fmt::format(
      "# Version 1 of the AWS CLI sends \"aws sqs\" to AWS unless told: aws --endpoint-url "
      "\"{}\" sqs ...\n",
      shell == "powershell" ? "$env:AWS_ENDPOINT_URL" : "$AWS_ENDPOINT_URL");
}

// The keys of a data directory, as soon as its server is ready; without one after a while.
Result<identity::KeyPair> find_keys(const World& world, const std::filesystem::path& data) {
  auto keys = identity::read_credentials(data);
  const std::chrono::milliseconds patience = keys ? start_patience : first_start_patience;
  const Instant deadline = world.clock.monotonic() + patience;
  while (!(keys && read_server_file(data)) && world.clock.monotonic() < deadline) {
    std::this_thread::sleep_for(start_pause);
    keys = identity::read_credentials(data);
  }
  return keys;
}

Result<Told> what_to_tell(const World& world, const EnvOptions& options) {
  const auto data = data_directory(world, options.connection.data);
  TRY(identity::KeyPair keys, find_keys(world, data));
  const ServerFile server = read_server_file(data).value_or(ServerFile{});
  const auto or_else = [](const std::string& text, std::string_view otherwise) {
    return text.empty() ? std::string(otherwise) : text;
  };
  return Told{
      .endpoint = or_else(options.connection.endpoint, or_else(server.endpoint, endpoint_default)),
      .keys = std::move(keys),
      .account = or_else(server.account, account_default),
      .region = or_else(options.connection.region, or_else(server.region, region_default))};
}

// JSON's strings are Python's too.
std::string python_text(const Told& told) {
  const auto text = [](std::string_view value) { return boost::json::serialize(value); };
  return fmt::format(
      "import os\n\n"
      "import boto3\n\n"
      "try:\n"
      "    from sagemaker.core.helper.session_helper import Session  # SageMaker SDK 3\n"
      "except ImportError:\n"
      "    from sagemaker.session import Session  # SageMaker SDK 2\n\n"
      "os.environ.update({{\n"
      "    \"AWS_ENDPOINT_URL\": {},\n"
      "    \"AWS_ACCESS_KEY_ID\": {},\n"
      "    \"AWS_SECRET_ACCESS_KEY\": {},\n"
      "    \"AWS_DISABLE_HOST_PREFIX_INJECTION\": \"true\",\n"
      "    \"AWS_REGION\": {},\n"
      "    \"AWS_DEFAULT_REGION\": {},\n"
      "}})\n"
      "# Told its bucket and its role, the SDK does not ask STS, whose address of AWS it has built "
      "in.\n"
      "session = Session(boto3.Session(), default_bucket={})\n"
      "role = {}\n",
      text(told.endpoint), text(told.keys.access_key_id), text(told.keys.secret), text(told.region),
      text(told.region), text(fmt::format("sagemaker-{}-{}", told.region, told.account)),
      text(fmt::format("arn:aws:iam::{}:role/sagemaker", told.account)));
}

Result<> print_environment(World& world, const EnvOptions& options) {
  TRY(const Told told, what_to_tell(world, options));
  if (options.language == EnvOptions::Language::python) {
    world.out << python_text(told);
    return {};
  }
  for (const auto& [name, value] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"AWS_ENDPOINT_URL", told.endpoint},
           {"AWS_ACCESS_KEY_ID", told.keys.access_key_id},
           {"AWS_SECRET_ACCESS_KEY", told.keys.secret},
           // Some operations put a word before the host's name, which leads nowhere here.
           {"AWS_DISABLE_HOST_PREFIX_INJECTION", "true"},
           {"AWS_REGION", told.region},
           {"AWS_DEFAULT_REGION", told.region}}) {
    world.out << assignment(options.shell, name, value);
  }
  world.out << cli_note(options.shell);
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
  command->add_flag_callback(
      "--python", [options] { options->language = EnvOptions::Language::python; },
      "Print a Python module instead: a session of the SageMaker SDK, with its bucket, and a role");
  command
      ->add_option("--endpoint", options->connection.endpoint,
                   "Where the server is, if not where it says")
      ->type_name("URL");
  command->add_option("--region", options->connection.region, "Region, if not the server's")
      ->type_name("NAME");
  command->footer(
      "Examples:\n"
      "  eval \"$(slipway env)\"\n"
      "  slipway env --python > slipway_env.py   # then: from slipway_env import session, role\n"
      "  slipway env --shell fish | source\n"
      "  slipway env --shell powershell | Out-String | Invoke-Expression");
  set_action(*command, world, std::move(options), print_environment);
}

}  // namespace slipway::cli

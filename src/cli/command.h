// The commands share these: their options, how they end, how they write.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/aws_client.h"
#include "cli/commands.h"
#include "cli/settings.h"

namespace slipway::cli {

// How a command prints its answer.
enum class Format : std::uint8_t { text, json };

// The options of every command that speaks with the server.
struct ClientOptions {
  ConnectionOptions connection;
  Format format = Format::text;
};

// --endpoint, --region, --data and --output.
void add_client_options(CLI::App& command, ClientOptions& options);
void add_output_option(CLI::App& command, Format& format);

// Sets what the command does once its arguments are parsed. Its error becomes one sentence on
// standard error, and the exit code. `options` is kept alive until then.
template <typename Options>
void set_action(CLI::App& command, World& world, std::shared_ptr<Options> options,
                Result<> (*action)(World&, const Options&));
void set_callback(CLI::App& command, World& world, std::function<Result<>()> action);

// Settings and client in one.
Result<AwsClient> connect(const World& world, const ClientOptions& options);

// A refusal of what was typed: exit code 2.
std::unexpected<Error> misuse(std::string message);

// Indented by two, as the AWS CLI writes it; control characters are escaped.
std::string pretty(const boost::json::value& value);

// "3.2 MB", "870 bytes".
std::string size_text(std::uint64_t bytes);

// Rows as columns two spaces apart; the last column is not padded.
std::string table(const std::vector<std::vector<std::string>>& rows);

// Says how good or bad news is on a terminal.
enum class Colour : std::uint8_t { green, yellow, red };
// The text in that colour where standard output is a terminal and NO_COLOR is not set.
std::string coloured(const World& world, Colour colour, std::string_view text);
// An EndpointStatus in the colour that it deserves.
std::string status_text(const World& world, std::string_view status);

template <typename Options>
void set_action(CLI::App& command, World& world, std::shared_ptr<Options> options,
                Result<> (*action)(World&, const Options&)) {
  set_callback(command, world,
               [&world, options = std::move(options), action] { return action(world, *options); });
}

// One for each command; `app` and `world` outlive the parse.
void add_advise(CLI::App& app, World& world);
void add_backup(CLI::App& app, World& world);
void add_completion(CLI::App& app, World& world);
void add_deploy(CLI::App& app, World& world);
void add_doctor(CLI::App& app, World& world);
void add_env(CLI::App& app, World& world);
void add_invoke(CLI::App& app, World& world);
void add_logs(CLI::App& app, World& world);
void add_ops(CLI::App& app, World& world);
void add_restore(CLI::App& app, World& world);
void add_rm(CLI::App& app, World& world);
void add_status(CLI::App& app, World& world);
void add_why(CLI::App& app, World& world);

}  // namespace slipway::cli

#include "cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>

#include "base/printable.h"
#include "net/socket.h"

namespace slipway::cli {

void add_output_option(CLI::App& command, Format& format) {
  static const std::map<std::string, Format> formats{{"text", Format::text},
                                                     {"json", Format::json}};
  command.add_option("--output", format, "text for people, json for programs")
      ->type_name("text|json")
      ->transform(CLI::CheckedTransformer(formats).description(""));
}

void add_client_options(CLI::App& command, ClientOptions& options) {
  command
      .add_option("--endpoint", options.connection.endpoint,
                  "Where the server is (else AWS_ENDPOINT_URL, else http://127.0.0.1:4566)")
      ->type_name("URL");
  command
      .add_option("--region", options.connection.region, "Region (else AWS_REGION, else us-east-1)")
      ->type_name("NAME");
  command
      .add_option("--data", options.connection.data,
                  "The server's data directory: its keys and address are used")
      ->type_name("DIR");
  add_output_option(command, options.format);
}

void set_callback(CLI::App& command, World& world, std::function<Result<>()> action) {
  command.callback([&world, action = std::move(action)] {
    const Result<> done = action();
    if (done) return;
    world.out.flush();
    world.err << "slipway: " << printable(done.error().message) << '\n';
    world.exit = exit_of(done.error());
  });
}

Result<AwsClient> connect(const World& world, const ClientOptions& options) {
  net::block_sigpipe();  // a server that refuses an upload closes in the middle of it
  TRY(Settings settings, find_settings(world, options.connection));
  return AwsClient::make(std::move(settings), world.clock);
}

std::unexpected<Error> misuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "usage");
}

namespace {

void write_pretty(std::string& out, const boost::json::value& value, std::size_t depth) {
  const auto line = [&](std::size_t level) { out += '\n' + std::string(2 * level, ' '); };
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      if (&member != &*object->begin()) out += ',';
      line(depth + 1);
      out += boost::json::serialize(member.key()) + ": ";
      write_pretty(out, member.value(), depth + 1);
    }
    line(depth);
    out += '}';
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    for (const auto& item : *array) {
      if (&item != &array->front()) out += ',';
      line(depth + 1);
      write_pretty(out, item, depth + 1);
    }
    line(depth);
    out += ']';
  } else if (const auto* number = value.if_double()) {
    out += fmt::format("{}", *number);  // Boost writes 1.7E9
  } else {
    out += boost::json::serialize(value);
  }
}

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::green: return "\x1b[32m";
    case Colour::yellow: return "\x1b[33m";
    case Colour::red: return "\x1b[31m";
  }
  return "";
}

}  // namespace

std::string pretty(const boost::json::value& value) {
  std::string out;
  write_pretty(out, value, 0);
  return printable_json(out) + '\n';
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  constexpr std::string_view units[] = {"kB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; size >= 999.5 && unit + 1 < std::size(units); ++unit) size /= 1000;
  return fmt::format("{:.{}f} {}", size, size < 9.95 ? 1 : 0, units[unit]);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    out += '\n';
  }
  return out;
}

std::string coloured(const World& world, Colour colour, std::string_view text) {
  const bool plain =
      world.out_terminal == Terminal::no || !world.environment("NO_COLOR").value_or("").empty();
  return plain ? std::string(text) : fmt::format("{}{}\x1b[0m", code_of(colour), text);
}

std::string status_text(const World& world, std::string_view status) {
  if (status == "InService") return coloured(world, Colour::green, status);
  const bool bad =
      status == "Failed" || status == "OutOfService" || status == "UpdateRollbackFailed";
  return coloured(world, bad ? Colour::red : Colour::yellow, status);
}

}  // namespace slipway::cli

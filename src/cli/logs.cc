// slipway logs: what an endpoint's instances printed, by the CloudWatch Logs API.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <ostream>
#include <thread>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/endpoint_calls.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds follow_period{500};
constexpr std::size_t streams_max = 500;  // the most recent ones
constexpr unsigned lines_max = 10'000;

enum class After : std::uint8_t { stop, follow };

struct LogsOptions {
  ClientOptions client;
  std::string name;
  unsigned lines = 100;
  After after = After::stop;
};

struct PrintedLine {
  std::int64_t time_ms = 0;
  std::string stream;
  std::string message;
  std::size_t place = 0;  // among lines of the same time
};

bool is_no_group(const Error& error) { return error.kind == "ResourceNotFoundException"; }

std::vector<PrintedLine> lines_of(const json::object& answer, const std::string& stream) {
  std::vector<PrintedLine> lines;
  const json::value* events = answer.if_contains("events");
  if (events == nullptr || !events->is_array()) return lines;
  for (const json::value& each : events->get_array()) {
    if (!each.is_object()) continue;
    const json::object& event = each.get_object();
    const json::value* time = event.if_contains("timestamp");
    const bool whole = time != nullptr && time->is_int64();
    lines.push_back({whole ? time->get_int64() : 0, stream, text_of(event, "message"), 0});
  }
  return lines;
}

// All streams of one group, and how far each was read.
class Tail {
 public:
  Tail(AwsClient& client, std::string group) : client_(client), group_(std::move(group)) {}

  // The newest lines, oldest first; not_found of CloudWatch Logs where nothing was ever printed.
  Result<std::vector<PrintedLine>> newest(unsigned lines);
  // Returns what was printed since.
  Result<std::vector<PrintedLine>> more();

 private:
  Result<std::vector<std::string>> streams();
  Result<std::vector<PrintedLine>> read(const std::string& stream, json::object how);

  AwsClient& client_;
  const std::string group_;
  std::map<std::string, std::string> tokens_;
};

Result<std::vector<std::string>> Tail::streams() {
  std::vector<std::string> names;
  json::object input{{"logGroupName", group_}, {"orderBy", "LastEventTime"}, {"descending", true}};
  while (names.size() < streams_max) {
    TRY(const json::object page, client_.call("logs", "DescribeLogStreams", input));
    const json::value* streams = page.if_contains("logStreams");
    if (streams == nullptr || !streams->is_array()) break;
    for (const json::value& stream : streams->get_array()) {
      if (stream.is_object()) names.push_back(text_of(stream.get_object(), "logStreamName"));
    }
    const std::string next = text_of(page, "nextToken");
    if (next.empty()) break;
    input["nextToken"] = next;
  }
  return names;
}

Result<std::vector<PrintedLine>> Tail::read(const std::string& stream, json::object how) {
  how["logGroupName"] = group_;
  how["logStreamName"] = stream;
  TRY(const json::object answer, client_.call("logs", "GetLogEvents", how));
  tokens_[stream] = text_of(answer, "nextForwardToken");
  return lines_of(answer, stream);
}

void sort_by_time(std::vector<PrintedLine>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) lines[i].place = i;
  std::ranges::sort(lines, {},
                    [](const PrintedLine& line) { return std::pair(line.time_ms, line.place); });
}

Result<std::vector<PrintedLine>> Tail::newest(unsigned count) {
  std::vector<PrintedLine> all;
  TRY(const auto names, streams());
  for (const std::string& stream : names) {
    TRY(const auto lines, read(stream, {{"limit", std::max(count, 1U)}, {"startFromHead", false}}));
    all.insert(all.end(), lines.begin(), lines.end());
  }
  sort_by_time(all);
  if (all.size() > count) all.erase(all.begin(), all.end() - count);
  return all;
}

Result<std::vector<PrintedLine>> Tail::more() {
  std::vector<PrintedLine> all;
  TRY(const auto names, streams());
  for (const std::string& stream : names) {
    const auto known = tokens_.find(stream);
    json::object how{{"startFromHead", true}};
    if (known != tokens_.end()) how["nextToken"] = known->second;
    TRY(const auto lines, read(stream, std::move(how)));
    all.insert(all.end(), lines.begin(), lines.end());
  }
  sort_by_time(all);
  return all;
}

void print(World& world, Format format, const std::vector<PrintedLine>& lines) {
  for (const PrintedLine& line : lines) {
    if (format == Format::json) {
      world.out << printable_json(json::serialize(json::object{{"timestamp", line.time_ms},
                                                               {"logStreamName", line.stream},
                                                               {"message", line.message}}))
                << '\n';
      continue;
    }
    const Timestamp time{std::chrono::milliseconds(line.time_ms)};
    world.out << fmt::format("{} {} {}\n", to_iso8601(time, Fraction::milliseconds),
                             printable(line.stream), printable(line.message));
  }
  world.out.flush();
}

// Until nobody reads any more. Nothing printed yet is no error for an endpoint that exists.
Result<> follow(World& world, const LogsOptions& options, Tail& tail) {
  while (world.out) {
    std::this_thread::sleep_for(follow_period);
    const auto lines = tail.more();
    if (lines) print(world, options.client.format, *lines);
    if (!lines && !is_no_group(lines.error())) return std::unexpected(lines.error());
  }
  return {};
}

Result<> show_logs(World& world, const LogsOptions& options) {
  TRY(AwsClient client, connect(world, options.client));
  Tail tail(client, fmt::format("/aws/sagemaker/Endpoints/{}", options.name));
  const auto lines = tail.newest(options.lines);
  if (!lines && !is_no_group(lines.error())) return std::unexpected(lines.error());
  if (!lines) TRY_DO(describe_endpoint(client, options.name));
  if (lines) print(world, options.client.format, *lines);
  if (options.after == After::follow) return follow(world, options, tail);
  if (!lines && world.err_terminal == Terminal::yes) {
    world.err << fmt::format("Endpoint '{}' has printed nothing yet.\n", options.name);
  }
  return {};
}

}  // namespace

void add_logs(CLI::App& app, World& world) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* command = app.add_subcommand("logs", "Show what an endpoint's instances printed");
  command->add_option("NAME", options->name, "The endpoint")->required()->type_name("");
  command->add_flag_callback(
      "-f,--follow", [options] { options->after = After::follow; },
      "Go on with what is printed next");
  command->add_option("--lines", options->lines, "How many lines from the end (100)")
      ->type_name("N")
      ->check(CLI::Range(0U, lines_max).description(""));
  add_client_options(*command, options->client);
  command->footer(
      "Each line is: time, variant/instance, what was printed. With --output json, one object a "
      "line.\n"
      "Examples:\n"
      "  slipway logs iris\n"
      "  slipway logs iris -f --lines 10\n"
      "  slipway logs iris --output json | jq -r .message");
  set_action(*command, world, std::move(options), show_logs);
}

}  // namespace slipway::cli

// slipway doctor: what is missing on this machine, and for what.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <ostream>

#include "cell/cgroups.h"
#include "cell/layers.h"
#include "cli/command.h"
#include "cli/data_check.h"
#include "net/blocking_client.h"
#include "net/socket.h"
#include "place/docker/engine_client.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t free_bytes_wanted = 1ULL << 30;
constexpr std::chrono::minutes clock_skew_max{5};
constexpr Timestamp not_before{std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)};
constexpr std::chrono::milliseconds answer_patience{2'000};

struct DoctorOptions {
  ConnectionOptions connection;
  Format format = Format::text;
  bool scrub = false;
};

enum class State : std::uint8_t {
  ok,
  missing,  // needed: the program ends with 1
  absent,   // needed only for what the line says
};

struct Finding {
  State state = State::ok;
  std::string what;
  std::string detail;  // ok: where or which; else what is lost without it and what to do
};

std::string_view name_of(State state) {
  switch (state) {
    case State::ok: return "ok";
    case State::missing: return "missing";
    case State::absent: return "absent";
  }
  return "";
}

fs::path program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

// Returns where the model server looks for the libraries that it opens.
std::vector<fs::path> library_folders(const World& world) {
  std::vector<fs::path> folders;
  if (const auto named = world.environment("SLIPWAY_LIB")) folders.emplace_back(*named);
  folders.push_back(program_folder() / "../lib");
  return folders;
}

Finding check_library(const World& world, std::string_view name, std::string_view lost) {
  std::string last = "not found";
  for (const fs::path& folder : library_folders(world)) {
    const fs::path path = folder / name;
    if (!fs::exists(path)) continue;
    if (void* library = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL)) {
      dlclose(library);
      return {State::ok, std::string(name), path.lexically_normal().string()};
    }
    last = dlerror();  // NOLINT(concurrency-mt-unsafe)
  }
  return {State::missing, std::string(name),
          fmt::format(
              "without it {}: {}. Build again with ./dev build, or name its folder in SLIPWAY_LIB.",
              lost, last)};
}

Finding check_model_server() {
  const fs::path path = program_folder() / "slipway-modelserver";
  if (access(path.c_str(), X_OK) == 0) return {State::ok, "slipway-modelserver", path.string()};
  return {State::missing, "slipway-modelserver",
          fmt::format(
              "without it no endpoint comes up: there is none beside this program, in {}. Build it "
              "with ./dev build.",
              program_folder().string())};
}

// Whether the Python of the models can do this, with its last words where it cannot. `statement`
// has no quotes.
bool python_can(const std::string& statement, std::string& said) {
  const std::string command =
      fmt::format("\"${{SLIPWAY_PYTHON:-python3}}\" -c \"{}\" 2>&1", statement);
  FILE* pipe = popen(command.c_str(), "re");  // NOLINT(cert-env33-c): a fixed text
  if (pipe == nullptr) return false;
  char line[512];
  while (std::fgets(line, sizeof line, pipe) != nullptr) said = line;
  while (said.ends_with('\n')) said.pop_back();
  const int status = pclose(pipe);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Finding check_python(std::string_view what, const std::string& statement, std::string_view lost,
                     std::string_view mend) {
  std::string said;
  if (python_can(statement, said)) return {State::ok, std::string(what), said};
  return {State::absent, std::string(what),
          fmt::format("without it {}: {}. {}", lost, said.empty() ? "python3 does not run" : said,
                      mend)};
}

Finding check_data(const fs::path& data) {
  std::error_code error;
  fs::path there = data;
  while (!fs::exists(there, error) && there.has_parent_path() && there != there.parent_path()) {
    there = there.parent_path();
  }
  if (there.empty()) there = ".";
  if (access(there.c_str(), W_OK) == 0) return {State::ok, "data directory", data.string()};
  return {State::missing, "data directory",
          fmt::format(
              "the server cannot keep its state: {} cannot be written. Name another with --data.",
              there.string())};
}

Finding check_space(const fs::path& data) {
  std::error_code error;
  fs::path there = data;
  while (!fs::exists(there, error) && there != there.parent_path() && there.has_parent_path()) {
    there = there.parent_path();
  }
  const auto space = fs::space(there.empty() ? "." : there, error);
  const std::string free = size_text(error ? 0 : space.available);
  if (!error && space.available >= free_bytes_wanted)
    return {State::ok, "disk space", free + " free"};
  return {State::missing, "disk space",
          fmt::format(
              "models and objects need room: {} free at {}. Make room, or name another disk with "
              "--data.",
              free, there.string())};
}

Finding check_store(const fs::path& data) {
  const auto sound = check_database(data);
  if (sound) return {State::ok, "database", *sound};
  return {State::missing, "database", sound.error().message};
}

// `doctor --scrub`: a line for all bodies, and one for each that is damaged.
std::vector<Finding> check_bodies(const fs::path& data) {
  const auto scrubbed = scrub_bodies(data);
  if (!scrubbed)
    return {{State::missing, "bodies of objects",
             fmt::format("they cannot be read: {}", scrubbed.error().message)}};
  std::string said = fmt::format("{} read, {}", scrubbed->bodies, size_text(scrubbed->bytes));
  if (scrubbed->without_sums > 0)
    said += fmt::format("; {} have no sums yet, the server makes them", scrubbed->without_sums);
  std::vector<Finding> findings{{State::ok, "bodies of objects", said}};
  for (const std::string& each : scrubbed->damaged)
    findings.push_back(
        {State::missing, "body", each + ". Put the object again, or restore it from a backup."});
  return findings;
}

// How far the server's clock is from ours, by the Date of an answer.
std::optional<std::chrono::seconds> skew_of(const net::BlockingResponse& answer, Timestamp now) {
  const auto date = parse_http_date(answer.headers.find("Date").value_or(""));
  if (!date) return std::nullopt;
  return std::chrono::abs(std::chrono::duration_cast<std::chrono::seconds>(*date - now));
}

Finding check_clock(const World& world, const Result<net::BlockingResponse>& health) {
  const Timestamp now = world.clock.now();
  const auto skew = health ? skew_of(*health, now) : std::nullopt;
  const bool right = now > not_before && skew.value_or(std::chrono::seconds(0)) < clock_skew_max;
  if (right) return {State::ok, "clock", to_iso8601(now)};
  return {
      State::missing, "clock",
      fmt::format(
          "signatures are refused when it is wrong: it says {}, {} s from the server's. Set it.",
          to_iso8601(now), skew.value_or(std::chrono::seconds(0)).count())};
}

Result<net::BlockingResponse> ask_health(const std::string& endpoint) {
  TRY(net::Origin origin, net::Origin::parse(endpoint));
  net::BlockingClient client(std::move(origin), {answer_patience, answer_patience, 1 << 20});
  return client.send({.target = "/_slipway/health"});
}

// A server that answers, or a port on which one can be started.
Finding check_server(const std::string& endpoint, const Result<net::BlockingResponse>& health) {
  if (health && health->status == 200) return {State::ok, "server", "answers at " + endpoint};
  const auto origin = net::Origin::parse(endpoint);
  if (health || !origin) {
    return {State::missing, "server",
            fmt::format(
                "something that is no Slipway server answers at {}. End it, or use another --port "
                "and --endpoint.",
                endpoint)};
  }
  const auto listener = net::listen_tcp(net::Address::tcp("127.0.0.1", origin->port));
  if (listener) {
    return {State::ok, "server",
            fmt::format("none runs; port {} is free. Start it with slipway serve.", origin->port)};
  }
  return {State::missing, "server",
          fmt::format("none answers at {}, and port {} is not free: {}", endpoint, origin->port,
                      listener.error().message)};
}

std::string endpoint_of(const World& world, const DoctorOptions& options) {
  if (!options.connection.endpoint.empty()) return options.connection.endpoint;
  const auto server = read_server_file(data_directory(world, options.connection.data));
  const auto named = world.environment("AWS_ENDPOINT_URL");
  if (options.connection.data.empty() && named) return *named;
  if (server && !server->endpoint.empty()) return server->endpoint;
  return std::string(endpoint_default);
}

// Adds what keeps a model's code to its own here (src/cell/README.md), one line each.
void add_isolation(std::vector<Finding>& findings, const fs::path& data) {
  std::string folder = (fs::temp_directory_path() / "slipway-doctor-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return;
  const auto layers = cell::ask(program_folder() / "slipway-cell", folder);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (!layers) return findings.push_back({State::missing, "isolation", layers.error().message});
  auto all = cell::describe(*layers);
  const auto server = read_server_file(data);
  all.push_back(cell::describe_memory(server ? std::optional(static_cast<pid_t>(server->pid))
                                             : std::nullopt));
  for (const cell::Finding& each : all) {
    const bool reach = each.need == cell::Finding::Need::isolation;
    findings.push_back({each.held ? State::ok : State::absent,
                        (reach ? "isolation: " : "limit: ") + each.what, each.detail});
  }
}

// The server looks for an engine in its own environment, which is ours as far as is known here.
Finding check_container_engine(const World& world) {
  const auto sockets = place::engine_sockets(world.environment("DOCKER_HOST").value_or(""));
  if (const auto socket = place::find_engine(sockets))
    return {State::ok, "container engine", *socket};
  return {State::absent, "container engine",
          "without it models with container images of their own cannot be served: " +
              place::no_engine(sockets)};
}

std::vector<Finding> examine(const World& world, const DoctorOptions& options) {
  const fs::path data = data_directory(world, options.connection.data);
  const std::string endpoint = endpoint_of(world, options);
  const auto health = ask_health(endpoint);
  std::vector<Finding> findings{
      check_model_server(),
      check_library(world, "libonnxruntime.so.1", "ONNX models cannot be served"),
      check_library(world, "libxgboost.so", "XGBoost models cannot be served"),
      check_python("python3 with venv",
                   "import sys, venv, ensurepip; print(sys.executable, sys.version.split()[0])",
                   "models with code/inference.py that want packages, and scikit-learn models of "
                   "another version than this python3 has, cannot be served",
                   "Install python3 and python3-venv (on Debian: apt-get install python3-venv)."),
      check_python(
          "scikit-learn, joblib",
          "import sklearn, joblib; print(sklearn.__version__, joblib.__version__)",
          "pip installs what a scikit-learn model was made with, once, which takes half a "
          "minute and the network",
          "Nothing is to be done but where there is no network: install them for that python3, in "
          "the version of your models."),
      check_container_engine(world),
      check_data(data),
      check_store(data),
      check_space(data),
      check_server(endpoint, health),
      check_clock(world, health),
  };
  add_isolation(findings, data);
  return findings;
}

std::string to_text(const World& world, const std::vector<Finding>& findings) {
  std::vector<std::vector<std::string>> rows;
  for (const Finding& finding : findings) {
    rows.push_back({std::string(name_of(finding.state)), finding.what, finding.detail});
  }
  std::string text = table(rows);
  const auto paint = [&](std::string_view word, Colour colour) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) {
      if (at != 0 && text[at - 1] != '\n') continue;
      text.replace(at, word.size(), coloured(world, colour, word));
    }
  };
  paint("missing", Colour::red);
  paint("absent", Colour::yellow);
  return text;
}

boost::json::array to_json(const std::vector<Finding>& findings) {
  boost::json::array all;
  for (const Finding& finding : findings) {
    all.push_back(
        {{"state", name_of(finding.state)}, {"what", finding.what}, {"detail", finding.detail}});
  }
  return all;
}

Result<> diagnose(World& world, const DoctorOptions& options) {
  auto findings = examine(world, options);
  if (options.scrub)
    for (Finding& each : check_bodies(data_directory(world, options.connection.data)))
      findings.push_back(std::move(each));
  world.out << (options.format == Format::json ? pretty(to_json(findings))
                                               : to_text(world, findings));
  const auto missing = std::ranges::count_if(
      findings, [](const auto& each) { return each.state == State::missing; });
  if (missing == 0) return {};
  return fail(ErrorCode::unavailable,
              missing == 1 ? "One thing that Slipway needs is missing."
                           : fmt::format("{} things that Slipway needs are missing.", missing));
}

}  // namespace

void add_doctor(CLI::App& app, World& world) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command =
      app.add_subcommand("doctor", "Say what is missing on this machine, and for what");
  command
      ->add_option("--data", options->connection.data,
                   "The server's data directory (else SLIPWAY_DATA, else ~/.slipway)")
      ->type_name("DIR");
  command->add_option("--endpoint", options->connection.endpoint, "Where the server is")
      ->type_name("URL");
  command->add_flag("--scrub", options->scrub,
                    "Also read every body of an object and compare it with its sums");
  add_output_option(*command, options->format);
  command->footer(
      "`missing` is needed by everyone and makes the exit code 1; `absent` only for what its line "
      "says.\n"
      "Examples:\n"
      "  slipway doctor\n"
      "  slipway doctor --data /srv/slipway --output json");
  set_action(*command, world, std::move(options), diagnose);
}

}  // namespace slipway::cli

#include "server/options.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <thread>

namespace slipway::server {
namespace {

// An instance is believed to take so much of a machine at least. Nobody asks for a share of a core:
// instances of many endpoints mostly wait.
constexpr std::uint64_t instances_per_core = 24;
constexpr std::uint64_t instance_memory_bytes = 64ULL << 20;
constexpr std::uint64_t instances_least = 16;

std::filesystem::path default_data() {
  const char* const home = std::getenv("HOME");
  return std::filesystem::path(home ? home : ".") / ".slipway";
}

// A name is none, whatever it looks like: it may lead anywhere.
bool is_loopback(const std::string& address) {
  in_addr v4{};
  const bool numbers = ::inet_pton(AF_INET, address.c_str(), &v4) == 1;
  return address == "localhost" || address == "::1" || (numbers && address.starts_with("127."));
}

// Adds what keeps a model's code to its own.
void add_isolation_options(CLI::App& serve, ServeOptions& options) {
  serve
      .add_option(
          "--isolation", options.isolation,
          "auto: a model's code is kept to its own by what this machine has (slipway doctor "
          "lists it); required: do not start where it could reach what is not its own; off: it may "
          "do what the server may")
      ->envname("SLIPWAY_ISOLATION")
      ->check(CLI::IsMember({"auto", "required", "off"}))
      ->capture_default_str();
  serve
      .add_option("--instance-reads", options.reads,
                  "Folder that every instance may read, beside the system's and its model")
      ->envname("SLIPWAY_INSTANCE_READS");
}

// Adds what the work itself may take, run and reach.
void add_work_options(CLI::App& serve, ServeOptions& options) {
  serve
      .add_option("--serverless-idle", options.serverless_idle,
                  "Seconds from a serverless endpoint's last request to the end of its instances")
      ->envname("SLIPWAY_SERVERLESS_IDLE")
      ->check(CLI::Range(1u, serverless_idle_max))
      ->capture_default_str();
  serve
      .add_option("--python", options.python,
                  "Interpreter of Python handlers and scikit-learn models")
      ->envname("SLIPWAY_PYTHON")
      ->capture_default_str();
  serve
      .add_option("--stream-seconds", options.stream_seconds,
                  "Longest streamed answer, from its request to its last byte; AWS has 480")
      ->envname("SLIPWAY_STREAM_SECONDS")
      ->check(CLI::Range(1u, 86'400u))
      ->capture_default_str();
  serve
      .add_option(
          "--deliver-to-private", options.deliver_to_private,
          "on: SNS sends to HTTP subscribers on this machine and in private networks too, and "
          "STS asks issuers of tokens there; off: public addresses only; auto: on with "
          "--auth none, else off")
      ->envname("SLIPWAY_DELIVER_TO_PRIVATE")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  serve
      .add_option("--request-memory", options.request_memory,
                  "MiB that request bodies in memory may take together; 0: a quarter of the "
                  "machine's memory")
      ->envname("SLIPWAY_REQUEST_MEMORY")
      ->check(CLI::Range(0u, request_memory_max))
      ->capture_default_str();
  serve
      .add_option("--instances-max", options.instances_max,
                  "Instances that all endpoints and jobs together may ask for; 0: what the cores "
                  "and the memory of this machine bear")
      ->envname("SLIPWAY_INSTANCES_MAX")
      ->capture_default_str();
  serve
      .add_option("--allow-host", options.allowed_hosts,
                  "NAME or *.NAME: a name of this server beside localhost, for "
                  "what is asked without a signature; pages of that name may ask too")
      ->envname("SLIPWAY_ALLOW_HOST");
  serve
      .add_option("--program", options.programs,
                  "NAME=PATH: images of this repository name run as this program, which obeys the "
                  "container contract on the unix socket that --http-socket names")
      ->envname("SLIPWAY_PROGRAM");
}

void add_registry_options(CLI::App& serve, ServeOptions& options) {
  serve
      .add_option("--registry-auth", options.registry_auth,
                  "strict: who pushes and pulls images has a password of GetAuthorizationToken; "
                  "anonymous: who has none is the root (loopback only)")
      ->envname("SLIPWAY_REGISTRY_AUTH")
      ->check(CLI::IsMember({"strict", "anonymous"}))
      ->capture_default_str();
  serve
      .add_option("--create-on-push", options.create_on_push,
                  "on: a push of an image makes the repository that is not there; off: it is "
                  "refused, as on AWS")
      ->envname("SLIPWAY_CREATE_ON_PUSH")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
}

}  // namespace

ecr::DistributionDoor::Anonymous ServeOptions::anonymous_registry() const {
  using Anonymous = ecr::DistributionDoor::Anonymous;
  return registry_auth == "anonymous" ? Anonymous::root : Anonymous::refused;
}

ecr::DistributionDoor::AbsentRepository ServeOptions::absent_repositories() const {
  using Absent = ecr::DistributionDoor::AbsentRepository;
  return create_on_push == "on" ? Absent::created : Absent::refused;
}

service::AuthMode ServeOptions::auth_mode() const {
  return auth == "none" ? service::AuthMode::none : service::AuthMode::strict;
}

service::Holding ServeOptions::holding() const {
  return hold == "off" ? service::Holding::off : service::Holding::on;
}

net::Reach ServeOptions::delivery_reach() const {
  const bool open = deliver_to_private == "on" ||
                    (deliver_to_private == "auto" && auth_mode() == service::AuthMode::none);
  return open ? net::Reach::anywhere : net::Reach::public_only;
}

std::uint32_t ServeOptions::instance_limit() const {
  if (instances_max > 0) return instances_max;
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  const std::uint64_t memory = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t by_cores = std::thread::hardware_concurrency() * instances_per_core;
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(std::min(by_cores, memory / instance_memory_bytes), instances_least));
}

place::Isolation ServeOptions::isolation_mode() const {
  if (isolation == "required") return place::Isolation::required;
  return isolation == "off" ? place::Isolation::off : place::Isolation::automatic;
}

LogLevel ServeOptions::least_logged() const {
  if (log_level == "debug") return LogLevel::debug;
  if (log_level == "warning") return LogLevel::warning;
  if (log_level == "error") return LogLevel::error;
  return LogLevel::info;
}

std::map<std::string, std::string> ServeOptions::image_programs() const {
  std::map<std::string, std::string> programs_by_name;
  for (const std::string& each : programs)
    if (const auto equals = each.find('='); equals != each.npos)
      programs_by_name[each.substr(0, equals)] = each.substr(equals + 1);
  return programs_by_name;
}

void add_options(CLI::App& serve, ServeOptions& options) {
  options.data = default_data();
  serve.add_option("--data", options.data, "Directory that holds everything (default ~/.slipway)")
      ->envname("SLIPWAY_DATA");
  serve.add_option("--listen", options.listen, "Address to listen on")
      ->envname("SLIPWAY_LISTEN")
      ->capture_default_str();
  serve.add_option("--port", options.port, "Port to listen on; 0 takes any free one")
      ->envname("SLIPWAY_PORT")
      ->capture_default_str();
  serve
      .add_option("--auth", options.auth,
                  "strict: every signature is verified; none: every request is the root's "
                  "(loopback only)")
      ->envname("SLIPWAY_AUTH")
      ->check(CLI::IsMember({"strict", "none"}))
      ->capture_default_str();
  serve
      .add_option("--authorize", options.authorize,
                  "on: policies decide who may do what; off: everyone who has a key may do "
                  "everything")
      ->envname("SLIPWAY_AUTHORIZE")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  serve.add_option("--account", options.account, "Account id, twelve digits")
      ->envname("SLIPWAY_ACCOUNT")
      ->capture_default_str();
  serve.add_option("--region", options.region, "Region of requests that name none")
      ->envname("SLIPWAY_REGION")
      ->capture_default_str();
  serve.add_option("--tls-cert", options.tls_cert, "Certificate chain (PEM); serves HTTPS")
      ->envname("SLIPWAY_TLS_CERT");
  serve.add_option("--tls-key", options.tls_key, "Private key (PEM) of --tls-cert")
      ->envname("SLIPWAY_TLS_KEY");
  serve
      .add_option("--hold", options.hold,
                  "on: a waiter's Describe call is answered when the state changes; off: at once")
      ->envname("SLIPWAY_HOLD")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  serve.add_option("--io-threads", options.io_threads, "I/O threads; 0: one for each core")
      ->envname("SLIPWAY_IO_THREADS")
      ->check(CLI::Range(0u, io_threads_max))
      ->capture_default_str();
  serve.add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->envname("SLIPWAY_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  serve
      .add_option("--access-log", options.access_log,
                  "File that gets one JSON line for each request; - is standard output")
      ->envname("SLIPWAY_ACCESS_LOG");
  add_work_options(serve, options);
  serve.add_flag(
      "--accept-older-database", options.accept_older_database,
      "Go on with a database that knows less than the bodies of objects beside it; those "
      "that it does not name are kept for a day in objects/quarantine");
  add_isolation_options(serve, options);
  add_registry_options(serve, options);
  serve
      .add_option("--config", options.config,
                  "Configuration file: the options' names without dashes, name = value; flags and "
                  "the environment come first")
      ->envname("SLIPWAY_CONFIG")
      ->check(CLI::ExistingFile);
}

Result<> read_config(CLI::App& serve, const ServeOptions& options) {
  if (options.config.empty()) return {};
  try {
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_file(options.config)) {
      CLI::Option* const option = serve.get_option_no_throw("--" + item.name);
      if (!item.parents.empty() || !option || item.name == "config")
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}' in {} is no option of serve; slipway serve --help lists them",
                                item.fullname(), options.config));
      if (!option->empty()) continue;  // a flag or the environment said otherwise
      option->add_result(item.inputs);
      option->run_callback();
    }
  } catch (const CLI::Error& error) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", options.config, error.what()));
  }
  return {};
}

Result<> check(const ServeOptions& options) {
  const bool digits = options.account.find_first_not_of("0123456789") == std::string::npos;
  if (options.account.size() != 12 || !digits)
    return fail(ErrorCode::invalid_argument,
                fmt::format("--account '{}' is not twelve digits", options.account));
  if (options.auth_mode() == service::AuthMode::none && !is_loopback(options.listen))
    return fail(ErrorCode::invalid_argument,
                fmt::format("--auth none lets everyone who reaches '{}' do everything; use it only "
                            "with --listen 127.0.0.1, or leave signatures on",
                            options.listen));
  if (options.registry_auth == "anonymous" && !is_loopback(options.listen))
    return fail(ErrorCode::invalid_argument,
                fmt::format("--registry-auth anonymous lets everyone who reaches '{}' push images; "
                            "use it only with --listen 127.0.0.1",
                            options.listen));
  for (const std::string& each : options.programs)
    if (const auto equals = each.find('=');
        equals == each.npos || !each.substr(equals + 1).starts_with('/'))
      return fail(ErrorCode::invalid_argument,
                  fmt::format("--program '{}' is not NAME=/absolute/path", each));
  for (const std::string& each : options.reads)
    if (!each.starts_with('/'))
      return fail(ErrorCode::invalid_argument,
                  fmt::format("--instance-reads '{}' is no absolute path", each));
  if (options.tls_cert.empty() != options.tls_key.empty())
    return fail(ErrorCode::invalid_argument, "--tls-cert and --tls-key go together; give both");
  return {};
}

}  // namespace slipway::server

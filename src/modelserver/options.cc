#include "modelserver/options.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

namespace slipway::modelserver {
namespace {

constexpr std::size_t model_memory_mb_max = std::size_t{1} << 24;

constexpr std::string_view help_text =
    R"(slipway-modelserver: serves one model by the SageMaker container contract.

  slipway-modelserver [serve] [options]

  --model-dir DIR      the unpacked model (default /opt/ml/model)
  --port N             HTTP on this TCP port (0: any free one; default 8080, or
                       SAGEMAKER_BIND_TO_PORT, when no socket is given)
  --listen ADDRESS     the address of that port (default 0.0.0.0)
  --http-socket PATH   HTTP on this unix socket
  --link-socket PATH   the framed link on this unix socket
  --multi-model        many models by the multi-model contract (/models), in place of one
  --venv-cache DIR     virtual environments for code/requirements.txt
                       (default ~/.cache/slipway/venvs)
  --find-links DIR     a folder of wheels to install from first (may be repeated)
  --environment DIR    the model's packages are there, and nothing is installed
  --plan-environment FILE     write what the model needs installed into FILE, and end
  --install-environment DIR   install what --environment-plan TEXT, such a file's text, says into
                       DIR, which will be moved to --environment, and end
  --zygote SOCKET      be the parent that starts instances; see README.md of src/modelserver

Environment: SLIPWAY_IMAGE, SLIPWAY_LIB, SLIPWAY_PYTHON, SAGEMAKER_BIND_TO_PORT, SAGEMAKER_PROGRAM,
SAGEMAKER_SUBMIT_DIRECTORY, SAGEMAKER_MODEL_SERVER_WORKERS, SAGEMAKER_MODEL_SERVER_TIMEOUT,
SLIPWAY_BATCH_JOIN (auto: requests are joined where the model is shown to work on each record alone;
always; never), SLIPWAY_BATCH_REQUESTS_MAX (requests that one run may join, default 64),
SLIPWAY_BATCH_WAIT_MS (how long a request may wait for others to join it, default 0),
SAGEMAKER_MULTI_MODEL (true: as --multi-model), SLIPWAY_MODEL_MEMORY_MB (with many models: past it
none is loaded, and the answer is 507).
)";

std::string variable(const char* name, std::string otherwise = {}) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(otherwise) : std::string(value);
}

Result<std::uint16_t> read_port(std::string_view text, std::string_view where) {
  std::uint16_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, port);
  if (error != std::errc() || end != last) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is '{}', which is no port (0 to 65535).", where, text));
  }
  return port;
}

Result<std::size_t> read_number(const char* name, std::size_t least, std::size_t most,
                                std::size_t otherwise) {
  const std::string text = variable(name, std::to_string(otherwise));
  std::size_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc() && end == last && number >= least && number <= most) return number;
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("{} is '{}', which is no number from {} to {}.", name, text, least, most));
}

// AWS writes true, its own containers' tests True.
bool read_switch(const char* name) {
  const std::string text = variable(name);
  return text == "true" || text == "True" || text == "1";
}

Result<Joins> read_joins() {
  const std::string text = variable("SLIPWAY_BATCH_JOIN", "auto");
  if (text == "auto") return Joins::automatic;
  if (text == "always") return Joins::always;
  if (text == "never") return Joins::never;
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("SLIPWAY_BATCH_JOIN is '{}', which is none of auto, always and never.", text));
}

Result<Batching> read_batching() {
  Batching batching;
  TRY(batching.joins, read_joins());
  TRY(batching.requests_max,
      read_number("SLIPWAY_BATCH_REQUESTS_MAX", 1, batch_requests_max, batching.requests_max));
  TRY(const std::size_t wait_ms,
      read_number("SLIPWAY_BATCH_WAIT_MS", 0, static_cast<std::size_t>(batch_wait_max.count()), 0));
  batching.wait = std::chrono::milliseconds(wait_ms);
  return batching;
}

// "host/team/sagemaker-xgboost:1.7-1@sha256:..." → "sagemaker-xgboost" and "1.7-1".
void take_image(std::string image, Options& options) {
  image.resize(std::min(image.size(), image.find('@')));
  if (const auto slash = image.rfind('/'); slash != image.npos) image.erase(0, slash + 1);
  const auto colon = std::min(image.size(), image.find(':'));
  options.image_tag = image.substr(std::min(image.size(), colon + 1));
  options.image = image.substr(0, colon);
}

Result<> set_option(Options& options, std::string_view name, const std::string& value) {
  if (name == "--model-dir")
    options.model_dir = value;
  else if (name == "--listen")
    options.listen_address = value;
  else if (name == "--http-socket")
    options.http_socket = value;
  else if (name == "--link-socket")
    options.link_socket = value;
  else if (name == "--venv-cache")
    options.venv_cache = value;
  else if (name == "--find-links")
    options.find_links.push_back(value);
  else if (name == "--environment")
    options.environment = value;
  else if (name == "--plan-environment")
    options.plan_file = value;
  else if (name == "--install-environment")
    options.install_folder = value;
  else if (name == "--environment-plan")
    options.environment_plan = value;
  else if (name == "--zygote")
    options.zygote_socket = value;
  else if (name == "--port") {
    TRY(options.port, read_port(value, name));
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("The option {} is not known; --help lists them.", name));
  }
  return {};
}

}  // namespace

Result<Options> read_options(std::span<const std::string> arguments) {
  Options options;
  take_image(variable("SLIPWAY_IMAGE", options.image), options);
  TRY(options.batching, read_batching());
  options.multi_model = read_switch("SAGEMAKER_MULTI_MODEL");
  TRY(const std::size_t memory_mb,
      read_number("SLIPWAY_MODEL_MEMORY_MB", 0, model_memory_mb_max, 0));
  options.model_memory_bytes_max = std::uint64_t{memory_mb} << 20;
  const std::string home = variable("HOME", "/tmp");
  options.venv_cache = home + "/.cache/slipway/venvs";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "serve") continue;
    if (argument == "--multi-model") {
      options.multi_model = true;
      continue;
    }
    if (argument == "--help" || argument == "-h")
      return fail(ErrorCode::invalid_argument, std::string(help_text), "help");
    const auto equals = argument.find('=');
    if (argument.starts_with("--") && equals != argument.npos) {
      TRY_DO(set_option(options, argument.substr(0, equals), argument.substr(equals + 1)));
      continue;
    }
    if (!argument.starts_with("--") || i + 1 == arguments.size()) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("'{}' is not known here, or lacks its value; --help lists the options.",
                      argument));
    }
    TRY_DO(set_option(options, argument, arguments[i + 1]));
    ++i;
  }
  const bool addressed =
      options.port || !options.http_socket.empty() || !options.link_socket.empty();
  if (!addressed && options.zygote_socket.empty()) {
    TRY(options.port,
        read_port(variable("SAGEMAKER_BIND_TO_PORT", "8080"), "SAGEMAKER_BIND_TO_PORT"));
  }
  return options;
}

}  // namespace slipway::modelserver

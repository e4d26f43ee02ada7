// Options are what slipway-modelserver was asked to be: its arguments and environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::modelserver {

// Which models' requests are joined: SLIPWAY_BATCH_JOIN.
enum class Joins : std::uint8_t {
  automatic,  // "auto": of models that are shown to work on each record alone
  always,     // of all whose shapes allow it
  never,
};

// How requests that wait together run together; a model whose requests cannot be joined ignores it.
// The defaults never cost a lone request more than its own run.
struct Batching {
  std::size_t requests_max = 64;  // in one run: SLIPWAY_BATCH_REQUESTS_MAX
  Joins joins = Joins::automatic;
  std::chrono::milliseconds wait{0};  // of a request for more to join it: SLIPWAY_BATCH_WAIT_MS
};
inline constexpr std::size_t batch_requests_max = 1024;
inline constexpr std::chrono::milliseconds batch_wait_max{1'000};

// All that was asked of the program.
struct Options {
  std::string model_dir = "/opt/ml/model";
  std::string image = "slipway-inference";  // repository name, without registry and tag
  std::string image_tag;                    // "3.0-5"; empty: none was named
  std::optional<std::uint16_t> port;        // 0: any free one
  std::string listen_address = "0.0.0.0";   // with `port`
  std::string http_socket;                  // empty: none
  std::string link_socket;                  // empty: none
  Batching batching;
  // Many models, loaded and let go by request: --multi-model, or SAGEMAKER_MULTI_MODEL=true as AWS
  // sets it. `model_dir` is not looked at.
  bool multi_model = false;
  // Of this process, beyond which no further model is loaded: SLIPWAY_MODEL_MEMORY_MB. 0: no limit.
  std::uint64_t model_memory_bytes_max = 0;
  std::string venv_cache;
  std::vector<std::string> find_links;
  // The packages of a Python model lie there (--environment): nothing is installed then.
  std::string environment;
  // Not empty: find out what the model needs installed, write that into this file, and end.
  std::string plan_file;
  // Not empty: install what `environment_plan` says into this folder, which will lie at
  // `environment`, and end.
  std::string install_folder;
  std::string environment_plan;
  std::string zygote_socket;  // not empty: be a zygote, and nothing else
};

// Reads `arguments` (without the program's name; "serve", as SageMaker passes it, is let be) and
// the environment. Where no address is given it listens on TCP port 8080, or
// SAGEMAKER_BIND_TO_PORT. invalid_argument: an option that is not known or lacks its value; `kind`
// is "help" where --help or
// --version asked for text, which is then the message.
Result<Options> read_options(std::span<const std::string> arguments);

}  // namespace slipway::modelserver

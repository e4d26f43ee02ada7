#include "modelserver/program/image_variables.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"

namespace slipway::modelserver {
namespace {

struct Refused {
  std::string_view name;
  std::array<std::string_view, 2> harmless;  // values that ask for nothing else than what is done
  std::string_view why;
};

constexpr std::array<Refused, 7> refused = {{
    {"SAGEMAKER_HANDLER", {}, "a handler of one's own is put into code/inference.py"},
    {"MMS_DEFAULT_SERVICE_HANDLER", {}, "a handler of one's own is put into code/inference.py"},
    {"SAGEMAKER_SERVING_MODULE",
     {"sagemaker_xgboost_container.serving:main", "sagemaker_sklearn_container.serving:main"},
     "a program of one's own is a container image of one's own"},
    {"SAGEMAKER_BASE_DIR", {"/opt/ml", "/opt/ml/"}, "a model is found below /opt/ml alone"},
    {"MMS_DECODE_INPUT_REQUEST", {"false"}, "a handler is given the bytes of a request"},
    {"MMS_CONFIG_FILE", {}, "a configuration of AWS's model server is not read"},
    {"CA_REPOSITORY_ARN", {}, "packages come from the index that PIP_INDEX_URL names"},
}};

// Variables of MMS that hide others from the model's code: what was meant to be hidden would be
// seen.
constexpr std::string_view hiding = "MMS_BLACKLIST_ENV_VARS";

// Positive whole numbers, which load_model.cc reads.
constexpr std::array<std::string_view, 3> numbers = {"SAGEMAKER_MODEL_SERVER_WORKERS",
                                                     "SAGEMAKER_MODEL_SERVER_TIMEOUT",
                                                     "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"};

// Threads, queues, memory and files of AWS's servers. A star stands for any end of a name.
constexpr std::array<std::string_view, 20> without_meaning = {
    "MAX_CONTENT_LENGTH",
    "SAGEMAKER_MAX_REQUEST_SIZE",
    "SAGEMAKER_MAX_RESPONSE_SIZE",
    "SAGEMAKER_NUM_MODEL_WORKERS",
    "SAGEMAKER_MODEL_JOB_QUEUE_SIZE",
    "SAGEMAKER_MAX_HEAP_SIZE",
    "SAGEMAKER_MAX_DIRECT_MEMORY_SIZE",
    "SAGEMAKER_DISABLE_CONTAINER_SUPPORT",
    "SAGEMAKER_MODEL_SERVER_VMARGS",
    "SAGEMAKER_STARTUP_TIMEOUT",
    "SAGEMAKER_RESPONSE_TIMEOUT",
    "SAGEMAKER_MODEL_STORE",
    "SAGEMAKER_MMS_*",
    "SAGEMAKER_USE_NGINX",
    "SAGEMAKER_TRAINING_MODULE",
    "XGBOOST_MMS_CONFIG",
    "MMS_*",
    "LOG_LOCATION",
    "METRICS_LOCATION",
    "JAVA_HOME",
};

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool is_positive(std::string_view text) {
  std::size_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc() && end == last && value > 0;
}

Result<> check(std::string_view name, std::string_view value, std::set<std::string>& ignored) {
  if (name == hiding)
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} is '{}', and the model's code sees every variable of its container: "
                    "leave out what it may not see.",
                    name, value));
  if (const auto found = std::ranges::find(refused, name, &Refused::name); found != refused.end()) {
    if (std::ranges::count(found->harmless, value) > 0) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is '{}', which is not done here: {}.", name, value, found->why));
  }
  if (std::ranges::count(numbers, name) > 0 && !is_positive(value))
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is '{}', which is no positive whole number.", name, value));
  const auto is_it = [&](std::string_view pattern) { return matches(pattern, name); };
  if (std::ranges::any_of(without_meaning, is_it)) ignored.emplace(name);
  return {};
}

}  // namespace

Result<> check_image_variables() {
  std::set<std::string> ignored;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable(*at);
    const auto equals = variable.find('=');
    if (equals == variable.npos || equals + 1 == variable.size()) continue;  // empty: not set
    TRY_DO(check(variable.substr(0, equals), variable.substr(equals + 1), ignored));
  }
  if (!ignored.empty())
    log_info("modelserver", "variables of AWS's own servers have no meaning here",
             {{"names", fmt::format("{}", fmt::join(ignored, ", "))}});
  return {};
}

}  // namespace slipway::modelserver

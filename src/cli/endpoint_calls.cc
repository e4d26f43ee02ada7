#include "cli/endpoint_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "base/printable.h"
#include "cli/deploy.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

bool is_settled(std::string_view status) {
  return status == "InService" || status == "Failed" || status == "OutOfService" ||
         status == "UpdateRollbackFailed";
}

Result<> unless_missing(const Result<json::object>& answer) {
  if (answer || is_missing(answer.error())) return {};
  return std::unexpected(answer.error());
}

}  // namespace

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string shown(const json::object& object, std::string_view name) {
  return printable(text_of(object, name));
}

std::string waits_for(const json::object& endpoint) {
  boost::system::error_code none;
  const json::value whole(endpoint);
  const json::value* words = whole.find_pointer(
      "/PendingDeploymentSummary/ProductionVariants/0/VariantStatus/0/StatusMessage", none);
  return words != nullptr && words->is_string() ? printable(words->get_string()) : std::string();
}

Result<json::object> describe_endpoint(AwsClient& client, std::string_view name, Hold hold) {
  auto answer = client.call("sagemaker", "DescribeEndpoint", {{"EndpointName", name}}, hold);
  if (!answer && is_missing(answer.error())) {
    return fail(ErrorCode::not_found, fmt::format("There is no endpoint '{}'.", name));
  }
  return answer;
}

Result<json::object> wait_until_settled(AwsClient& client, const Clock& clock,
                                        std::string_view name, std::chrono::seconds patience) {
  const Instant deadline = clock.monotonic() + patience;
  for (auto pause = poll_first;; pause = std::min(2 * pause, poll_max)) {
    TRY(json::object endpoint, describe_endpoint(client, name, Hold::yes));
    const std::string status = text_of(endpoint, "EndpointStatus");
    if (is_settled(status)) return endpoint;
    if (clock.monotonic() > deadline) {
      return fail(
          ErrorCode::timeout,
          fmt::format("Endpoint '{0}' is still {1} after {2} s. `slipway status {0}` shows how it "
                      "goes on; --wait waits longer.",
                      name, status, patience.count()));
    }
    std::this_thread::sleep_for(pause);
  }
}

bool is_own_name(std::string_view name, std::string_view endpoint) {
  const std::string_view stem = endpoint.substr(0, own_stem_bytes_max);
  if (name.size() != stem.size() + 1 + own_digest_bytes) return false;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.starts_with(stem) && name[stem.size()] == '-' &&
         std::ranges::all_of(name.substr(stem.size() + 1), is_hex);
}

Result<> remove_configuration(AwsClient& client, std::string_view endpoint,
                              const std::string& configuration) {
  if (!is_own_name(configuration, endpoint)) return {};
  const json::object name{{"EndpointConfigName", configuration}};
  const auto described = client.call("sagemaker", "DescribeEndpointConfig", name);
  if (!described) return unless_missing(described);
  TRY_DO(unless_missing(client.call("sagemaker", "DeleteEndpointConfig", name)));
  const json::value* variants = described->if_contains("ProductionVariants");
  if (variants == nullptr || !variants->is_array()) return {};
  for (const json::value& variant : variants->get_array()) {
    const std::string model = variant.is_object() ? text_of(variant.get_object(), "ModelName") : "";
    if (!is_own_name(model, endpoint)) continue;
    TRY_DO(unless_missing(client.call("sagemaker", "DeleteModel", {{"ModelName", model}})));
  }
  return {};
}

}  // namespace slipway::cli

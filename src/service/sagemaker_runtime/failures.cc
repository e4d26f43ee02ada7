#include "service/sagemaker_runtime/failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/encoding.h"
#include "engine/objects/uri.h"
#include "service/resource_key.h"
#include "service/sagemaker_runtime/member_text.h"
#include "wire/json_writer.h"

namespace slipway::sagemaker_runtime {
namespace {

using routing::InvokeFailure;
using service::ErrorRow;

// AWS cuts what a container says in an error after this many bytes.
constexpr std::size_t original_message_bytes_max = 4096;

constexpr ErrorRow errors[] = {
    {"not_allowed", "AccessDeniedException", 403},
    {"ValidationError", "ValidationError", 400},
    {"ModelError", "ModelError", 424},
    {"invalid_argument", "ValidationError", 400},
    {"limit_exceeded", "ValidationError", 413},
    // Seen with status 400 (opensearch-project/ml-commons issue 2429).
    {"ThrottlingException", "ThrottlingException", 400},
    {"ModelNotReadyException", "ModelNotReadyException", 429},
    {"unavailable", "ServiceUnavailable", 503},
    {"internal", "InternalFailure", 500},
    {"queue_full", "ServiceUnavailable", 503},
    {"key_too_long", "ValidationError", 400},
};

// The API model's pattern; what is no name is found nowhere, so it is looked at only then.
constexpr std::string_view endpoint_name_pattern = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*";

std::string log_group(const AskedEndpoint& endpoint) {
  if (!endpoint.component.empty())
    return fmt::format("/aws/sagemaker/InferenceComponents/{}", endpoint.component);
  return fmt::format("/aws/sagemaker/Endpoints/{}", endpoint.name);
}

Error model_error(const AskedEndpoint& endpoint, std::string message, int status,
                  std::string_view original) {
  return {ErrorCode::internal,
          std::move(message),
          "ModelError",
          {{"OriginalStatusCode", std::to_string(status)},
           {"OriginalMessage", std::string(original)},
           {"LogStreamArn", fmt::format("arn:aws:logs:{}:{}:log-group:{}", endpoint.region,
                                        endpoint.account, log_group(endpoint))}}};
}

// A container without a name is the only one, and "primary" in AWS's texts.
std::string_view named(std::string_view container) {
  return container.empty() ? "primary" : container;
}

// AWS says that each of these is a validation error and not in which words: they are a choice.
Error wrong_container(const AskedEndpoint& endpoint, InvokeFailure failure,
                      std::string_view container) {
  if (failure == InvokeFailure::not_direct)
    return validation_error(fmt::format(
        "TargetContainerHostname needs an endpoint with several containers in Direct mode, which "
        "endpoint {} is not.",
        endpoint.name));
  if (container.empty())
    return validation_error(
        fmt::format("TargetContainerHostname must be specified: the containers of endpoint {} are "
                    "invoked in Direct mode.",
                    endpoint.name));
  return validation_error(fmt::format("Container {} not found for endpoint {} of account {}.",
                                      container, endpoint.name, endpoint.account));
}

}  // namespace

// Neither AWS's name for this nor its text is published: ValidationError is a choice, as for
// everything else that a call names and that is not there.
Error no_session(const AskedEndpoint& endpoint) {
  return validation_error(fmt::format(
      "The session is not known to endpoint {} of account {}. It expired or was closed, "
      "or its instance is gone; start another with NEW_SESSION.",
      endpoint.name, endpoint.account));
}

Error no_place_for_session(const AskedEndpoint& endpoint) {
  return validation_error(fmt::format(
      "Endpoint {} holds no sessions: they need instances that stay, one model, and one "
      "container or several in Direct mode.",
      endpoint.name));
}

AskedEndpoint AskedEndpoint::of(const wire::Route& route, const service::Caller& caller) {
  AskedEndpoint endpoint{.name = percent_decode(route.labels.items[0].value),
                         .account = std::string(caller.account()),
                         .region = caller.region};
  endpoint.fleet = service::resource_key(caller, endpoint.name);
  return endpoint;
}

void AskedEndpoint::choose_component(std::string_view component_name) {
  component = component_name;
  fleet = fmt::format("{}{}{}", fleet, service::component_mark, component);
}

std::string_view AskedEndpoint::own_fleet() const {
  const std::string_view whole = fleet;
  return component.empty() ? whole : whole.substr(0, whole.size() - component.size() - 1);
}

// The second text is AWS's, as litellm's tests quote it; AWS's words for a component that is not
// there are not known.
Error no_component(const AskedEndpoint& endpoint, const routing::FleetRoute* route) {
  if (route == nullptr) return not_found(endpoint);
  const auto offers = [](const routing::FleetRoute::Leg& leg) {
    return std::ranges::any_of(leg.route->variants, [](const auto& variant) {
      return std::holds_alternative<routing::MachinesRoute>(variant.serving);
    });
  };
  if (!route->legs.empty() && std::ranges::none_of(route->legs, offers))
    return validation_error(
        "Inference Component Name header is not allowed for endpoints to which you dont plan to "
        "deploy inference components. Please remove the Inference Component Name header and try "
        "again.");
  return validation_error(
      fmt::format("Inference Component {} of endpoint {} of account {} not found.",
                  endpoint.component, endpoint.name, endpoint.account));
}

Error not_found(const AskedEndpoint& endpoint) {
  if (has_form(endpoint.name, TextForm::name))
    return validation_error(
        fmt::format("Endpoint {} of account {} not found.", endpoint.name, endpoint.account));
  return validation_error(
      fmt::format("1 validation error detected: Value '{}' at 'endpointName' failed to satisfy "
                  "constraint: Member must satisfy regular expression pattern: {}",
                  endpoint.name, endpoint_name_pattern));
}

namespace {

// AWS's text as far as users quote it (to "located at the URL"); the rest is a choice.
Error no_such_model(std::string_view uri) {
  const auto place = objects::parse_uri(uri);
  return validation_error(
      fmt::format("Failed to download model data(bucket: {}, key: {}). Please ensure that there is "
                  "an object located at the URL and that the role passed to CreateModel has "
                  "permissions to download the model.",
                  place ? place->bucket : "", place ? place->key : std::string(uri)));
}

Error not_serving(const AskedEndpoint& endpoint) {
  if (!endpoint.component.empty())
    return validation_error(
        fmt::format("Inference Component {} of endpoint {} is not in service; "
                    "DescribeInferenceComponent says how far it is.",
                    endpoint.component, endpoint.name));
  return validation_error(
      fmt::format("Endpoint {} of account {} not found. It exists and is not in service; "
                  "DescribeEndpoint says how far it is.",
                  endpoint.name, endpoint.account));
}

// Of endpoints with many models.
Error model_failure(const AskedEndpoint& endpoint, InvokeFailure failure, std::string_view detail) {
  switch (failure) {
    case InvokeFailure::model_missing: return *request_error(failure, "");
    case InvokeFailure::model_unexpected:
      return validation_error(
          fmt::format("Endpoint {} is not a multi-model endpoint and does not support target model "
                      "header.",
                      endpoint.name));
    case InvokeFailure::no_such_model: return no_such_model(detail);
    case InvokeFailure::model_unusable:
      return validation_error(fmt::format("Failed to download model data: {}", detail));
    case InvokeFailure::model_loading:
      return {ErrorCode::unavailable,
              "The model is not ready for inference serving: it is still being loaded. Please try "
              "again.",
              "ModelNotReadyException"};
    default: std::unreachable();
  }
}

}  // namespace

service::ErrorTable error_table() { return errors; }

Error validation_error(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message), "ValidationError"};
}

Error too_long(std::string_view member, std::string_view value, std::size_t bytes_max) {
  return validation_error(
      fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: "
                  "Member must have length less than or equal to {}",
                  value, member, bytes_max));
}

// AWS's texts as far as they are quoted anywhere (the second: aws/sagemaker-python-sdk#4271); the
// end of the first and the status of the second are a choice.
std::optional<Error> request_error(InvokeFailure failure, std::string_view request_id) {
  if (failure == InvokeFailure::model_missing)
    return validation_error(fmt::format(
        "Request {} is missing a target model header for a multi-model endpoint.", request_id));
  if (failure == InvokeFailure::request_too_large)
    return Error{ErrorCode::limit_exceeded,
                 fmt::format("Request {} has oversize body.", request_id)};
  return std::nullopt;
}

Error failure_error(const AskedEndpoint& endpoint, InvokeFailure failure, std::string_view detail,
                    const routing::InvokeRequest& request, std::string_view container) {
  switch (failure) {
    case InvokeFailure::not_found: return not_found(endpoint);
    case InvokeFailure::not_serving: return not_serving(endpoint);
    case InvokeFailure::other_access:  // AWS's wording is not known
      return validation_error(fmt::format(
          "Endpoint {} of account {} does not support this operation: an endpoint with an "
          "AsyncInferenceConfig is invoked with InvokeEndpointAsync, and only such an endpoint.",
          endpoint.name, endpoint.account));
    case InvokeFailure::no_such_variant:
      return validation_error(fmt::format("Variant {} not found for endpoint {} of account {}.",
                                          request.target_variant, endpoint.name, endpoint.account));
    case InvokeFailure::no_such_container:
    case InvokeFailure::not_direct: return wrong_container(endpoint, failure, request.container);
    case InvokeFailure::no_such_instance: return no_session(endpoint);
    case InvokeFailure::other_instance:  // what AWS does then is not known
      return validation_error(
          fmt::format("The session is held elsewhere on endpoint {}: {}, and the request names "
                      "another.",
                      endpoint.name, detail));
    case InvokeFailure::timeout:
      return model_error(
          endpoint,
          fmt::format("Your invocation timed out while waiting for a response from container {}. "
                      "Review the latency metrics for each container in Amazon CloudWatch, resolve "
                      "the issue, and try again.",
                      named(container)),
          0, detail);
    case InvokeFailure::broken:
    case InvokeFailure::too_large:
    case InvokeFailure::start_failed:
      return model_error(
          endpoint,
          fmt::format("Received server error (0) from {} with message \"{}\". See the log "
                      "group {} for more information.",
                      named(container), detail, log_group(endpoint)),
          500, detail);
    case InvokeFailure::request_too_large: return *request_error(failure, "");
    case InvokeFailure::throttled:
      return {ErrorCode::unavailable,
              fmt::format("Rate exceeded for endpoint {}: {}.", endpoint.name, detail),
              "ThrottlingException"};
    case InvokeFailure::not_ready:
      return {ErrorCode::unavailable,
              fmt::format("Endpoint {} is not ready: {}. Wait and try your request again.",
                          endpoint.name, detail),
              "ModelNotReadyException"};
    case InvokeFailure::at_zero:
      return validation_error(
          "Inference Component has no capacity to process this request. ApplicationAutoScaling may "
          "be in-progress (if configured) or try to increase the capacity by invoking "
          "UpdateInferenceComponentRuntimeConfig API.");
    case InvokeFailure::offered:
      return validation_error(
          "Inference Component Name header is required for endpoints to which you plan to deploy "
          "inference components. Please include Inference Component Name header or consider using "
          "SageMaker models.");
    case InvokeFailure::model_missing:
    case InvokeFailure::model_unexpected:
    case InvokeFailure::no_such_model:
    case InvokeFailure::model_unusable:
    case InvokeFailure::model_loading: return model_failure(endpoint, failure, detail);
    case InvokeFailure::unavailable:
      return {ErrorCode::unavailable,
              fmt::format("Endpoint {} cannot answer now: {}.", endpoint.name, detail)};
  }
  std::unreachable();
}

// AWS names the codes and no texts; the sentences are ours.
StreamFailure stream_failure(InvokeFailure failure, std::string_view detail) {
  StreamFailure named{.exception = "ModelStreamError", .payload = {}};
  std::string_view code;
  std::string message;
  if (failure == InvokeFailure::timeout) {
    code = "ModelInvocationTimeExceeded";
    message = "The model did not finish its answer within the time that a stream may take.";
  } else if (failure == InvokeFailure::too_large) {
    code = "StreamBroken";
    message = fmt::format("The model's answer is too large: {}.", detail);
  } else if (failure == InvokeFailure::broken) {
    code = "StreamBroken";
    message = fmt::format("The model's container broke off its answer: {}.", detail);
  } else {
    named.exception = "InternalStreamFailure";
    message = fmt::format("The stream cannot go on: {}.", detail);
  }
  named.payload = R"({"Message":)";
  wire::write_json_string(message, named.payload);
  if (!code.empty()) named.payload += fmt::format(R"(,"ErrorCode":"{}")", code);
  named.payload += '}';
  return named;
}

Error model_error(const AskedEndpoint& endpoint, const routing::InvokeAnswer& answer) {
  const int status = answer.status;
  const std::string_view original = answer.body.substr(0, original_message_bytes_max);
  std::string message = fmt::format(
      "Received {} error ({}) from {} with message \"{}\". See "
      "https://{}.console.aws.amazon.com/cloudwatch/home?region={}#logEventViewer:group={} in "
      "account {} for more information.",
      status < 500 ? "client" : "server", status, named(answer.container), original,
      endpoint.region, endpoint.region, log_group(endpoint), endpoint.account);
  return model_error(endpoint, std::move(message), status, original);
}

}  // namespace slipway::sagemaker_runtime

#include "service/sagemaker_runtime/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "gen/sagemaker_runtime.h"
#include "service/resource_key.h"

namespace slipway::sagemaker_runtime {
namespace {

using fleet::InvokeFailure;
using service::ErrorRow;

// AWS cuts what a container says in an error after this many bytes.
constexpr std::size_t original_message_bytes_max = 4096;

constexpr ErrorRow errors[] = {
    {"ValidationError", "ValidationError", 400},  {"ModelError", "ModelError", 424},
    {"invalid_argument", "ValidationError", 400}, {"limit_exceeded", "ValidationError", 413},
    {"unavailable", "ServiceUnavailable", 503},   {"internal", "InternalFailure", 500},
};

// The request headers that a container sees beside Content-Type and Accept; all others are
// stripped. Lengths are the API model's.
struct PassedHeader {
  std::string_view name;
  std::string_view member;  // as a validation message calls it
  std::size_t bytes_max;
  // Not empty: no endpoint of this server can be asked so; the beginning of the sentence that says
  // why.
  std::string_view refusal = {};
};
constexpr std::string_view target_variant = "X-Amzn-SageMaker-Target-Variant";
constexpr std::array<PassedHeader, 8> passed_headers = {{
    {"X-Amzn-SageMaker-Custom-Attributes", "customAttributes", 1024},
    {target_variant, "targetVariant", 63},
    {"X-Amzn-SageMaker-Target-Model", "targetModel", 1024,
     "TargetModel needs a multi-model endpoint"},
    {"X-Amzn-SageMaker-Target-Container-Hostname", "targetContainerHostname", 63,
     "TargetContainerHostname needs an endpoint with several containers in Direct mode"},
    {"X-Amzn-SageMaker-Inference-Id", "inferenceId", 64},
    {"X-Amzn-SageMaker-Enable-Explanations", "enableExplanations", 64},
    {"X-Amzn-SageMaker-Inference-Component", "inferenceComponentName", 63,
     "InferenceComponentName needs an endpoint with inference components"},
    {"X-Amzn-SageMaker-Session-Id", "sessionId", 256},
}};
constexpr std::size_t media_type_bytes_max = 1024;
constexpr std::size_t endpoint_name_bytes_max = 63;

// What of a container's answer reaches the client.
constexpr std::array<std::string_view, 3> returned_headers = {
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-New-Session-Id",
    "X-Amzn-SageMaker-Closed-Session-Id",
};

// The API model's pattern; what is no name is found nowhere, so it is looked at only then.
constexpr std::string_view endpoint_name_pattern = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*";

bool is_endpoint_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && is_alphanumeric(name.front()) && is_alphanumeric(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return c == '-' || is_alphanumeric(c); });
}

bool has_sagemaker_prefix(std::string_view name) {
  constexpr std::string_view prefix = "x-amzn-sagemaker-";
  return name.size() > prefix.size() && net::same_name(name.substr(0, prefix.size()), prefix);
}

Error too_long(std::string_view member, std::string_view value, std::size_t bytes_max) {
  return {ErrorCode::invalid_argument,
          fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy "
                      "constraint: Member must have length less than or equal to {}",
                      value, member, bytes_max),
          "ValidationError"};
}

Error validation_error(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message), "ValidationError"};
}

// One InvokeEndpoint on its way: owns the request, and with it every view that the router sees.
class Invoke final : public fleet::Invocation {
 public:
  explicit Invoke(service::HotRequest&& hot)
      : request_(std::move(hot.request)),
        responder_(std::move(hot.responder)),
        route_(hot.route),
        request_id_(std::move(hot.request_id)),
        endpoint_(percent_decode(hot.route.labels.items[0].value)),
        account_(hot.caller->account()),
        region_(hot.caller->region),
        fleet_(service::resource_key(*hot.caller, endpoint_)) {}

  // Fills `request` from the head; or says what breaks the API's limits.
  Result<> prepare();

  void refuse(const Error& error) {
    responder_.send(service::error_response(error, route_, errors, request_id_));
  }

  void answered(const fleet::InvokeAnswer& answer) override;
  void failed(InvokeFailure failure, std::string_view detail, std::string_view variant) override;

 private:
  Result<> take(const net::Header& header);
  void pass_on(const fleet::InvokeAnswer& answer);
  Error not_found() const;
  Error model_error(const fleet::InvokeAnswer& answer) const;
  Error model_error(std::string message, int status, std::string_view original) const;
  std::string log_group() const { return fmt::format("/aws/sagemaker/Endpoints/{}", endpoint_); }

  net::Request request_;
  net::Responder responder_;
  const wire::Route route_;
  const std::string request_id_;
  const std::string endpoint_;
  const std::string account_;
  const std::string region_;
  const std::string fleet_;
  std::array<fleet::HeaderView, passed_headers.size()> headers_;
  std::size_t header_count_ = 0;
};

Result<> Invoke::prepare() {
  if (endpoint_.size() > endpoint_name_bytes_max)
    return std::unexpected(too_long("endpointName", endpoint_, endpoint_name_bytes_max));
  for (const net::Header& header : request_.headers()) TRY_DO(take(header));
  request.fleet = fleet_;
  request.headers = std::span(headers_).first(header_count_);
  request.body = request_.body();
  return {};
}

Result<> Invoke::take(const net::Header& header) {
  if (net::same_name(header.name, "content-type")) {
    request.content_type = header.value;
  } else if (net::same_name(header.name, "accept")) {
    request.accept = header.value;
  } else if (has_sagemaker_prefix(header.name)) {
    for (const PassedHeader& passed : passed_headers) {
      if (!net::same_name(header.name, passed.name)) continue;
      if (header.value.size() > passed.bytes_max)
        return std::unexpected(too_long(passed.member, header.value, passed.bytes_max));
      if (!passed.refusal.empty())
        return std::unexpected(validation_error(
            fmt::format("{}, which endpoint {} is not.", passed.refusal, endpoint_)));
      if (passed.name == target_variant) request.target_variant = header.value;
      if (header_count_ < headers_.size()) headers_[header_count_++] = {passed.name, header.value};
    }
    return {};
  } else {
    return {};
  }
  if (header.value.size() > media_type_bytes_max)
    return std::unexpected(
        too_long(net::same_name(header.name, "accept") ? "accept" : "contentType", header.value,
                 media_type_bytes_max));
  return {};
}

void Invoke::answered(const fleet::InvokeAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return pass_on(answer);
  refuse(model_error(answer));
}

void Invoke::pass_on(const fleet::InvokeAnswer& answer) {
  std::array<net::Header, 3 + returned_headers.size()> headers;
  std::size_t count = 0;
  headers[count++] = {"x-amzn-RequestId", request_id_};
  headers[count++] = {"x-Amzn-Invoked-Production-Variant", answer.variant};
  if (!answer.content_type.empty()) headers[count++] = {"Content-Type", answer.content_type};
  for (const fleet::HeaderView& header : answer.headers)
    for (const std::string_view name : returned_headers)
      if (net::same_name(header.name, name) && count < headers.size())
        headers[count++] = {name, header.value};
  responder_.send(net::ResponseView{
      .status = 200, .headers = std::span(headers).first(count), .body = answer.body});
}

Error Invoke::model_error(const fleet::InvokeAnswer& answer) const {
  const std::string_view original = answer.body.substr(0, original_message_bytes_max);
  const std::string message = fmt::format(
      "Received {} error ({}) from primary with message \"{}\". See "
      "https://{}.console.aws.amazon.com/cloudwatch/home?region={}#logEventViewer:group={} in "
      "account {} for more information.",
      answer.status < 500 ? "client" : "server", answer.status, original, region_, region_,
      log_group(), account_);
  return model_error(message, answer.status, original);
}

Error Invoke::model_error(std::string message, int status, std::string_view original) const {
  return {ErrorCode::internal,
          std::move(message),
          "ModelError",
          {{"OriginalStatusCode", std::to_string(status)},
           {"OriginalMessage", std::string(original)},
           {"LogStreamArn",
            fmt::format("arn:aws:logs:{}:{}:log-group:{}", region_, account_, log_group())}}};
}

Error Invoke::not_found() const {
  if (is_endpoint_name(endpoint_))
    return validation_error(
        fmt::format("Endpoint {} of account {} not found.", endpoint_, account_));
  return validation_error(
      fmt::format("1 validation error detected: Value '{}' at 'endpointName' failed to satisfy "
                  "constraint: Member must satisfy regular expression pattern: {}",
                  endpoint_, endpoint_name_pattern));
}

void Invoke::failed(InvokeFailure failure, std::string_view detail, std::string_view variant) {
  switch (failure) {
    case InvokeFailure::not_found: return refuse(not_found());
    case InvokeFailure::not_serving:
      return refuse(validation_error(
          fmt::format("Endpoint {} of account {} not found. It exists and is not in service; "
                      "DescribeEndpoint says how far it is.",
                      endpoint_, account_)));
    case InvokeFailure::no_such_variant:
      return refuse(
          validation_error(fmt::format("Variant {} not found for endpoint {} of account {}.",
                                       request.target_variant, endpoint_, account_)));
    case InvokeFailure::timeout:
      return refuse(model_error(
          "Your invocation timed out while waiting for a response from container primary. Review "
          "the latency metrics for each container in Amazon CloudWatch, resolve the issue, and "
          "try again.",
          0, detail));
    case InvokeFailure::broken:
    case InvokeFailure::too_large:
      return refuse(model_error(
          fmt::format("Received server error (0) from primary with message \"{}\". See the log "
                      "group {} for more information.",
                      detail, log_group()),
          500, detail));
    case InvokeFailure::unavailable:
      return refuse({ErrorCode::unavailable,
                     fmt::format("Endpoint {} cannot answer now: {}.", endpoint_, detail)});
  }
}

}  // namespace

void install(service::Registry& registry) {
  const wire::Schema& schema = aws::sagemaker_runtime::schema();
  registry.begin(schema, errors);
  registry.add_hot(schema, "InvokeEndpoint");
}

void Runtime::handle(service::HotRequest&& hot) {
  auto invoke = std::make_unique<Invoke>(std::move(hot));
  if (const Result<> prepared = invoke->prepare(); !prepared)
    return invoke->refuse(prepared.error());
  router_.invoke(std::move(invoke));
}

}  // namespace slipway::sagemaker_runtime

#include "service/sagemaker_runtime/invoke_head.h"

#include <fmt/format.h>

#include "service/resource_key.h"

namespace slipway::sagemaker_runtime {
namespace {

constexpr std::string_view target_variant_name = "X-Amzn-SageMaker-Target-Variant";
constexpr std::string_view inference_id_name = "X-Amzn-SageMaker-Inference-Id";
constexpr std::string_view custom_attributes_name = "X-Amzn-SageMaker-Custom-Attributes";
constexpr std::string_view component_name = "X-Amzn-SageMaker-Inference-Component";
constexpr std::string_view container_header = "X-Amzn-SageMaker-Target-Container-Hostname";
constexpr std::string_view session_header = "X-Amzn-SageMaker-Session-Id";
constexpr std::string_view target_model_name = "X-Amzn-SageMaker-Target-Model";

constexpr std::array<PassedHeader, 8> invoke_headers = {{
    {custom_attributes_name, "customAttributes", 1024},
    {target_variant_name, "targetVariant", 63},
    {target_model_name, "targetModel", 1024},
    {container_header, "targetContainerHostname", 63},
    {inference_id_name, "inferenceId", 64},
    {"X-Amzn-SageMaker-Enable-Explanations", "enableExplanations", 64},
    {component_name, "inferenceComponentName", 63},
    {session_header, "sessionId", 256},
}};
static_assert(invoke_headers.size() <= passed_headers_max);

// A session is opened by InvokeEndpoint and only continued here; there is no TargetModel.
constexpr std::array<PassedHeader, 6> stream_headers = {{
    {custom_attributes_name, "customAttributes", 1024},
    {target_variant_name, "targetVariant", 63},
    {container_header, "targetContainerHostname", 63},
    {inference_id_name, "inferenceId", 64},
    {component_name, "inferenceComponentName", 63},
    {session_header, "sessionId", 256, {}, new_session},
}};

bool has_sagemaker_prefix(std::string_view name) {
  constexpr std::string_view prefix = "x-amzn-sagemaker-";
  return name.size() > prefix.size() && net::same_name(name.substr(0, prefix.size()), prefix);
}

Result<> take_passed(const net::Header& field, const PassedHeader& passed,
                     const AskedEndpoint& endpoint, InvokeHead& head) {
  if (field.value.size() > passed.bytes_max)
    return std::unexpected(too_long(passed.member, field.value, passed.bytes_max));
  if (!passed.refusal.empty())
    return std::unexpected(validation_error(
        fmt::format("{}, which endpoint {} is not.", passed.refusal, endpoint.name)));
  if (!passed.refused_value.empty() && field.value == passed.refused_value)
    return std::unexpected(validation_error(
        fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: "
                    "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
                    field.value, passed.member)));
  if (passed.name == target_variant_name) head.target_variant = field.value;
  if (passed.name == component_name) head.component = field.value;
  if (passed.name == inference_id_name) head.inference_id = field.value;
  if (passed.name == custom_attributes_name) head.custom_attributes = field.value;
  if (passed.name == container_header) head.container = field.value;
  if (passed.name == session_header) head.session = field.value;
  if (passed.name == target_model_name) head.target_model = field.value;
  if (head.passed_count < head.passed.size())
    head.passed[head.passed_count++] = {passed.name, field.value};
  return {};
}

Result<> take_media_type(std::string_view member, std::string_view value, std::string_view& to) {
  if (value.size() > media_type_bytes_max)
    return std::unexpected(too_long(member, value, media_type_bytes_max));
  to = value;
  return {};
}

Result<> take(const net::Header& field, const HeadRules& rules, const AskedEndpoint& endpoint,
              InvokeHead& head) {
  if (net::same_name(field.name, rules.content_type_field))
    return take_media_type("contentType", field.value, head.content_type);
  if (net::same_name(field.name, rules.accept_field))
    return take_media_type("accept", field.value, head.accept);
  if (!has_sagemaker_prefix(field.name)) return {};
  for (const PassedHeader& passed : rules.passed)
    if (net::same_name(field.name, passed.name)) return take_passed(field, passed, endpoint, head);
  return {};
}

}  // namespace

const HeadRules invoke_rules{.passed = invoke_headers};
const HeadRules stream_rules{.accept_field = "X-Amzn-SageMaker-Accept", .passed = stream_headers};

void InvokeHead::fill(fleet::InvokeRequest& request) const {
  request.content_type = content_type;
  request.accept = accept;
  request.target_variant = target_variant;
  request.caller_id = inference_id;
  request.caller_note = custom_attributes;
  request.container = container;
  request.model = target_model;
  request.headers = headers();
}

Result<> read_head(const net::Headers& fields, const HeadRules& rules,
                   const AskedEndpoint& endpoint, InvokeHead& head) {
  if (endpoint.name.size() > endpoint_name_bytes_max)
    return std::unexpected(too_long("endpointName", endpoint.name, endpoint_name_bytes_max));
  // "endpoint:component" is what a component's fleet is called below, and no endpoint's name.
  if (endpoint.name.find(service::component_mark) != endpoint.name.npos)
    return std::unexpected(not_found(endpoint));
  for (const net::Header& field : fields) TRY_DO(take(field, rules, endpoint, head));
  return {};
}

AnswerHead::AnswerHead(const fleet::InvokeAnswer& answer, std::string_view request_id,
                       std::string_view content_type_field) {
  fields_[count_++] = {"x-amzn-RequestId", request_id};
  fields_[count_++] = {"x-Amzn-Invoked-Production-Variant", answer.variant};
  if (!answer.content_type.empty()) fields_[count_++] = {content_type_field, answer.content_type};
  for (const fleet::HeaderView& header : answer.headers)
    for (const std::string_view name : returned_headers)
      if (net::same_name(header.name, name) && count_ < fields_.size())
        fields_[count_++] = {name, header.value};
}

}  // namespace slipway::sagemaker_runtime

#include "service/sagemaker_runtime/invoke_head.h"

#include <fmt/format.h>

#include "service/resource_key.h"

namespace slipway::sagemaker_runtime {
namespace {

constexpr std::string_view ascii_pattern = R"(\p{ASCII}*)";
constexpr std::string_view printable_pattern = R"(\A\S[\p{Print}]*\z)";
constexpr std::string_view name_pattern = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*";

constexpr PassedHeader custom_attributes{.name = "X-Amzn-SageMaker-Custom-Attributes",
                                         .member = "customAttributes",
                                         .to = &InvokeHead::custom_attributes,
                                         .bytes_max = 1024,
                                         .form = TextForm::ascii,
                                         .pattern = ascii_pattern,
                                         .sensitive = true};
constexpr PassedHeader target_variant{.name = "X-Amzn-SageMaker-Target-Variant",
                                      .member = "targetVariant",
                                      .to = &InvokeHead::target_variant,
                                      .bytes_max = 63,
                                      .form = TextForm::name,
                                      .pattern = name_pattern};
constexpr PassedHeader target_model{.name = "X-Amzn-SageMaker-Target-Model",
                                    .member = "targetModel",
                                    .to = &InvokeHead::target_model,
                                    .bytes_min = 1,
                                    .bytes_max = 1024,
                                    .form = TextForm::printable,
                                    .pattern = printable_pattern};
constexpr PassedHeader target_container{.name = "X-Amzn-SageMaker-Target-Container-Hostname",
                                        .member = "targetContainerHostname",
                                        .to = &InvokeHead::container,
                                        .bytes_max = 63,
                                        .form = TextForm::name,
                                        .pattern = name_pattern};
constexpr PassedHeader inference_id{.name = "X-Amzn-SageMaker-Inference-Id",
                                    .member = "inferenceId",
                                    .to = &InvokeHead::inference_id,
                                    .bytes_min = 1,
                                    .bytes_max = 64,
                                    .form = TextForm::printable,
                                    .pattern = printable_pattern};
constexpr PassedHeader enable_explanations{.name = "X-Amzn-SageMaker-Enable-Explanations",
                                           .member = "enableExplanations",
                                           .bytes_min = 1,
                                           .bytes_max = 64,
                                           .pattern = ".*"};
constexpr PassedHeader component{.name = "X-Amzn-SageMaker-Inference-Component",
                                 .member = "inferenceComponentName",
                                 .to = &InvokeHead::component,
                                 .bytes_max = 63,
                                 .form = TextForm::name,
                                 .pattern = R"(^[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?$)"};
constexpr PassedHeader session_or_new_one{
    .name = "X-Amzn-SageMaker-Session-Id",
    .member = "sessionId",
    .to = &InvokeHead::session,
    .bytes_max = 256,
    .form = TextForm::name_or_new_one,
    .pattern = "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"};
constexpr PassedHeader session{.name = session_or_new_one.name,
                               .member = session_or_new_one.member,
                               .to = &InvokeHead::session,
                               .bytes_max = 256,
                               .form = TextForm::name,
                               .pattern = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"};

constexpr std::array invoke_headers = {custom_attributes, target_variant,    target_model,
                                       target_container,  inference_id,      enable_explanations,
                                       component,         session_or_new_one};
static_assert(invoke_headers.size() <= passed_headers_max);

// A session is opened by InvokeEndpoint and only continued here; there is no TargetModel.
constexpr std::array stream_headers = {custom_attributes, target_variant, target_container,
                                       inference_id,      component,      session};

// Accept and ContentType.
constexpr PassedHeader media_type(std::string_view member) {
  return {.name = {},
          .member = member,
          .bytes_max = media_type_bytes_max,
          .form = TextForm::ascii,
          .pattern = ascii_pattern};
}
constexpr PassedHeader content_type = media_type("contentType");
constexpr PassedHeader accept = media_type("accept");

// What breaks the API's limits, all of it, in AWS's words.
class Violations {
 public:
  void look_at(std::string_view value, const PassedHeader& rule) {
    if (value.size() > rule.bytes_max) [[unlikely]]
      add(value, rule,
          fmt::format("Member must have length less than or equal to {}", rule.bytes_max));
    if (value.size() < rule.bytes_min) [[unlikely]]
      add(value, rule,
          fmt::format("Member must have length greater than or equal to {}", rule.bytes_min));
    if (!has_form(value, rule.form)) [[unlikely]]
      add(value, rule,
          fmt::format("Member must satisfy regular expression pattern: {}", rule.pattern));
  }

  Result<> result() const {
    if (count_ == 0) [[likely]]
      return {};
    return std::unexpected(validation_error(fmt::format(
        "{} validation error{} detected: {}", count_, count_ == 1 ? "" : "s", sentences_)));
  }

 private:
  void add(std::string_view value, const PassedHeader& rule, std::string_view sentence) {
    const std::string quoted = rule.sensitive ? std::string() : fmt::format("'{}' ", value);
    sentences_ += fmt::format("{}Value {}at '{}' failed to satisfy constraint: {}",
                              count_ == 0 ? "" : "; ", quoted, rule.member, sentence);
    ++count_;
  }

  std::size_t count_ = 0;
  std::string sentences_;
};

bool has_sagemaker_prefix(std::string_view name) {
  constexpr std::string_view prefix = "x-amzn-sagemaker-";
  return name.size() > prefix.size() && net::same_name(name.substr(0, prefix.size()), prefix);
}

void take_passed(const net::Header& field, const PassedHeader& rule, InvokeHead& head) {
  if (rule.to != nullptr) head.*rule.to = field.value;
  if (head.passed_count < head.passed.size())
    head.passed[head.passed_count++] = {rule.name, field.value};
}

void take(const net::Header& field, const HeadRules& rules, InvokeHead& head,
          Violations& violations) {
  if (net::same_name(field.name, rules.content_type_field)) {
    violations.look_at(field.value, content_type);
    head.content_type = field.value;
  } else if (net::same_name(field.name, rules.accept_field)) {
    violations.look_at(field.value, accept);
    head.accept = field.value;
  } else if (has_sagemaker_prefix(field.name)) {
    for (const PassedHeader& rule : rules.passed) {
      if (!net::same_name(field.name, rule.name)) continue;
      violations.look_at(field.value, rule);
      return take_passed(field, rule, head);
    }
  }
}

}  // namespace

const HeadRules invoke_rules{.passed = invoke_headers};
const HeadRules stream_rules{.accept_field = "X-Amzn-SageMaker-Accept", .passed = stream_headers};

void InvokeHead::fill(routing::InvokeRequest& request) const {
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
  Violations violations;
  for (const net::Header& field : fields) take(field, rules, head, violations);
  return violations.result();
}

AnswerHead::AnswerHead(const routing::InvokeAnswer& answer, std::string_view request_id,
                       std::string_view content_type_field) {
  fields_[count_++] = {"x-amzn-RequestId", request_id};
  fields_[count_++] = {"x-Amzn-Invoked-Production-Variant", answer.variant};
  if (!answer.content_type.empty()) fields_[count_++] = {content_type_field, answer.content_type};
  for (const net::Header& header : answer.headers)
    for (const std::string_view name : returned_headers)
      if (net::same_name(header.name, name) && count_ < fields_.size())
        fields_[count_++] = {name, header.value};
}

}  // namespace slipway::sagemaker_runtime

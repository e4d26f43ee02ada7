#include "service/sagemaker/transform_contract.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::sagemaker {
namespace {

namespace json = boost::json;
using transform::BatchStrategy;
using transform::InstanceSettings;
using transform::TransformPlan;
using transform::TransformTerms;

std::optional<std::uint32_t> number_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  boost::system::error_code error;
  const auto number = value == nullptr ? 0U : value->to_number<std::uint32_t>(error);
  return value == nullptr || error ? std::nullopt : std::optional(number);
}

std::optional<BatchStrategy> strategy_in(const json::object& object) {
  const json::value* value = object.if_contains("BatchStrategy");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  if (value->get_string() == "SINGLE_RECORD") return BatchStrategy::single_record;
  if (value->get_string() == "MULTI_RECORD") return BatchStrategy::multi_record;
  return std::nullopt;
}

InstanceSettings settings_in(std::string_view answer) {
  boost::system::error_code error;
  const json::value document = json::parse({answer.data(), answer.size()}, error);
  if (error || !document.is_object()) return {};
  const json::object& said = document.get_object();
  return {.strategy = strategy_in(said),
          .payload_mb = number_in(said, "MaxPayloadInMB"),
          .concurrency = number_in(said, "MaxConcurrentTransforms")};
}

std::string log_line(const TransformTerms& terms) {
  const bool single = terms.strategy == BatchStrategy::single_record;
  return fmt::format("MaxConcurrentTransforms={}, MaxPayloadInMB={}, BatchStrategy={}",
                     terms.concurrency, terms.payload_mb,
                     single ? "SINGLE_RECORD" : "MULTI_RECORD");
}

// The refusal by the members' names; empty where it names none.
std::string named_message(const Error& refusal, const TransformPlan& plan) {
  namespace faults = transform::plan_faults;
  constexpr std::string_view formats = "text/csv, application/json or application/jsonlines";
  const std::string& fault = refusal.kind;
  if (fault == faults::payload)
    return fmt::format("MaxPayloadInMB must be at most {}.", transform::payload_mb_max);
  if (fault == faults::concurrency)
    return fmt::format(
        "MaxConcurrentTransforms * MaxPayloadInMB must be at most {} MB; it is {} * {}.",
        transform::payload_mb_max, plan.concurrency.value_or(0),
        plan.payload_mb.value_or(transform::payload_mb_default));
  if (fault == faults::strategy)
    return "BatchStrategy MultiRecord needs a SplitType of Line, RecordIO or TFRecord.";
  if (fault == faults::input_filter) return "InputFilter: " + refusal.message;
  if (fault == faults::output_filter) return "OutputFilter: " + refusal.message;
  if (fault == faults::input_filter_format) return fmt::format("InputFilter needs {}.", formats);
  if (fault == faults::output_filter_format) return fmt::format("OutputFilter needs {}.", formats);
  if (fault == faults::joined_formats)
    return "JoinSource needs a ContentType and an Accept that are both CSV or both JSON.";
  if (fault == faults::joined_framing)
    return "JoinSource needs SplitType and AssembleWith that are the same, None or Line.";
  return {};
}

}  // namespace

transform::TransformContract transform_contract() {
  return {
      .settings_path = "/execution-parameters", .read_settings = settings_in, .log_line = log_line};
}

Error transform_refusal(Error refusal, const TransformPlan& plan) {
  if (std::string message = named_message(refusal, plan); !message.empty()) {
    refusal.message = std::move(message);
    refusal.kind.clear();
  }
  return refusal;
}

}  // namespace slipway::sagemaker

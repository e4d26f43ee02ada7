#include "service/sagemaker/capture_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/encoding.h"
#include "base/text.h"
#include "engine/objects/uri.h"

namespace slipway::sagemaker {
namespace {

namespace json = boost::json;
using routing::CapturePlan;
using routing::CaptureRecord;

bool stands_in(const std::vector<std::string>& types, std::string_view type) {
  const std::string_view plain = trimmed(take_until(type, ';'));
  return std::ranges::any_of(
      types, [&](const std::string& each) { return equal_ignoring_case(each, plain); });
}

std::string_view encoding_of(const CapturePlan& plan, std::string_view type,
                             std::string_view data) {
  const bool csv = stands_in(plan.csv_types, type);
  if ((!csv && !stands_in(plan.json_types, type)) || !is_utf8(data)) return "BASE64";
  return csv ? "CSV" : "JSON";
}

json::object side(const CapturePlan& plan, std::string_view mode, std::string_view type,
                  std::string_view data) {
  const std::string_view encoding = encoding_of(plan, type, data);
  const std::string text = encoding == "BASE64" ? to_base64(data) : std::string(data);
  json::object side;
  side["observedContentType"] = json::string_view(type.data(), type.size());
  side["mode"] = json::string_view(mode.data(), mode.size());
  side["data"] = text;
  side["encoding"] = json::string_view(encoding.data(), encoding.size());
  return side;
}

json::object metadata(const CaptureRecord& record, Random& random) {
  json::object metadata;
  metadata["eventId"] = make_uuid(random);
  if (!record.caller_note.empty())
    metadata["customAttributes"] = json::array{json::string(record.caller_note)};
  if (!record.caller_id.empty()) metadata["inferenceId"] = record.caller_id;
  metadata["inferenceTime"] = to_iso8601(record.time);
  return metadata;
}

std::string line_of(const CaptureRecord& record, Random& random) {
  const CapturePlan& plan = *record.plan;
  json::object data;
  if (plan.input) data["endpointInput"] = side(plan, "INPUT", record.input_type, record.input);
  if (plan.output) data["endpointOutput"] = side(plan, "OUTPUT", record.output_type, record.output);
  return json::serialize(json::object{{"captureData", std::move(data)},
                                      {"eventMetadata", metadata(record, random)},
                                      {"eventVersion", "0"}});
}

// "2026/05/01/17/05-09-123" of 17:05:09.123.
std::string path_of(Timestamp time) {
  const std::string text = to_iso8601(time, Fraction::milliseconds);
  const auto part = [&](std::size_t from, std::size_t size) {
    return std::string_view(text).substr(from, size);
  };
  return fmt::format("{}/{}/{}/{}/{}-{}-{}", part(0, 4), part(5, 2), part(8, 2), part(11, 2),
                     part(14, 2), part(17, 2), part(20, 3));
}

}  // namespace

std::optional<CapturePlan> capture_plan(const aws::sagemaker::DataCaptureConfig& config) {
  if (!config || !config.EnableCapture().value_or(true)) return std::nullopt;
  CapturePlan plan{.destination = std::string(config.DestinationS3Uri()),
                   .percent = static_cast<unsigned>(config.InitialSamplingPercentage()),
                   .input = false,
                   .output = false};
  for (const auto option : config.CaptureOptions()) {
    plan.input = plan.input || option.CaptureMode() != "Output";
    plan.output = plan.output || option.CaptureMode() != "Input";
  }
  const auto types = config.CaptureContentTypeHeader();
  for (const auto type : types.CsvContentTypes()) plan.csv_types.emplace_back(type);
  for (const auto type : types.JsonContentTypes()) plan.json_types.emplace_back(type);
  return plan;
}

CaptureObject capture_object(const routing::CaptureFile& file, Random& random) {
  CaptureObject object;
  for (const CaptureRecord& record : file.records) {
    object.lines += line_of(record, random);
    object.lines += '\n';
  }
  const objects::ObjectName folder =
      objects::parse_uri(file.plan->destination).value_or(objects::ObjectName());
  object.bucket = folder.bucket;
  std::string_view prefix = folder.key;
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const CaptureRecord& first = file.records.front();
  // The fleet is called "account/region/endpoint" (plan.h).
  const std::string_view endpoint =
      std::string_view(first.fleet).substr(first.fleet.rfind('/') + 1);
  object.key = fmt::format("{}{}{}/{}/{}-{}.jsonl", prefix, prefix.empty() ? "" : "/", endpoint,
                           first.variant, path_of(first.time), make_uuid(random));
  return object;
}

}  // namespace slipway::sagemaker

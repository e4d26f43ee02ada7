// The stored form of a transform job's plan, and what is wrong with one.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "engine/transform/path.h"
#include "engine/transform/transform.h"

namespace slipway::transform {
namespace {

namespace json = boost::json;

constexpr int plan_version = 1;

template <typename T>
json::value optional_number(const std::optional<T>& value) {
  if (!value) return nullptr;
  return static_cast<std::uint64_t>(*value);
}

// Reads members of one plan's document; throws what Boost.JSON does where they are not there.
class PlanReader {
 public:
  explicit PlanReader(const json::object& object) : object_(object) {}

  std::string text(std::string_view name) const {
    return std::string(object_.at({name.data(), name.size()}).as_string());
  }
  bool has(std::string_view name) const { return object_.contains({name.data(), name.size()}); }
  template <typename T>
  T number(std::string_view name) const {
    return static_cast<T>(object_.at({name.data(), name.size()}).to_number<std::uint32_t>());
  }
  template <typename T>
  std::optional<T> optional(std::string_view name) const {
    if (object_.at({name.data(), name.size()}).is_null()) return std::nullopt;
    return number<T>(name);
  }

 private:
  const json::object& object_;
};

TransformPlan read_plan(const PlanReader& in) {
  TransformPlan plan;
  plan.source = in.number<TransformPlan::Source>("source");
  plan.input_bucket = in.text("input_bucket");
  plan.input_key = in.text("input_key");
  plan.output_bucket = in.text("output_bucket");
  plan.output_prefix = in.text("output_prefix");
  plan.content_type = in.text("content_type");
  plan.accept = in.text("accept");
  plan.input_format = in.number<RecordFormat>("input_format");
  plan.output_format = in.number<RecordFormat>("output_format");
  plan.compression = in.number<TransformPlan::Compression>("compression");
  plan.split = in.number<SplitType>("split");
  plan.assembly = in.number<TransformPlan::Assembly>("assembly");
  plan.strategy = in.optional<BatchStrategy>("strategy");
  plan.payload_mb = in.optional<std::uint32_t>("payload_mb");
  plan.concurrency = in.optional<std::uint32_t>("concurrency");
  plan.retries_max = in.number<std::uint32_t>("retries_max");
  plan.input_filter = in.text("input_filter");
  plan.output_filter = in.text("output_filter");
  plan.join = in.number<TransformPlan::Join>("join");
  plan.joined_answer_name = in.text("joined_answer_name");
  plan.joined_record_name = in.text("joined_record_name");
  if (in.has("owner")) plan.owner = in.text("owner");  // jobs were stored without one
  return plan;
}

Result<> check_filter(std::string_view name, const std::string& filter, RecordFormat format) {
  if (filter.empty()) return {};
  const auto path = RecordPath::parse(filter);
  if (!path)
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {}.", name, path.error().message));
  if (path->whole()) return {};
  if (format == RecordFormat::opaque)
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} needs text/csv, application/json or application/jsonlines.", name));
  if (format == RecordFormat::csv && !path->fits_csv())
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: '{}' names what a line of CSV does not have; use positions.", name,
                            filter));
  return {};
}

bool is_json(RecordFormat format) {
  return format == RecordFormat::json || format == RecordFormat::json_lines;
}

Result<> check_join(const TransformPlan& plan) {
  if (plan.join == TransformPlan::Join::none) return {};
  const bool csv = plan.input_format == RecordFormat::csv;
  const bool alike = csv ? plan.output_format == RecordFormat::csv
                         : is_json(plan.input_format) && is_json(plan.output_format);
  if (!alike)
    return fail(ErrorCode::invalid_argument,
                "JoinSource needs a ContentType and an Accept that are both CSV or both JSON.");
  const bool lines_in = plan.split == SplitType::line;
  const bool lines_out = plan.assembly == TransformPlan::Assembly::lines;
  const bool splits = plan.split == SplitType::none || lines_in;
  if (!splits || lines_in != lines_out)
    return fail(ErrorCode::invalid_argument,
                "JoinSource needs SplitType and AssembleWith that are the same, None or Line.");
  return {};
}

}  // namespace

routing::FleetId fleet_of(const TransformId& id) { return {id.text + "/transform"}; }
TransformId job_of(const routing::FleetId& fleet) {
  return {fleet.text.substr(0, fleet.text.rfind('/'))};
}

std::string to_text(const TransformPlan& plan) {
  return json::serialize(json::object{{"version", plan_version},
                                      {"fleet", fleet::to_text(plan.fleet)},
                                      {"source", static_cast<int>(plan.source)},
                                      {"input_bucket", plan.input_bucket},
                                      {"input_key", plan.input_key},
                                      {"output_bucket", plan.output_bucket},
                                      {"output_prefix", plan.output_prefix},
                                      {"content_type", plan.content_type},
                                      {"accept", plan.accept},
                                      {"input_format", static_cast<int>(plan.input_format)},
                                      {"output_format", static_cast<int>(plan.output_format)},
                                      {"compression", static_cast<int>(plan.compression)},
                                      {"split", static_cast<int>(plan.split)},
                                      {"assembly", static_cast<int>(plan.assembly)},
                                      {"strategy", optional_number(plan.strategy)},
                                      {"payload_mb", optional_number(plan.payload_mb)},
                                      {"concurrency", optional_number(plan.concurrency)},
                                      {"retries_max", plan.retries_max},
                                      {"input_filter", plan.input_filter},
                                      {"output_filter", plan.output_filter},
                                      {"join", static_cast<int>(plan.join)},
                                      {"joined_answer_name", plan.joined_answer_name},
                                      {"joined_record_name", plan.joined_record_name},
                                      {"owner", plan.owner}});
}

Result<TransformPlan> transform_plan_from_text(std::string_view text) {
  try {
    const json::value value = json::parse({text.data(), text.size()});
    const PlanReader in(value.as_object());
    if (in.number<int>("version") != plan_version)
      return fail(ErrorCode::corrupted, "A stored transform job is of an unknown version.");
    TransformPlan plan = read_plan(in);
    TRY(plan.fleet, fleet::plan_from_text(in.text("fleet")));
    return plan;
  } catch (const std::exception& error) {
    return fail(ErrorCode::corrupted,
                fmt::format("A stored transform job cannot be read: {}.", error.what()));
  }
}

Result<> check(const TransformPlan& plan) {
  TRY_DO(fleet::check(plan.fleet));
  const std::uint64_t payload = plan.payload_mb.value_or(payload_mb_default);
  if (payload > payload_mb_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("MaxPayloadInMB must be at most {}.", payload_mb_max));
  const std::uint64_t concurrency = plan.concurrency.value_or(0);
  if (concurrency > payload_mb_max || concurrency * payload > payload_mb_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("MaxConcurrentTransforms * MaxPayloadInMB must be at most {} MB; it is "
                            "{} * {}.",
                            payload_mb_max, concurrency, payload));
  if (plan.strategy == BatchStrategy::multi_record && plan.split == SplitType::none)
    return fail(ErrorCode::invalid_argument,
                "BatchStrategy MultiRecord needs a SplitType of Line, RecordIO or TFRecord.");
  TRY_DO(check_filter("InputFilter", plan.input_filter, plan.input_format));
  const bool joined_json = plan.join == TransformPlan::Join::input && is_json(plan.input_format);
  TRY_DO(check_filter("OutputFilter", plan.output_filter,
                      joined_json ? RecordFormat::json : plan.output_format));
  return check_join(plan);
}

}  // namespace slipway::transform

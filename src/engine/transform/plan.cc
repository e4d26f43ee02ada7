// The stored form of a transform job's plan, and what is wrong with one.
#include <fmt/format.h>

#include "engine/transform/path.h"
#include "engine/transform/transform.h"
#include "store/document.h"

namespace slipway::transform {

// The fleet's plan is a text within the text.
void fields(auto& field, store::Of<TransformPlan> auto& plan) {
  using Plan = TransformPlan;
  const auto text_of = [](const fleet::FleetPlan& fleet) { return fleet::to_text(fleet); };
  field.version(1);
  field("fleet", store::converted(plan.fleet, text_of, fleet::plan_from_text));
  field("source", store::numbered(plan.source, Plan::Source::manifest));
  field("input_bucket", plan.input_bucket);
  field("input_key", plan.input_key);
  field("output_bucket", plan.output_bucket);
  field("output_prefix", plan.output_prefix);
  field("content_type", plan.content_type);
  field("accept", plan.accept);
  field("input_format", store::numbered(plan.input_format, RecordFormat::json_lines));
  field("output_format", store::numbered(plan.output_format, RecordFormat::json_lines));
  field("compression", store::numbered(plan.compression, Plan::Compression::gzip));
  field("split", store::numbered(plan.split, SplitType::tf_record));
  field("assembly", store::numbered(plan.assembly, Plan::Assembly::lines));
  field("strategy", store::numbered(plan.strategy, BatchStrategy::single_record));
  field("payload_mb", plan.payload_mb);
  field("concurrency", plan.concurrency);
  field("retries_max", plan.retries_max);
  field("input_filter", plan.input_filter);
  field("output_filter", plan.output_filter);
  field("join", store::numbered(plan.join, Plan::Join::input));
  field("joined_answer_name", plan.joined_answer_name);
  field("joined_record_name", plan.joined_record_name);
  field("owner", plan.owner, store::Presence::added_later);
}

namespace {

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

std::string to_text(const TransformPlan& plan) { return store::write_document(plan); }

Result<TransformPlan> transform_plan_from_text(std::string_view text) {
  return store::read_document<TransformPlan>("transform job", text);
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

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

// The kinds of what may be wrong with one of the two filters.
struct FilterFaults {
  std::string_view path;
  std::string_view format;
};
constexpr FilterFaults input_faults{plan_faults::input_filter, plan_faults::input_filter_format};
constexpr FilterFaults output_faults{plan_faults::output_filter, plan_faults::output_filter_format};

Result<> refuse(std::string_view fault, std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), std::string(fault));
}

Result<> check_filter(const std::string& filter, RecordFormat format, const FilterFaults& faults) {
  if (filter.empty()) return {};
  const auto path = RecordPath::parse(filter);
  if (!path) return refuse(faults.path, path.error().message + ".");
  if (path->whole()) return {};
  if (format == RecordFormat::opaque)
    return refuse(faults.format, "only records of CSV and of JSON can be filtered");
  if (format == RecordFormat::csv && !path->fits_csv())
    return refuse(faults.path, fmt::format("'{}' names what a line of CSV does not have; use "
                                           "positions.",
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
    return refuse(plan_faults::joined_formats,
                  "input and output are joined where both are CSV or both JSON");
  const bool lines_in = plan.split == SplitType::line;
  const bool lines_out = plan.assembly == TransformPlan::Assembly::lines;
  const bool splits = plan.split == SplitType::none || lines_in;
  if (!splits || lines_in != lines_out)
    return refuse(plan_faults::joined_framing,
                  "input and output are joined where both are in lines, or both whole");
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
    return refuse(plan_faults::payload,
                  fmt::format("a request has at most {} MB, not {}", payload_mb_max, payload));
  const std::uint64_t concurrency = plan.concurrency.value_or(0);
  if (concurrency > payload_mb_max || concurrency * payload > payload_mb_max)
    return refuse(plan_faults::concurrency,
                  fmt::format("{} requests of {} MB are more than the {} MB that are under way",
                              concurrency, payload, payload_mb_max));
  if (plan.strategy == BatchStrategy::multi_record && plan.split == SplitType::none)
    return refuse(plan_faults::strategy, "input that is not split is one record");
  TRY_DO(check_filter(plan.input_filter, plan.input_format, input_faults));
  const bool joined_json = plan.join == TransformPlan::Join::input && is_json(plan.input_format);
  const RecordFormat filtered = joined_json ? RecordFormat::json : plan.output_format;
  TRY_DO(check_filter(plan.output_filter, filtered, output_faults));
  return check_join(plan);
}

}  // namespace slipway::transform

#include "engine/transform/records.h"

#include <fmt/format.h>

namespace slipway::transform {
namespace {

Result<> choose(const RecordPath& path, RecordFormat format, std::string_view record,
                std::string& out) {
  if (path.whole()) {
    out += record;
    return {};
  }
  return format == RecordFormat::csv ? path.choose_csv(record, out) : path.choose_json(record, out);
}

// Whether the bytes of one request are several records, one a line: CSV always, JSON where the
// input was split by lines.
bool by_lines(const RecordRules& rules, RecordFormat format) {
  if (rules.split == SplitType::line && rules.strategy == BatchStrategy::single_record)
    return false;
  if (format == RecordFormat::csv || format == RecordFormat::json_lines) return true;
  return format == RecordFormat::json && rules.split == SplitType::line;
}

// A record of JSON and its answer in one: a member of the object, or of a new one around a value
// that is none.
Result<> join_json(const RecordRules& rules, std::string_view input, std::string_view answer,
                   std::string& out) {
  input = json_trimmed(input);
  answer = json_trimmed(answer);
  for (const std::string_view text : {input, answer})
    if (!is_json_value(text))
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("a record cannot be joined, for this is no JSON: {}", text.substr(0, 80)));
  if (!input.starts_with('{')) {
    out += fmt::format(R"({{"{}":{},"{}":{}}})", rules.joined_record_name, input,
                       rules.joined_answer_name, answer);
    return {};
  }
  const std::string_view members = json_trimmed(input.substr(1, input.size() - 2));
  out += '{';
  out += members;
  if (!members.empty()) out += ',';
  out += fmt::format(R"("{}":)", rules.joined_answer_name);
  out += answer;
  out += '}';
  return {};
}

Result<> join(const RecordRules& rules, std::string_view input, std::string_view answer,
              std::string& out) {
  if (rules.input_format != RecordFormat::csv) return join_json(rules, input, answer, out);
  out += input;
  out += ',';
  out += answer;
  return {};
}

Result<> finish_record(const RecordRules& rules, std::string_view input, std::string_view answer,
                       std::string& scratch, std::string& out) {
  if (rules.join == TransformPlan::Join::none)
    return choose(rules.output_filter, rules.output_format, answer, out);
  if (rules.output_filter.whole()) return join(rules, input, answer, out);
  scratch.clear();
  TRY_DO(join(rules, input, answer, scratch));
  return choose(rules.output_filter, rules.input_format, scratch, out);
}

std::unexpected<Error> wrong_count(std::uint64_t inputs, std::uint64_t answers) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("the container answered {} records for {}", answers, inputs));
}

Result<> finish_lines(const RecordRules& rules, std::string_view input, std::string_view answer,
                      std::string& out) {
  const bool joins = rules.join == TransformPlan::Join::input;
  const std::string_view whole_input = input;
  const std::string_view whole_answer = answer;
  out.reserve(out.size() + answer.size() + (joins ? input.size() + 64 : 64));
  std::string scratch;
  std::string_view record;
  std::string_view line;
  for (;;) {
    const bool answered = next_line(answer, line);
    const bool asked = joins ? next_line(input, record) : answered;
    if (asked != answered) return wrong_count(count_lines(whole_input), count_lines(whole_answer));
    if (!answered) return {};
    TRY_DO(finish_record(rules, record, line, scratch, out));
    out += '\n';
  }
}

}  // namespace

Result<RecordRules> RecordRules::of(const TransformPlan& plan, BatchStrategy strategy) {
  RecordRules rules;
  rules.input_format = plan.input_format;
  rules.output_format = plan.output_format;
  rules.split = plan.split;
  rules.strategy = strategy;
  rules.assembly = plan.assembly;
  rules.join = plan.join;
  rules.joined_answer_name = plan.joined_answer_name;
  rules.joined_record_name = plan.joined_record_name;
  const auto path = [](const std::string& text) {
    return RecordPath::parse(text.empty() ? "$" : text);
  };
  TRY(rules.input_filter, path(plan.input_filter));
  TRY(rules.output_filter, path(plan.output_filter));
  return rules;
}

Result<> filter_input(const RecordRules& rules, std::string_view input, std::string& out) {
  if (!by_lines(rules, rules.input_format))
    return choose(rules.input_filter, rules.input_format, input, out);
  out.reserve(out.size() + input.size());
  std::string_view line;
  while (next_line(input, line)) {
    TRY_DO(choose(rules.input_filter, rules.input_format, line, out));
    out += '\n';
  }
  return {};
}

Result<> finish_output(const RecordRules& rules, std::string_view input, std::string_view answer,
                       std::string& out) {
  const std::size_t start = out.size();
  const bool plain = rules.join == TransformPlan::Join::none && rules.output_filter.whole();
  if (plain) {
    out += answer;
  } else if (by_lines(rules, rules.output_format)) {
    TRY_DO(finish_lines(rules, input, answer, out));
  } else {
    std::string scratch;
    if (rules.output_format == RecordFormat::csv) {  // one record: without its line end
      std::string_view rest = answer;
      if (!next_line(rest, answer)) answer = {};
      std::string_view more;
      if (next_line(rest, more)) return wrong_count(1, 1 + count_lines(rest) + 1);
    }
    TRY_DO(finish_record(rules, input, answer, scratch, out));
  }
  const bool ended = out.size() > start && out.back() == '\n';
  if (rules.assembly == TransformPlan::Assembly::lines && !ended) out += '\n';
  return {};
}

}  // namespace slipway::transform

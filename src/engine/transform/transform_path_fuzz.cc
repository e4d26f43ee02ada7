// Any path on any record, and what a transform job makes of records and answers. The first line is
// a path, the second a record, the rest answers; the first byte of all chooses formats.
//
// What is chosen is bounded and well formed; a member, an element, a slice and a column are those
// that a reader of the whole finds there; and there are as many records behind a filter or a join
// as before it.
#include <fmt/format.h>
#include <algorithm>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/transform/path.h"
#include "engine/transform/records.h"

namespace slipway::transform {
namespace {

namespace json = boost::json;

// What is put around and between what is chosen: brackets, commas and names of a path's length.
constexpr std::size_t around_bytes_max = 4 * path_bytes_max;
constexpr std::size_t items_max = 8;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

bool is_shallow(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return c == '[' || c == '{'; }) <
         json_depth_max / 2;
}

void try_path(std::string_view text, std::string_view record) {
  const auto path = RecordPath::parse(text);
  if (!path) return check(!path.error().message.empty());
  check(text.size() <= path_bytes_max);
  const std::size_t most =
      (chosen_growth_max + 1) * record.size() + chosen_more_bytes_max + around_bytes_max;
  std::string chosen;
  if (path->choose_json(record, chosen)) {
    check(is_json_value(record) && is_json_value(chosen));
    if (path->whole()) check(chosen == json_trimmed(record));
  }
  check(chosen.size() <= most);
  chosen.clear();
  const bool done = path->choose_csv(record, chosen).has_value();
  check(!done || path->fits_csv());
  check(chosen.size() <= most);
}

std::string chosen_of(const std::string& path, std::string_view record) {
  std::string out;
  check(RecordPath::parse(path).value().choose_json(record, out).has_value());
  return out;
}

void expect(const std::string& path, std::string_view record, const json::value& right) {
  check(json::parse(chosen_of(path, record)) == right);
}

// A key that a path can name, and that a record writes only in one way.
bool is_plain(std::string_view key) {
  return key.size() < path_bytes_max / 2 && !key.contains('\'');
}

// A key that comes twice is its first value here and its last for the other reader.
bool is_once_each(const json::object& object, std::string_view record) {
  return json::parse(chosen_of("$.*", record)).as_array().size() == object.size();
}

void try_object(const json::object& object, std::string_view record) {
  if (!is_once_each(object, record) || record.contains('\\')) return;
  json::array all;
  for (const auto& [key, value] : object) {
    all.push_back(value);
    if (!is_plain(key) || all.size() > items_max) continue;
    expect(fmt::format("$['{}']", std::string_view(key)), record, value);
    if (key.size() < path_bytes_max / 4)
      expect(fmt::format("$['{0}','{0}']", std::string_view(key)), record,
             json::object{{key, value}});
  }
  expect("$.*", record, all);
}

void try_array(const json::array& array, std::string_view record) {
  const auto size = static_cast<int>(array.size());
  expect("$[*]", record, array);
  for (int i = 0; i < std::min<int>(size, items_max); ++i) {
    const json::value& item = array[static_cast<std::size_t>(i)];
    expect(fmt::format("$[{}]", i), record, item);
    expect(fmt::format("$[{}]", i - size), record, item);
    expect(fmt::format("$[{}:]", i), record, json::array(array.begin() + i, array.end()));
    expect(fmt::format("$[:{}]", i - size), record, json::array(array.begin(), array.begin() + i));
  }
  std::string out;
  check(!RecordPath::parse(fmt::format("$[{}]", size)).value().choose_json(record, out));
}

void try_json(std::string_view record) {
  boost::system::error_code error;
  const json::value value = json::parse({record.data(), record.size()}, error);
  if (error) return;
  check(is_json_value(record));
  if (const json::object* object = value.if_object()) try_object(*object, record);
  if (const json::array* array = value.if_array()) try_array(*array, record);
}

void try_csv(std::string_view record) {
  std::vector<std::string_view> columns;
  check(split_columns(record, columns) && !columns.empty());
  check(fmt::format("{}", fmt::join(columns, ",")) == record);
  for (std::size_t i = 0; i < std::min(columns.size(), items_max); ++i) {
    std::string out;
    check(RecordPath::parse(fmt::format("$[{}]", i)).value().choose_csv(record, out).has_value());
    check(out == columns[i]);
    check(std::ranges::count(out, '"') % 2 == 0 || i + 1 == columns.size());
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  std::string_view line;
  while (next_line(text, line)) lines.push_back(line);
  return lines;
}

// Records by lines: as many come out as went in, each in its place.
void try_records(std::uint8_t choice, std::string_view path, std::string_view input,
                 std::string_view answer) {
  TransformPlan plan;
  plan.input_format = plan.output_format =
      (choice & 1U) != 0 ? RecordFormat::csv : RecordFormat::json_lines;
  plan.split = SplitType::line;
  plan.assembly = TransformPlan::Assembly::lines;
  plan.input_filter = path;
  plan.joined_answer_name = "answer";
  plan.joined_record_name = "record";
  auto rules = RecordRules::of(plan, BatchStrategy::multi_record);
  if (!rules) return;
  std::string out;
  if (filter_input(*rules, input, out))
    check(static_cast<std::uint64_t>(std::ranges::count(out, '\n')) == count_lines(input));
  rules->join = TransformPlan::Join::input;
  out.clear();
  if (!finish_output(*rules, input, answer, out)) return;
  const auto inputs = lines_of(input), answers = lines_of(answer), outputs = lines_of(out);
  check(inputs.size() == answers.size() && inputs.size() == outputs.size());
  std::string right;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    right += fmt::format("{},{}\n", inputs[i], answers[i]);
    if (plan.input_format == RecordFormat::csv) continue;
    check(json_trimmed(outputs[i]).starts_with('{'));
    check(is_json_value(outputs[i]) || !is_shallow(inputs[i]) || !is_shallow(answers[i]));
  }
  check(plan.input_format != RecordFormat::csv || out == right || inputs.empty());
}

}  // namespace
}  // namespace slipway::transform

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::transform;
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto line = [&rest] {
    const std::string_view taken = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), taken.size() + 1));
    return taken;
  };
  const std::string_view path = line();
  try_path(path, rest);
  try_json(rest);
  const std::string_view record = line();
  try_csv(record);
  const std::size_t half = data[0] % (rest.size() + 1);
  try_records(data[0], path, rest.substr(0, half), rest.substr(half));
  return 0;
}

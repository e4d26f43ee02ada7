#include "engine/transform/path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace slipway::transform {
namespace {

constexpr std::size_t quoted_record_bytes_max = 80;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::unexpected<Error> not_json(std::string_view text) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("this is no JSON: {}", text.substr(0, quoted_record_bytes_max)));
}

void skip_space(std::string_view text, std::size_t& at) {
  while (at < text.size() && is_space(text[at])) ++at;
}

bool skip_string(std::string_view text, std::size_t& at) {
  if (at >= text.size() || text[at] != '"') return false;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return ++at, true;
  }
  return false;
}

bool skip_value(std::string_view text, std::size_t& at, int depth);

// Walks the items of an object or array; `item(key, value)` for each, its end behind it.
template <typename Item>
bool walk_items(std::string_view text, std::size_t& at, int depth, Item&& item) {
  if (depth > json_depth_max) return false;
  const char open = text[at++];
  const char close = open == '{' ? '}' : ']';
  skip_space(text, at);
  if (at < text.size() && text[at] == close) return ++at, true;
  while (at < text.size()) {
    skip_space(text, at);
    const std::size_t key = at;
    std::size_t key_end = at;
    if (open == '{') {
      if (!skip_string(text, at)) return false;
      key_end = at;
      skip_space(text, at);
      if (at >= text.size() || text[at++] != ':') return false;
      skip_space(text, at);
    }
    const std::size_t value = at;
    if (!skip_value(text, at, depth + 1)) return false;
    item(text.substr(key, key_end - key), text.substr(value, at - value));
    skip_space(text, at);
    if (at >= text.size()) return false;
    if (text[at] == close) return ++at, true;
    if (text[at++] != ',') return false;
  }
  return false;
}

bool skip_value(std::string_view text, std::size_t& at, int depth) {
  if (at >= text.size()) return false;
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] == '{' || text[at] == '[')
    return walk_items(text, at, depth, [](std::string_view, std::string_view) {});
  const std::size_t start = at;
  while (at < text.size() && !is_space(text[at]) && text[at] != ',' && text[at] != '}' &&
         text[at] != ']' && text[at] != ':' && text[at] != '"')
    ++at;
  return at > start;
}

using Items = std::vector<std::pair<std::string_view, std::string_view>>;

std::unexpected<Error> too_many_items() {
  return fail(ErrorCode::limit_exceeded,
              fmt::format("a list in a record has more than {} items", record_items_max));
}

Result<> items_of(std::string_view json, Items& items) {
  std::size_t at = 0;
  bool too_many = false;
  const auto keep = [&](std::string_view key, std::string_view value) {
    too_many = items.size() >= record_items_max;
    if (!too_many) items.emplace_back(key, value);
  };
  if (!walk_items(json, at, 0, keep) || at != json.size()) return not_json(json);
  return too_many ? too_many_items() : Result<>{};
}

// Keys are compared as written; an escape in a key is no way to write one here.
std::string_view key_text(std::string_view quoted) { return quoted.substr(1, quoted.size() - 2); }

}  // namespace

// Reads one path, left to right.
class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  Result<std::vector<RecordPath::Step>> parse() {
    if (text_.size() > path_bytes_max) return wrong("is longer than 63 characters");
    if (!take('$')) return wrong("does not begin with '$'");
    while (at_ < text_.size()) {
      if (take('.'))
        TRY_DO(read_member());
      else if (take('['))
        TRY_DO(read_brackets());
      else
        return wrong("has something else than '.' or '[' after a value");
    }
    return std::move(steps_);
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the path '{}' {} at character {}", text_, what, at_ + 1));
  }
  bool take(char c) {
    skip_space(text_, at_);
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Result<> read_member() {
    if (take('*')) {
      steps_.emplace_back();
      return {};
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '.' && text_[at_] != '[' && text_[at_] != '(' &&
           !is_space(text_[at_]))
      ++at_;
    if (at_ == start) return wrong("lacks a name");
    RecordPath::Step& step = steps_.emplace_back();
    step.kind = RecordPath::Step::Kind::names;
    step.names.emplace_back(text_.substr(start, at_ - start));
    return {};
  }

  Result<> read_brackets() {
    RecordPath::Step& step = steps_.emplace_back();
    if (take('*')) return close();
    skip_space(text_, at_);
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) return read_names(step);
    return read_numbers(step);
  }
  Result<> close() {
    if (!take(']')) return wrong("lacks ']'");
    return {};
  }

  Result<> read_names(RecordPath::Step& step) {
    step.kind = RecordPath::Step::Kind::names;
    do {
      skip_space(text_, at_);
      if (at_ >= text_.size()) return wrong("lacks a name");
      const char quote = text_[at_++];
      const std::size_t end = text_.find(quote, at_);
      if ((quote != '\'' && quote != '"') || end == text_.npos) return wrong("lacks a quote");
      step.names.emplace_back(text_.substr(at_, end - at_));
      at_ = end + 1;
    } while (take(','));
    return close();
  }

  Result<> read_numbers(RecordPath::Step& step) {
    std::optional<std::int64_t> number = read_number();
    if (take(':')) {
      step.kind = RecordPath::Step::Kind::slice;
      step.from = number;
      step.to = read_number();
      return close();
    }
    step.kind = RecordPath::Step::Kind::indices;
    for (;; number = read_number()) {
      if (!number) return wrong("lacks a number");
      step.indices.push_back(*number);
      if (!take(',')) return close();
    }
  }
  std::optional<std::int64_t> read_number() {
    skip_space(text_, at_);
    std::int64_t value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::vector<RecordPath::Step> steps_;
};

Result<RecordPath> RecordPath::parse(std::string_view text) {
  RecordPath path;
  TRY(path.steps_, PathParser(text).parse());
  return path;
}

bool RecordPath::fits_csv() const {
  return steps_.empty() || (steps_.size() == 1 && steps_[0].kind != Step::Kind::names);
}

// What a step other than names chooses of `count` columns or elements.
Result<std::vector<std::size_t>> RecordPath::places(const Step& step, std::size_t count) {
  const auto size = static_cast<std::int64_t>(count);
  std::vector<std::size_t> chosen;
  const auto range = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) chosen.push_back(static_cast<std::size_t>(i));
  };
  const auto bound = [&](std::int64_t value) {
    return std::clamp<std::int64_t>(value < 0 ? value + size : value, 0, size);
  };
  if (step.kind == Step::Kind::all) range(0, size);
  if (step.kind == Step::Kind::slice)
    range(bound(step.from.value_or(0)), bound(step.to.value_or(size)));
  for (const std::int64_t index : step.indices) {
    const std::int64_t at = index < 0 ? index + size : index;
    if (at < 0 || at >= size)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("there is no index {} in a record of {}", index, size));
    chosen.push_back(static_cast<std::size_t>(at));
  }
  return chosen;
}

struct RecordPath::Chosen {
  Chosen(std::string_view record, std::string& text)
      : out(text),
        bytes_max(text.size() + chosen_growth_max * record.size() + chosen_more_bytes_max) {}
  // Before each addition, so that at most one is too large.
  Result<> check() const {
    if (out.size() <= bytes_max) return {};
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the filter makes a record more than {} times as large as it was",
                            chosen_growth_max));
  }

  std::string& out;
  const std::size_t bytes_max;
};

Result<> RecordPath::choose_csv(std::string_view record, std::string& out) const {
  if (whole()) {
    out += record;
    return {};
  }
  if (!fits_csv()) return fail(ErrorCode::invalid_argument, "columns of CSV have no names");
  std::vector<std::string_view> columns;
  if (!split_columns(record, columns)) return too_many_items();
  TRY(const auto places_chosen, places(steps_[0], columns.size()));
  Chosen chosen(record, out);
  bool first = true;
  for (const std::size_t at : places_chosen) {
    TRY_DO(chosen.check());
    if (!std::exchange(first, false)) out += ',';
    out += columns[at];
  }
  return {};
}

Result<> RecordPath::choose_json(std::string_view record, std::string& out) const {
  const std::string_view text = json_trimmed(record);
  if (!is_json_value(text)) return not_json(text);
  Chosen chosen(text, out);
  return choose(text, 0, chosen);
}

Result<> RecordPath::choose(std::string_view json, std::size_t depth, Chosen& chosen) const {
  TRY_DO(chosen.check());
  if (depth == steps_.size()) {
    chosen.out += json;
    return {};
  }
  if (steps_[depth].kind == Step::Kind::names) return choose_names(json, depth, chosen);
  return choose_elements(json, depth, chosen);
}

Result<> RecordPath::choose_names(std::string_view json, std::size_t depth, Chosen& chosen) const {
  std::string& out = chosen.out;
  Items items;
  if (!json.starts_with('{'))
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is asked of what is no object", steps_[depth].names[0]));
  TRY_DO(items_of(json, items));
  const bool several = steps_[depth].names.size() > 1;
  if (several) out += '{';
  bool first = true;
  for (const std::string& name : steps_[depth].names) {
    const auto found =
        std::ranges::find_if(items, [&](const auto& item) { return key_text(item.first) == name; });
    if (found == items.end())
      return fail(ErrorCode::invalid_argument, fmt::format("the record has no member '{}'", name));
    if (several) out += fmt::format("{}{}:", std::exchange(first, false) ? "" : ",", found->first);
    TRY_DO(choose(found->second, depth + 1, chosen));
  }
  if (several) out += '}';
  return {};
}

Result<> RecordPath::choose_elements(std::string_view json, std::size_t depth,
                                     Chosen& chosen) const {
  std::string& out = chosen.out;
  const Step& step = steps_[depth];
  Items items;
  const bool list =
      json.starts_with('[') || (json.starts_with('{') && step.kind == Step::Kind::all);
  if (!list) return fail(ErrorCode::invalid_argument, "an index is asked of what is no array");
  TRY_DO(items_of(json, items));
  TRY(const auto places_chosen, places(step, items.size()));
  if (step.kind == Step::Kind::indices && step.indices.size() == 1)
    return choose(items[places_chosen[0]].second, depth + 1, chosen);
  out += '[';
  bool first = true;
  for (const std::size_t at : places_chosen) {
    if (!std::exchange(first, false)) out += ',';
    TRY_DO(choose(items[at].second, depth + 1, chosen));
  }
  out += ']';
  return {};
}

bool split_columns(std::string_view record, std::vector<std::string_view>& columns) {
  columns.clear();
  std::size_t start = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < record.size(); ++at) {
    if (record[at] == '"') quoted = !quoted;
    if (record[at] != ',' || quoted) continue;
    if (columns.size() + 1 >= record_items_max) return false;
    columns.push_back(record.substr(start, at - start));
    start = at + 1;
  }
  columns.push_back(record.substr(start));
  return true;
}

std::string_view json_trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_json_value(std::string_view text) {
  text = json_trimmed(text);
  std::size_t at = 0;
  return skip_value(text, at, 0) && at == text.size();
}

}  // namespace slipway::transform

#include "service/logs/insights_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace slipway::logs_door {

namespace {

// What a map or a set takes for an entry beside its text, about.
constexpr std::size_t entry_bytes = 96;

std::string call_name(std::size_t number) { return fmt::format("#{}", number); }

// The value below which `percent` of them are.
InsightsValue percentile(std::vector<double> values, double percent) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const double place =
      std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

bool is_distinct(const std::string& name) {
  return name == "count_distinct" || name == "countdistinct";
}
bool needs_values(const std::string& name) {
  return name == "pct" || name == "percentile" || name == "median";
}

}  // namespace

InsightsStats::InsightsStats(const InsightsCommand& command) : command_(command) {
  for (const InsightsColumn& column : command.columns) {
    columns_.push_back(column.expression);
    find_calls(columns_.back());
  }
  if (command.groups.empty()) groups_.push_back({.counted = std::vector<Counted>(calls_.size())});
}

void InsightsStats::find_calls(InsightsExpression& expression) {
  if (expression.kind == InsightsExpression::Kind::call && is_aggregate(expression.name)) {
    InsightsExpression field{.kind = InsightsExpression::Kind::field,
                             .name = call_name(calls_.size())};
    calls_.push_back(std::move(expression));
    expression = std::move(field);
    return;
  }
  for (InsightsExpression& part : expression.parts) find_calls(part);
}

Result<> InsightsStats::remember(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= stats_bytes_max) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("stats would keep more than {} bytes", stats_bytes_max));
}

Result<> InsightsStats::keep(const InsightsValue& value, InsightsValue& kept) {
  bytes_ -= bytes_of(kept);
  kept = value;
  return remember(bytes_of(kept));
}

Result<> InsightsStats::add(const InsightsRecord& record, std::int64_t time) {
  std::size_t number = 0;
  if (!command_.groups.empty()) {
    std::vector<InsightsValue> key;
    std::string text;
    for (const InsightsColumn& group : command_.groups) {
      key.push_back(evaluate(group.expression, record));
      const auto part = text_of(key.back());
      text += part ? fmt::format("{}:{}", part->size(), *part) : "-";
    }
    const auto [found, is_new] = numbers_.emplace(std::move(text), groups_.size());
    if (is_new) {
      if (groups_.size() >= stats_groups_max)
        return fail(ErrorCode::limit_exceeded,
                    fmt::format("stats would make more than {} groups", stats_groups_max));
      TRY_DO(remember(2 * found->first.size() + calls_.size() * sizeof(Counted) + entry_bytes));
      groups_.push_back({std::move(key), std::vector<Counted>(calls_.size())});
    }
    number = found->second;
  }
  for (std::size_t i = 0; i < calls_.size(); ++i)
    TRY_DO(count(calls_[i], record, time, groups_[number].counted[i]));
  return {};
}

Result<> InsightsStats::count(const InsightsExpression& call, const InsightsRecord& record,
                              std::int64_t time, Counted& counted) {
  if (call.parts.empty()) {  // count(*)
    ++counted.count;
    return {};
  }
  InsightsValue value = evaluate(call.parts[0], record);
  const auto text = text_of(value);
  if (!text) return {};
  ++counted.count;
  const bool by_time = call.name == "earliest" || call.name == "latest";
  const bool is_first = counted.count == 1;
  if (is_distinct(call.name)) {
    if (counted.distinct.insert(*text).second) TRY_DO(remember(text->size() + entry_bytes));
    return {};
  }
  if (is_first || (by_time ? time < counted.least_time : order_of(value, counted.least) < 0)) {
    TRY_DO(keep(value, counted.least));
    counted.least_time = time;
  }
  if (is_first ||
      (by_time ? time >= counted.greatest_time : order_of(value, counted.greatest) > 0)) {
    TRY_DO(keep(value, counted.greatest));
    counted.greatest_time = time;
  }
  const auto number = number_in(value);
  if (!number) return {};
  ++counted.numbers;
  counted.sum += *number;
  const double differs = *number - counted.mean;
  counted.mean += differs / static_cast<double>(counted.numbers);
  counted.square += differs * (*number - counted.mean);
  if (!needs_values(call.name)) return {};
  counted.values.push_back(*number);
  return remember(sizeof(double));
}

InsightsValue InsightsStats::value_of(const InsightsExpression& call, const Counted& counted) {
  const std::string& name = call.name;
  if (name == "count") return static_cast<double>(counted.count);
  if (is_distinct(name)) return static_cast<double>(counted.distinct.size());
  if (name == "median") return percentile(counted.values, 50);
  if (needs_values(name))
    return percentile(counted.values,
                      number_in(evaluate(call.parts[1], InsightsRecord())).value_or(50));
  if (name == "sum") return counted.sum;
  if (name == "avg" || name == "stddev") {
    const auto numbers = static_cast<double>(counted.numbers);
    if (counted.numbers == 0) return {};
    if (name == "avg") return counted.sum / numbers;
    return counted.numbers < 2 ? 0.0 : std::sqrt(counted.square / (numbers - 1));
  }
  if (counted.count == 0) return {};
  if (name == "min" || name == "earliest" || name == "sortsfirst") return counted.least;
  return counted.greatest;
}

std::vector<InsightsRecord> InsightsStats::rows() const {
  std::vector<InsightsRecord> rows;
  for (const Group& group : groups_) {
    InsightsRecord counted;
    for (std::size_t i = 0; i < calls_.size(); ++i)
      counted.set(call_name(i), value_of(calls_[i], group.counted[i]));
    InsightsRecord row;
    for (std::size_t i = 0; i < command_.groups.size(); ++i)
      row.set(command_.groups[i].name, group.key[i]);
    for (std::size_t i = 0; i < columns_.size(); ++i)
      row.set(command_.columns[i].name, evaluate(columns_[i], counted));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace slipway::logs_door

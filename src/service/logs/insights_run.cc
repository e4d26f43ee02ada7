#include "service/logs/insights_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/encoding.h"

namespace slipway::logs_door {

namespace {

using Command = InsightsCommand;
using Kind = InsightsCommand::Kind;
using ExpressionKind = InsightsExpression::Kind;

bool is_of_one_record(Kind kind) {
  return kind == Kind::fields || kind == Kind::display || kind == Kind::filter ||
         kind == Kind::parse;
}

// Texts that are in every message for which the expression is true.
void add_needles(const InsightsExpression& expression, logs::Needles& needles) {
  if (expression.kind == ExpressionKind::both)
    for (const InsightsExpression& part : expression.parts) add_needles(part, needles);
  if (expression.kind != ExpressionKind::matches || expression.regex) return;
  const InsightsExpression& of = expression.parts[0];
  const auto* const text = std::get_if<std::string>(&expression.parts[1].value);
  if (of.kind == ExpressionKind::field && of.name == "@message" && text && !text->empty())
    needles.push_back({*text});
}

void add_name(std::vector<std::string>& names, const std::string& name) {
  if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
}

// Where an event stands, for who asks for it by this.
std::string pointer_to(const logs::Event& event, std::string_view stream, std::string_view log) {
  return to_base64(fmt::format("{}\n{}\n{}", log, stream, event.position));
}

}  // namespace

logs::Needles needles_of(const InsightsQuery& query) {
  logs::Needles needles;
  for (const Command& command : query.commands) {
    // A field that is made may be called @message.
    if (command.kind != Kind::filter && command.kind != Kind::display) break;
    if (command.kind == Kind::filter) add_needles(command.expression, needles);
  }
  return needles;
}

InsightsRun::InsightsRun(const InsightsQuery& query, std::size_t rows_max)
    : query_(query), rows_max_(rows_max) {
  plan();
}

void InsightsRun::plan() {
  const auto& commands = query_.commands;
  while (table_from_ < commands.size() && is_of_one_record(commands[table_from_].kind))
    ++table_from_;
  const Command* const next = table_from_ < commands.size() ? &commands[table_from_] : nullptr;
  if (next && next->kind == Kind::stats) {
    stats_.emplace(*next);
    ++table_from_;
    return;
  }
  if (next && next->kind == Kind::sort) {
    first_sort_ = *next;
  } else {
    first_sort_.kind = Kind::sort;
    first_sort_.columns.push_back(
        {"@timestamp", {.kind = ExpressionKind::field, .name = "@timestamp"}});
    first_sort_.orders.push_back(Command::Order::descending);
  }
  rows_needed_ = rows_needed();
}

// Of the first rows in the order of the first sort: as many as the commands behind it can show.
std::size_t InsightsRun::rows_needed() const {
  std::size_t needed = rows_max_;
  for (std::size_t i = table_from_; i < query_.commands.size(); ++i) {
    const Command& command = query_.commands[i];
    if (command.kind == Kind::limit) return command.rows;
    const bool keeps_rows = command.kind == Kind::fields || command.kind == Kind::display ||
                            command.kind == Kind::parse ||
                            (command.kind == Kind::sort && i == table_from_);
    if (!keeps_rows) return insights_limit_max;
  }
  return needed;
}

bool InsightsRun::apply(const Command& command, InsightsRecord& record) {
  if (command.kind == Kind::filter) return is_true(evaluate(command.expression, record));
  if (command.kind == Kind::parse) {
    const auto text = text_of(evaluate(command.expression, record));
    if (!text) return true;
    const auto caught = command.regex->captures(*text);
    for (std::size_t i = 0; i < caught.size(); ++i)
      if (!command.names[i].empty()) record.set(command.names[i], std::string(caught[i]));
    return true;
  }
  for (const InsightsColumn& column : command.columns)
    if (column.expression.kind != ExpressionKind::field || column.expression.name != column.name)
      record.set(column.name, evaluate(column.expression, record));
  return true;
}

Result<> InsightsRun::add(std::string_view log, const std::string& stream, logs::Event event) {
  InsightsRecord record({.event = &event, .stream = stream, .log = log});
  for (std::size_t i = 0; i < table_from_ && is_of_one_record(query_.commands[i].kind); ++i)
    if (!apply(query_.commands[i], record)) return {};
  ++matched_;
  if (stats_) return stats_->add(record, event.time.time_since_epoch().count());
  Row row{.record = std::move(record), .number = static_cast<std::size_t>(matched_)};
  sort_keys(first_sort_, row);
  row.owned = std::make_unique<Row::Owned>(std::move(event), stream, std::string(log));
  row.record.move_to({&row.owned->event, row.owned->stream, row.owned->log});
  row_bytes_ += size_of(row);
  rows_.push_back(std::move(row));
  constexpr std::size_t slack = 1'000;
  if (rows_.size() > 2 * rows_needed_ + slack || row_bytes_ > insights_row_bytes_max) return trim();
  return {};
}

std::size_t InsightsRun::size_of(const Row& row) {
  std::size_t bytes = row.record.made_bytes();
  if (row.owned) bytes += row.owned->event.message.size();
  for (const InsightsValue& key : row.keys) bytes += bytes_of(key);
  return bytes;
}

Result<> InsightsRun::trim() {
  if (rows_.size() > rows_needed_) {
    const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(rows_needed_);
    std::ranges::nth_element(
        rows_, end, [&](const Row& a, const Row& b) { return comes_before(first_sort_, a, b); });
    rows_.erase(end, rows_.end());
  }
  row_bytes_ = 0;
  for (const Row& row : rows_) row_bytes_ += size_of(row);
  if (row_bytes_ > insights_row_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the query would keep more than {} bytes; give it a limit",
                            insights_row_bytes_max));
  return {};
}

void InsightsRun::sort_keys(const Command& sort, Row& row) {
  row.keys.clear();
  for (const InsightsColumn& column : sort.columns)
    row.keys.push_back(evaluate(column.expression, row.record));
}

bool InsightsRun::comes_before(const Command& sort, const Row& a, const Row& b) {
  for (std::size_t i = 0; i < sort.columns.size(); ++i) {
    const int order = order_of(a.keys[i], b.keys[i]);
    if (order != 0) return (order < 0) == (sort.orders[i] == Command::Order::ascending);
  }
  return a.number < b.number;
}

void InsightsRun::sort_table(const Command& command) {
  std::size_t number = 0;
  for (Row& row : rows_) {
    sort_keys(command, row);
    row.number = number++;
  }
  std::ranges::sort(rows_, [&](const Row& a, const Row& b) { return comes_before(command, a, b); });
}

void InsightsRun::remove_duplicates(const Command& command) {
  std::set<std::string> seen;
  std::erase_if(rows_, [&](const Row& row) {
    std::string key;
    for (const InsightsColumn& column : command.columns) {
      const auto text = text_of(evaluate(column.expression, row.record));
      key += text ? fmt::format("{}:{}", text->size(), *text) : "-";
    }
    return !seen.insert(std::move(key)).second;
  });
}

Result<> InsightsRun::count_table(const Command& command) {
  InsightsStats stats(command);
  std::int64_t number = 0;
  for (const Row& row : rows_) TRY_DO(stats.add(row.record, number++));
  rows_.clear();
  for (InsightsRecord& record : stats.rows()) rows_.push_back({.record = std::move(record)});
  return {};
}

Result<> InsightsRun::run_on_table(const Command& command) {
  switch (command.kind) {
    case Kind::stats: return count_table(command);
    case Kind::sort: sort_table(command); break;
    case Kind::limit: rows_.resize(std::min(rows_.size(), command.rows)); break;
    case Kind::dedup: remove_duplicates(command); break;
    default: std::erase_if(rows_, [&](Row& row) { return !apply(command, row.record); });
  }
  return {};
}

// What columns an answer has: those named last by display or stats and what was named since, the
// time and the message where nothing else is.
std::vector<std::string> InsightsRun::shown() const {
  std::vector<std::string> names;
  std::vector<std::string> parsed;
  for (const Command& command : query_.commands) {
    if (command.kind == Kind::parse)
      for (const std::string& name : command.names) add_name(names.empty() ? parsed : names, name);
    if (command.kind == Kind::display || command.kind == Kind::stats) names.clear();
    if (command.kind == Kind::stats)
      for (const InsightsColumn& column : command.groups) add_name(names, column.name);
    const bool names_columns = command.kind == Kind::display || command.kind == Kind::stats ||
                               command.kind == Kind::fields;
    if (names_columns)
      for (const InsightsColumn& column : command.columns) add_name(names, column.name);
  }
  if (!names.empty()) return names;
  names = {"@timestamp", "@message"};
  for (const std::string& name : parsed) add_name(names, name);
  return names;
}

logs::QueryRow InsightsRun::row_of(const Row& row, const std::vector<std::string>& names) const {
  logs::QueryRow out;
  for (const std::string& name : names)
    if (auto text = text_of(row.record.get(name))) out.emplace_back(name, *std::move(text));
  if (row.owned)
    out.emplace_back("@ptr", pointer_to(row.owned->event, row.owned->stream, row.owned->log));
  return out;
}

Result<std::vector<logs::QueryRow>> InsightsRun::finish() {
  if (stats_ && matched_ > 0) {
    for (InsightsRecord& record : stats_->rows()) rows_.push_back({.record = std::move(record)});
  } else if (!stats_) {
    std::ranges::sort(rows_,
                      [&](const Row& a, const Row& b) { return comes_before(first_sort_, a, b); });
    rows_.resize(std::min(rows_.size(), rows_needed_));
  }
  bool has_limit = false;
  for (std::size_t i = table_from_; i < query_.commands.size(); ++i) {
    TRY_DO(run_on_table(query_.commands[i]));
    has_limit |= query_.commands[i].kind == Kind::limit;
  }
  if (!has_limit) rows_.resize(std::min(rows_.size(), rows_max_));
  const std::vector<std::string> names = shown();
  std::vector<logs::QueryRow> out;
  for (const Row& row : rows_) out.push_back(row_of(row, names));
  return out;
}

}  // namespace slipway::logs_door

// A record that an Insights query works on: an event and what commands made of it, or a row of a
// table that `stats` made.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/logs/log_book.h"
#include "service/logs/insights_syntax.h"

namespace slipway::logs_door {

// Limits.
inline constexpr std::size_t json_fields_max = 200;  // of a message, found by themselves

// Fields by name. The event's own are found where first asked for: @timestamp, @ingestionTime,
// @message, @logStream, @log, and those of a message that is JSON, "a.b" and "items.0.id". Borrows
// the event.
class InsightsRecord {
 public:
  struct Source {
    const logs::Event* event = nullptr;
    std::string_view stream;
    std::string_view log;  // "account:group"
  };

  InsightsRecord() = default;  // of no event
  explicit InsightsRecord(const Source& source) : source_(source) {}

  InsightsValue get(std::string_view name) const;
  // The event lies elsewhere now.
  void move_to(const Source& source) { source_ = source; }
  void set(const std::string& name, InsightsValue value) { made_[name] = std::move(value); }
  const std::map<std::string, InsightsValue, std::less<>>& made() const { return made_; }
  std::size_t made_bytes() const;

 private:
  void find_json() const;

  Source source_;
  std::map<std::string, InsightsValue, std::less<>> made_;
  mutable bool looked_ = false;
  mutable std::map<std::string, std::string, std::less<>> json_;
};

// What an expression comes to for a record.
InsightsValue evaluate(const InsightsExpression& expression, const InsightsRecord& record);

// A value as a query's answer shows it; nothing for none.
std::optional<std::string> text_of(const InsightsValue& value);
// A value as a finite number: a text counts where all of it is one.
std::optional<double> number_in(const InsightsValue& value);
// Bytes of the text that a value holds; 0 of a number.
std::size_t bytes_of(const InsightsValue& value);
bool is_true(const InsightsValue& value);
// Below 0, 0 or above 0: none first, then numbers by their value, then others by their text.
int order_of(const InsightsValue& a, const InsightsValue& b);

// "2026-01-31 12:00:00.000"
std::string insights_time(Timestamp time);

}  // namespace slipway::logs_door

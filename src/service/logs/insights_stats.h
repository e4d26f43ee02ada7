// Rows counted by groups: the command `stats` of Insights.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "service/logs/insights_record.h"
#include "service/logs/insights_syntax.h"

namespace slipway::logs_door {

// Limits.
inline constexpr std::size_t stats_groups_max = 100'000;
inline constexpr std::size_t stats_bytes_max = 256 << 20;  // of groups and values that are kept

// Takes records one by one and makes a table of them, a row for each group in the order in which
// these came.
class InsightsStats {
 public:
  // `command` outlives it.
  explicit InsightsStats(const InsightsCommand& command);

  // `time` orders records for earliest() and latest(). limit_exceeded.
  Result<> add(const InsightsRecord& record, std::int64_t time);
  std::vector<InsightsRecord> rows() const;

 private:
  // What one function has seen of one group's records.
  struct Counted {
    std::uint64_t count = 0;
    std::uint64_t numbers = 0;  // of these
    double sum = 0;
    double mean = 0;           // as it grows, with
    double square = 0;         // the squares of what differs from it
    InsightsValue least = {};  // also of the earliest record
    InsightsValue greatest = {};
    std::int64_t least_time = 0;
    std::int64_t greatest_time = 0;
    std::vector<double> values = {};
    std::unordered_set<std::string> distinct = {};
  };
  struct Group {
    std::vector<InsightsValue> key;
    std::vector<Counted> counted;  // one for each of calls_
  };

  void find_calls(InsightsExpression& expression);
  Result<> count(const InsightsExpression& call, const InsightsRecord& record, std::int64_t time,
                 Counted& counted);
  static InsightsValue value_of(const InsightsExpression& call, const Counted& counted);
  // Counts what is kept from now on; limit_exceeded.
  Result<> remember(std::size_t bytes);
  Result<> keep(const InsightsValue& value, InsightsValue& kept);

  const InsightsCommand& command_;
  std::vector<InsightsExpression> calls_;    // of functions that count
  std::vector<InsightsExpression> columns_;  // with fields "#0", "#1" in the place of these calls
  std::map<std::string, std::size_t> numbers_;  // of groups, by their keys
  std::vector<Group> groups_;
  std::size_t bytes_ = 0;
};

}  // namespace slipway::logs_door

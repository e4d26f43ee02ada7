// A run of an Insights query over events that come in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/logs/queries.h"
#include "engine/logs/search.h"
#include "service/logs/insights_record.h"
#include "service/logs/insights_stats.h"
#include "service/logs/insights_syntax.h"

namespace slipway::logs_door {

// Limits.
inline constexpr std::size_t insights_rows_default = 10'000;
inline constexpr std::uint64_t insights_row_bytes_max = 256ULL << 20;  // of rows that are kept

// What of a message must be there for a query to want it, as far as its first filters say.
logs::Needles needles_of(const InsightsQuery& query);

// Takes events one by one; what it keeps of them is bounded by the rows that the query can show.
class InsightsRun {
 public:
  // `query` outlives it. `rows_max`: where the query has no limit of its own.
  InsightsRun(const InsightsQuery& query, std::size_t rows_max);

  // limit_exceeded: the query would keep too much.
  Result<> add(std::string_view log, const std::string& stream, logs::Event event);
  // How many events its filters let through.
  std::uint64_t matched() const { return matched_; }
  Result<std::vector<logs::QueryRow>> finish();

 private:
  using Command = InsightsCommand;
  // An event that is kept, and what was made of it.
  struct Row {
    struct Owned {
      logs::Event event;
      std::string stream;
      std::string log;
    };
    std::unique_ptr<Owned> owned;  // null: a row of a table
    InsightsRecord record;
    std::vector<InsightsValue> keys;  // by which it is sorted
    std::size_t number = 0;           // and of equal ones by this
  };

  // Does what fields, parse and filter say; false: the record is left out.
  static bool apply(const Command& command, InsightsRecord& record);
  void plan();
  std::size_t rows_needed() const;
  static void sort_keys(const Command& sort, Row& row);
  static std::size_t size_of(const Row& row);  // in memory, about
  static bool comes_before(const Command& sort, const Row& a, const Row& b);
  Result<> trim();
  Result<> run_on_table(const Command& command);
  Result<> count_table(const Command& command);
  void sort_table(const Command& command);
  void remove_duplicates(const Command& command);
  std::vector<std::string> shown() const;
  logs::QueryRow row_of(const Row& row, const std::vector<std::string>& names) const;

  const InsightsQuery& query_;
  const std::size_t rows_max_;
  std::size_t table_from_ = 0;  // the first command that needs all records
  Command first_sort_;          // by which rows are kept
  std::size_t rows_needed_ = 0;
  std::optional<InsightsStats> stats_;
  std::vector<Row> rows_;
  std::uint64_t row_bytes_ = 0;
  std::uint64_t matched_ = 0;
};

}  // namespace slipway::logs_door

// Which parts of a record go on: the small language in which a transform job names columns of CSV
// and members of JSON. Text in, text out: what is chosen is copied as it stands, numbers included.
//
//   $  .name  ['a','b']  .*  [*]  [2]  [-1]  [1,3]  [2:5]  [1:]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::transform {

// Limits.
inline constexpr std::size_t path_bytes_max = 63;
inline constexpr int json_depth_max = 64;
inline constexpr std::size_t record_items_max = 4UL << 20;  // columns, members or elements
// A path may name one place again and again, at each level of a record: what is chosen may be so
// many times as large as the record, and as many bytes more, or a megabyte could become thousands.
inline constexpr std::size_t chosen_growth_max = 4;
inline constexpr std::size_t chosen_more_bytes_max = 64;

// A path that was read. Immutable.
class RecordPath {
 public:
  // invalid_argument, with the place: what is not of the language above (no functions, no filters,
  // no "..").
  static Result<RecordPath> parse(std::string_view text);

  // "$" alone: everything.
  bool whole() const { return steps_.empty(); }
  // Whether it can be used on CSV, whose records have columns and no names.
  bool fits_csv() const;

  // Appends what is chosen of one record (a CSV line without its end; a JSON text).
  // invalid_argument: the record has no such column or member, or is no JSON. limit_exceeded: a
  // list in it is longer than record_items_max, or what is chosen is larger than it may be.
  Result<> choose_csv(std::string_view record, std::string& out) const;
  Result<> choose_json(std::string_view record, std::string& out) const;

 private:
  friend class PathParser;

  struct Step {
    enum class Kind : std::uint8_t { names, indices, slice, all } kind = Kind::all;
    // One name or index chooses the value itself; several, and a slice, choose a list of them.
    std::vector<std::string> names;
    std::vector<std::int64_t> indices;
    std::optional<std::int64_t> from, to;
  };

  struct Places;  // what a step chooses among so many
  static Result<std::vector<std::size_t>> places(const Step& step, std::size_t count);
  struct Chosen;  // what was chosen so far, and how large it may be
  Result<> choose(std::string_view json, std::size_t depth, Chosen& chosen) const;
  Result<> choose_names(std::string_view json, std::size_t depth, Chosen& chosen) const;
  Result<> choose_elements(std::string_view json, std::size_t depth, Chosen& chosen) const;

  std::vector<Step> steps_;
};

// The columns of a CSV record, as they stand, quotes included. False past record_items_max.
bool split_columns(std::string_view record, std::vector<std::string_view>& columns);

// `text` without the white space around it.
std::string_view json_trimmed(std::string_view text);
// Whether it is one well-formed JSON value as far as its brackets, strings and commas go.
bool is_json_value(std::string_view text);

}  // namespace slipway::transform

// text/libsvm to a tensor.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "modelserver/formats/decode.h"
#include "modelserver/formats/numbers.h"
#include "modelserver/formats/row_table.h"

namespace slipway::modelserver {
namespace {

constexpr std::size_t quoted_item_bytes_max = 40;

std::string_view take_item(std::string_view& line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == line.npos) {
    line = {};
    return {};
  }
  line.remove_prefix(begin);
  const auto item = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(item.size());
  return item;
}

std::string_view take_line(std::string_view& body) {
  const auto line = body.substr(0, body.find('\n'));
  body.remove_prefix(std::min(body.size(), line.size() + 1));
  return line;
}

// The index of an index:value; nothing where the item is no such thing.
std::optional<std::size_t> index_of(std::string_view item) {
  const auto colon = item.find(':');
  if (colon == item.npos) return std::nullopt;
  std::size_t index = 0;
  const char* const middle = item.data() + colon;
  const auto [end, error] = std::from_chars(item.data(), middle, index);
  if (error != std::errc() || end != middle) return std::nullopt;
  return index;
}

// Whether any record has an index 0. What is broken is found by whoever reads the values.
bool has_index_zero(std::string_view body) {
  while (!body.empty()) {
    auto line = take_line(body);
    for (auto item = take_item(line); !item.empty(); item = take_item(line)) {
      if (item.starts_with('#')) break;
      if (index_of(item) == std::size_t{0}) return true;
    }
  }
  return false;
}

// The columns that a body can name.
struct Columns {
  std::size_t first = 0;  // the index of the first one
  std::size_t count = 0;
};

// Writes one index:value into `row`. A false return is a broken item, an index past the end, or one
// that has a value already.
bool place_item(std::string_view item, float* row, Columns columns) {
  const auto index = index_of(item);
  if (!index || *index < columns.first || *index - columns.first >= columns.count) return false;
  float& place = row[*index - columns.first];
  if (!std::isnan(place)) return false;
  const char* const value = item.data() + item.find(':') + 1;
  const char* const last = item.data() + item.size();
  return value != last && read_float(value, last, place) == last;
}

Result<> read_line(const ModelSignature& signature, std::string_view line, std::size_t number,
                   float* row, Columns columns) {
  bool first = true;
  for (auto item = take_item(line); !item.empty(); item = take_item(line), first = false) {
    if (item.starts_with('#')) return {};
    const bool label = item.find(':') == item.npos || item.starts_with("qid:");
    if (label && (first || item.starts_with("qid:"))) continue;
    if (label || !place_item(item, row, columns)) {
      return std::unexpected(misfit(
          signature,
          fmt::format("line {}: '{}' is no index:value with an index of its own from {} to {}",
                      number, item.substr(0, quoted_item_bytes_max), columns.first,
                      columns.first + columns.count - 1)));
    }
  }
  return {};
}

}  // namespace

Result<> decode_libsvm(const ModelSignature& signature, LibsvmIndices indices,
                       std::string_view body, DecodedRequest& out) {
  TRY(RowTable table, RowTable::of(signature, "text/libsvm", out));
  const bool from_one = indices == LibsvmIndices::sniffed && !has_index_zero(body);
  const Columns columns{from_one ? 1U : 0U, table.width()};
  for (std::size_t number = 1; !body.empty(); ++number) {
    const auto line = take_line(body);
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    TRY(float* const row, table.add());
    TRY_DO(read_line(signature, line, number, row, columns));
  }
  return table.finish();
}

}  // namespace slipway::modelserver

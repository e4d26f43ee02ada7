// Insights queries: whatever a text is, it is refused in words or runs over any message, and what
// it lets a search pass over it does not want. The first line is the query ('|' and all), the rest
// a message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "service/logs/insights_run.h"

namespace slipway::logs_door {
namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

void try_query(std::string_view text, std::string_view message) {
  const auto query = InsightsQuery::parse(text);
  if (!query) {
    check(!query.error().message.empty());
    return;
  }
  constexpr std::size_t rows_max = 3;
  InsightsRun run(*query, rows_max);
  for (logs::Position i = 0; i < 5; ++i) {
    const Timestamp time{std::chrono::seconds(i)};
    if (!run.add("1:g", "s", {time, time, i, std::string(message)})) return;
  }
  if (run.matched() > 0 && !query->is_exhausted())
    for (const auto& clause : needles_of(*query))
      check(std::ranges::any_of(
          clause, [&](const std::string& needle) { return message.contains(needle); }));
  const auto rows = run.finish();
  check(!rows || rows->size() <= insights_limit_max);
}

}  // namespace
}  // namespace slipway::logs_door

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\n'), all.size());
  slipway::logs_door::try_query(all.substr(0, end), all.substr(std::min(size, end + 1)));
  return 0;
}

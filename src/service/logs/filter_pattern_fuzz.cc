// Filter patterns and what they are asked of: whatever a pattern is, it is refused in words or says
// of every message whether it matches, and what it lets a search pass over does not match. The
// first line is the pattern, the rest a message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "service/logs/filter_pattern.h"

namespace slipway::logs_door {
namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

void try_pattern(std::string_view text, std::string_view message) {
  const auto pattern = FilterPattern::parse(text);
  if (!pattern) {
    check(!pattern.error().message.empty());
    return;
  }
  const bool matches = pattern->matches(message);
  if (!matches || !pattern->check_done()) return;
  for (const auto& clause : pattern->filter().needles)
    check(std::ranges::any_of(clause,
                              [&](const std::string& needle) { return message.contains(needle); }));
  for (const auto& [name, value] : pattern->extract(message)) check(name.starts_with('$'));
}

}  // namespace
}  // namespace slipway::logs_door

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\n'), all.size());
  slipway::logs_door::try_pattern(all.substr(0, end), all.substr(std::min(size, end + 1)));
  return 0;
}

#include "service/logs/filter_pattern.h"

#include <algorithm>

namespace slipway::logs_door {

Result<FilterPattern> FilterPattern::parse(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const char kind = first == text.npos ? '\0' : text[first];
  if (kind == '{') {
    TRY(JsonPattern pattern, JsonPattern::parse(text));
    return FilterPattern(std::move(pattern));
  }
  if (kind == '[') {
    TRY(ColumnPattern pattern, ColumnPattern::parse(text));
    return FilterPattern(std::move(pattern));
  }
  TRY(TermPattern pattern, TermPattern::parse(text));
  return FilterPattern(std::move(pattern));
}

bool FilterPattern::matches(std::string_view message) const {
  return std::visit([&](const auto& pattern) { return pattern.matches(message); }, kind_);
}

logs::MessageFilter FilterPattern::filter() const {
  logs::MessageFilter filter{.matches = [this](std::string_view text) { return matches(text); }};
  if (const auto* const terms = std::get_if<TermPattern>(&kind_)) filter.needles = terms->needles();
  if (const auto* const json = std::get_if<JsonPattern>(&kind_)) filter.needles = json->needles();
  return filter;
}

std::map<std::string, std::string> FilterPattern::extract(std::string_view message) const {
  if (const auto* const json = std::get_if<JsonPattern>(&kind_)) return json->extract(message);
  if (const auto* const columns = std::get_if<ColumnPattern>(&kind_))
    return columns->extract(message);
  return {};
}

Result<> FilterPattern::check_done() const {
  const bool gave_up =
      std::visit([](const auto& pattern) { return pattern.is_exhausted(); }, kind_);
  if (gave_up) return exhausted();
  return {};
}

}  // namespace slipway::logs_door

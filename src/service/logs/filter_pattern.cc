#include "service/logs/filter_pattern.h"

#include <algorithm>

namespace slipway::logs_door {

namespace {

// Takes a word or a quoted phrase from the front; nothing where a quote is not closed.
Result<std::string> take_term(std::string_view& text) {
  std::string term;
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find(' '), text.size());
    term = text.substr(0, end);
    text.remove_prefix(end);
    return term;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return term;
    }
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    term += text[i];
  }
  return fail(ErrorCode::invalid_argument, "Invalid character(s) in term '\"'");
}

}  // namespace

Result<FilterPattern> FilterPattern::parse(std::string_view text) {
  FilterPattern pattern;
  const std::size_t first = text.find_first_not_of(' ');
  if (first != std::string_view::npos && std::string_view("{[%").contains(text[first])) {
    return fail(
        ErrorCode::not_implemented,
        "Filter patterns over JSON, columns and regular expressions are not supported by this "
        "version of Slipway; use words, \"phrases\", ?either ?or and -without.");
  }
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return pattern;
    const char sign = text.front();
    if (sign == '-' || sign == '?') text.remove_prefix(1);
    TRY(std::string term, take_term(text));
    if (term.empty()) continue;
    auto& terms = sign == '-' ? pattern.none_ : sign == '?' ? pattern.any_ : pattern.all_;
    terms.push_back(std::move(term));
  }
}

logs::MessageFilter FilterPattern::filter() const {
  logs::MessageFilter filter;
  if (all_.empty() && any_.empty() && none_.empty()) return filter;
  filter.matches = [this](std::string_view message) { return matches(message); };
  for (const std::string& term : all_) filter.needles.push_back({term});
  if (!any_.empty()) filter.needles.push_back(any_);
  return filter;
}

bool FilterPattern::matches(std::string_view message) const {
  const auto there = [&](const std::string& term) { return message.contains(term); };
  return std::ranges::all_of(all_, there) && std::ranges::none_of(none_, there) &&
         (any_.empty() || std::ranges::any_of(any_, there));
}

}  // namespace slipway::logs_door

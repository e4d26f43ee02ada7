#include "service/logs/term_pattern.h"

#include <algorithm>

#include "service/logs/pattern_text.h"

namespace slipway::logs_door {

Result<TermPattern> TermPattern::parse(std::string_view given) {
  TermPattern pattern;
  PatternText text(given);
  for (;;) {
    text.skip_blanks();
    if (text.at_end()) break;
    auto& terms = text.take("-") ? pattern.none_ : text.take("?") ? pattern.any_ : pattern.all_;
    if (text.peek() == '%') {
      TRY(LineRegex regex, text.take_regex());
      terms.emplace_back(std::move(regex));
      continue;
    }
    std::string term;
    if (text.peek() == '"') {
      TRY(term, text.take_quoted());
    } else {
      term = text.take_until("");
    }
    if (!term.empty() && term != " ") terms.emplace_back(std::move(term));
  }
  if (!pattern.all_.empty() || !pattern.none_.empty()) pattern.any_.clear();
  return pattern;
}

bool TermPattern::is_in(const Term& term, std::string_view message) {
  if (const auto* const word = std::get_if<std::string>(&term)) return message.contains(*word);
  return std::get<LineRegex>(term).matches(message);
}

bool TermPattern::matches(std::string_view message) const {
  const auto there = [&](const Term& term) { return is_in(term, message); };
  return std::ranges::all_of(all_, there) && std::ranges::none_of(none_, there) &&
         (any_.empty() || std::ranges::any_of(any_, there));
}

logs::Needles TermPattern::needles() const {
  logs::Needles needles;
  for (const Term& term : all_)
    if (const auto* const word = std::get_if<std::string>(&term)) needles.push_back({*word});
  std::vector<std::string> either;
  for (const Term& term : any_)
    if (const auto* const word = std::get_if<std::string>(&term)) either.push_back(*word);
  if (!either.empty() && either.size() == any_.size()) needles.push_back(std::move(either));
  return needles;
}

bool TermPattern::is_exhausted() const {
  const auto exhausted = [](const Term& term) {
    const auto* const regex = std::get_if<LineRegex>(&term);
    return regex && regex->is_exhausted();
  };
  return std::ranges::any_of(all_, exhausted) || std::ranges::any_of(any_, exhausted) ||
         std::ranges::any_of(none_, exhausted);
}

}  // namespace slipway::logs_door

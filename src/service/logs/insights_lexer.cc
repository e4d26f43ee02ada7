#include "service/logs/insights_lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "service/errors.h"

namespace slipway::logs_door {

namespace {

constexpr std::string_view blanks = " \t\r\n";
// Of two that begin alike the longer one first.
constexpr std::string_view signs[] = {"!=", "<=", ">=", "=~", "(", ")", "[", "]", ",", "|",
                                      "+",  "-",  "*",  "/",  "^", "%", "=", "<", ">"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '@' ||
         c == '.' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::unexpected<Error> malformed(std::string_view reason, std::size_t at) {
  return service::refuse("MalformedQueryException", fmt::format("{} at position {}", reason, at));
}

Result<InsightsLexer> InsightsLexer::begin(std::string_view text) {
  InsightsLexer lexer(text);
  TRY_DO(lexer.read());
  return lexer;
}

void InsightsLexer::skip_blanks() {
  for (;;) {
    at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size());
    if (at_ == text_.size() || text_[at_] != '#') return;
    at_ = std::min(text_.find('\n', at_), text_.size());
  }
}

Result<> InsightsLexer::advance() {
  taken_to_ = next_.end;
  return read();
}

Result<> InsightsLexer::read() {
  skip_blanks();
  next_ = {.begin = at_, .end = at_};
  if (at_ == text_.size()) return {};
  const char c = text_[at_];
  if (c == '"' || c == '\'' || c == '`') return read_quoted(c);
  if (is_of_word(c)) {
    while (at_ < text_.size() && is_of_word(text_[at_])) ++at_;
    next_.text = text_.substr(next_.begin, at_ - next_.begin);
    next_.end = at_;
    const bool is_number =
        std::ranges::all_of(next_.text, [](char each) { return is_digit(each) || each == '.'; });
    next_.kind = is_number ? InsightsToken::Kind::number : InsightsToken::Kind::word;
    return {};
  }
  for (const std::string_view sign : signs) {
    if (!text_.substr(at_).starts_with(sign)) continue;
    at_ += sign.size();
    next_.kind = InsightsToken::Kind::sign;
    next_.text = sign;
    next_.end = at_;
    return {};
  }
  return malformed(fmt::format("unexpected symbol '{}'", c), at_);
}

Result<> InsightsLexer::read_quoted(char quote) {
  for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] == quote) {
      next_.kind = quote == '`' ? InsightsToken::Kind::quoted_word : InsightsToken::Kind::text;
      at_ = next_.end = i + 1;
      return {};
    }
    const bool escapes =
        text_[i] == '\\' && i + 1 < text_.size() && (text_[i + 1] == quote || text_[i + 1] == '\\');
    if (escapes) ++i;
    next_.text += text_[i];
  }
  return malformed("a quotation mark is not closed", next_.begin);
}

bool InsightsLexer::is_word(std::string_view word) const {
  return next_.kind == InsightsToken::Kind::word && to_lower(next_.text) == word;
}

Result<bool> InsightsLexer::take_word(std::string_view word) {
  if (!is_word(word)) return false;
  TRY_DO(advance());
  return true;
}

Result<bool> InsightsLexer::take_sign(std::string_view sign) {
  if (next_.kind != InsightsToken::Kind::sign || next_.text != sign) return false;
  TRY_DO(advance());
  return true;
}

Result<> InsightsLexer::expect_sign(std::string_view sign) {
  TRY(const bool taken, take_sign(sign));
  if (!taken) return malformed(fmt::format("'{}' is expected", sign), next_.begin);
  return {};
}

Result<std::string> InsightsLexer::take_regex() {
  std::string expression;
  for (std::size_t i = next_.begin + 1; i < text_.size(); ++i) {
    if (text_[i] == '/') {
      at_ = next_.end = i + 1;
      TRY_DO(advance());
      return expression;
    }
    if (text_[i] == '\\' && i + 1 < text_.size()) {
      if (text_[i + 1] != '/') expression += '\\';
      ++i;
    }
    expression += text_[i];
  }
  return malformed("a regular expression is not closed", next_.begin);
}

}  // namespace slipway::logs_door

// The words of an Insights query.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::logs_door {

// MalformedQueryException: "REASON at position AT".
std::unexpected<Error> malformed(std::string_view reason, std::size_t at);

// One word of a query.
struct InsightsToken {
  enum class Kind : std::uint8_t { end, word, quoted_word, text, number, sign };

  Kind kind = Kind::end;
  std::string text;  // without quotes
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Reads a query word by word. Borrows the text.
class InsightsLexer {
 public:
  // Reads the first one.
  static Result<InsightsLexer> begin(std::string_view text);

  const InsightsToken& next() const { return next_; }
  Result<> advance();
  // Whether `sign` stands next; it is then taken.
  Result<bool> take_sign(std::string_view sign);
  // The same for a word, whatever its case.
  Result<bool> take_word(std::string_view word);
  bool is_word(std::string_view word) const;
  Result<> expect_sign(std::string_view sign);
  // An expression between '/', which is next as a sign.
  Result<std::string> take_regex();
  // Where the last word that was taken ended.
  std::size_t taken_to() const { return taken_to_; }
  std::string_view text() const { return text_; }

 private:
  explicit InsightsLexer(std::string_view text) : text_(text) {}
  Result<> read();
  Result<> read_quoted(char quote);
  void skip_blanks();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t taken_to_ = 0;
  InsightsToken next_;
};

}  // namespace slipway::logs_door

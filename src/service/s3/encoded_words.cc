#include "service/s3/encoded_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"

namespace slipway::s3 {
namespace {

constexpr std::string_view word_begin = "=?UTF-8?";
constexpr std::string_view word_end = "?=";

std::optional<std::string> decode_q(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '=') {
      const auto byte = from_hex(text.substr(1, 2));
      if (!byte || byte->size() != 1) return std::nullopt;
      out += *byte;
      text.remove_prefix(3);
      continue;
    }
    out += c == '_' ? ' ' : c;
    text.remove_prefix(1);
  }
  return out;
}

// Takes the word that `rest` begins with; nothing where it begins with none.
std::optional<std::string> take_word(std::string_view& rest) {
  if (!starts_with_ignoring_case(rest, word_begin)) return std::nullopt;
  std::string_view word = rest.substr(word_begin.size());
  if (word.size() < 2 || word[1] != '?') return std::nullopt;
  const char encoding = word[0];
  word.remove_prefix(2);
  const std::size_t end = word.find(word_end);
  if (end == std::string_view::npos) return std::nullopt;
  rest = word.substr(end + word_end.size());
  word = word.substr(0, end);
  if (encoding == 'Q' || encoding == 'q') return decode_q(word);
  if (encoding != 'B' && encoding != 'b') return std::nullopt;
  auto bytes = from_base64(word);
  return bytes ? std::optional(*std::move(bytes)) : std::nullopt;
}

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

// Whether more characters of it stand for themselves than not.
bool mostly_printable(std::string_view text) {
  const auto printable = std::ranges::count_if(text, is_printable);
  const auto others =
      std::ranges::count_if(text, [](char c) { return !is_printable(c) && (c & 0xc0) != 0x80; });
  return printable > others;
}

}  // namespace

std::string decode_words(std::string_view text) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto word = take_word(rest);
    if (!word) return std::string(text);
    out += *word;
    rest = trimmed(rest);  // blanks between words separate them, and are not text
  }
  return is_utf8(out) ? out : std::string(text);
}

std::string encode_words(std::string_view text) {
  if (std::ranges::all_of(text, is_printable)) return std::string(text);
  std::string out(word_begin);
  if (!mostly_printable(text)) return out.append("B?").append(to_base64(text)).append(word_end);
  out += "Q?";
  for (const char c : text) {
    if (is_printable(c) && c != '=' && c != '?' && c != '_')
      out += c;
    else
      out += fmt::format("={:02X}", static_cast<unsigned char>(c));
  }
  return out.append(word_end);
}

}  // namespace slipway::s3

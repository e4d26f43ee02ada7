#include "service/sagemaker_runtime/member_text.h"

#include <array>

namespace slipway::sagemaker_runtime {
namespace {

constexpr unsigned char space = 0x20;
constexpr unsigned char tilde = 0x7E;  // the last one that is printed

constexpr bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::array<bool, 256> in_name = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = i == '-' || is_alphanumeric(static_cast<char>(i));
  return table;
}();

// These loops do not end early, so that the compiler takes many bytes at a time.

bool is_ascii(std::string_view text) {
  unsigned char seen = 0;
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return seen < 0x80;
}

bool is_printable(std::string_view text) {
  unsigned outside = 0;
  for (const char c : text) {
    const unsigned distance = static_cast<unsigned char>(static_cast<unsigned char>(c) - space);
    outside |= distance > tilde - space ? 1U : 0U;
  }
  return outside == 0;
}

bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_name(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  bool fits = true;
  for (const char c : text) fits &= in_name[static_cast<unsigned char>(c)];
  return fits;
}

}  // namespace

bool has_form(std::string_view text, TextForm form) {
  switch (form) {
    case TextForm::any: return true;
    case TextForm::ascii: return is_ascii(text);
    case TextForm::printable:
      return !text.empty() && !is_white(text.front()) && is_printable(text.substr(1));
    case TextForm::name: return is_name(text);
    case TextForm::name_or_new_one: return text == new_session || is_name(text);
  }
  return false;
}

}  // namespace slipway::sagemaker_runtime

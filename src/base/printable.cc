#include "base/printable.h"

#include <fmt/format.h>

#include <cstddef>

#include "base/encoding.h"

namespace slipway {
namespace {

constexpr char c1_lead = '\xc2';  // of U+0080 to U+00BF in UTF-8

// How many bytes the control character at `at` of a UTF-8 text takes; 0: there is another one.
std::size_t control_bytes(std::string_view text, std::size_t at) {
  const auto c = static_cast<unsigned char>(text[at]);
  if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f) return 1;
  if (text[at] != c1_lead || at + 1 == text.size()) return 0;
  return static_cast<unsigned char>(text[at + 1]) < 0xa0 ? 2 : 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out = to_utf8(text);
  std::size_t to = 0;
  for (std::size_t from = 0; from < out.size();) {
    const std::size_t control = control_bytes(out, from);
    out[to++] = control > 0 ? ' ' : out[from];
    from += control > 0 ? control : 1;
  }
  out.resize(to);
  return out;
}

// Beyond ASCII, and as DEL, a JSON text has characters in strings alone; and the last byte of a C1
// is its code.
std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t from = 0; from < json.size();) {
    const std::size_t control = control_bytes(json, from);
    const std::size_t bytes = control > 0 ? control : 1;
    if (control > 0)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(json[from + bytes - 1]));
    else
      out += json[from];
    from += bytes;
  }
  return out;
}

}  // namespace slipway

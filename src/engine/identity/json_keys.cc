#include "engine/identity/json_keys.h"

#include <boost/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace slipway::identity {
namespace {

// `quoted` is a JSON string with its quotes.
std::string text_of(std::string_view quoted) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == inside.npos) return std::string(inside);
  return std::string(boost::json::parse({quoted.data(), quoted.size()}).get_string());
}

}  // namespace

bool has_key_twice(std::string_view document) {
  std::vector<std::set<std::string>> inside;  // the keys of each object or array around
  for (std::size_t at = 0; at < document.size(); ++at) {
    const char c = document[at];
    if (c == '{' || c == '[') inside.emplace_back();
    if (c == '}' || c == ']') inside.pop_back();
    if (c != '"') continue;
    std::size_t end = at + 1;
    while (document[end] != '"') end += document[end] == '\\' ? 2 : 1;
    const std::string_view quoted = document.substr(at, end - at + 1);
    at = end;
    const std::size_t next = document.find_first_not_of(" \t\r\n", end + 1);
    const bool is_key = next != std::string_view::npos && document[next] == ':';
    if (is_key && !inside.back().insert(text_of(quoted)).second) return true;
  }
  return false;
}

}  // namespace slipway::identity

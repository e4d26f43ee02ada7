// Settings and tags as stored text. A document of another shape throws, which a transaction's owner
// turns into `internal`: only this engine writes these rows.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <string_view>

namespace slipway::events {

using TextMap = std::map<std::string, std::string>;

inline boost::json::object to_object(const TextMap& map) {
  boost::json::object out;
  for (const auto& [name, value] : map) out[name] = value;
  return out;
}
inline TextMap to_text_map(const boost::json::value& value) {
  TextMap out;
  for (const auto& [name, item] : value.as_object())
    out.emplace(std::string(name), std::string(item.as_string()));
  return out;
}
inline std::string map_text(const TextMap& map) { return boost::json::serialize(to_object(map)); }
inline TextMap map_of(std::string_view text) {
  return to_text_map(boost::json::parse({text.data(), text.size()}));
}

}  // namespace slipway::events

// The text of a JSON value that is none of an object and an array.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <string>

namespace slipway::logs_door {

// A string itself; a number as short as it can be written.
inline std::string json_text(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return boost::json::serialize(value);
}

}  // namespace slipway::logs_door

// Reads stored JSON documents, where a missing or wrong member is `corrupted`.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::engine {

// What a stored document of another shape throws; caught by read_document().
class BadDocument : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Parses `text` and hands its object to `read`; every exception becomes `corrupted`.
template <typename Read>
auto read_document(std::string_view what, std::string_view text, Read&& read)
    -> Result<decltype(read(std::declval<const boost::json::object&>()))> {
  try {
    const boost::json::value value = boost::json::parse({text.data(), text.size()});
    return read(value.as_object());
  } catch (const std::exception& error) {
    return fail(ErrorCode::corrupted,
                fmt::format("The stored {} cannot be read: {}.", what, error.what()));
  }
}

inline std::string text_of(const boost::json::object& object, std::string_view name) {
  return std::string(object.at({name.data(), name.size()}).as_string());
}
template <typename T>
T number_of(const boost::json::object& object, std::string_view name) {
  return object.at({name.data(), name.size()}).to_number<T>();
}

}  // namespace slipway::engine

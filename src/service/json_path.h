// Values by their place in JSON: "Rules.Expiration.Days".
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::service {

// The value at `path` of names, "." for `value` itself. A list on the way gives the list of what
// each of its items has there. nullopt where there is nothing, or null.
std::optional<boost::json::value> at_path(const boost::json::value& value, std::string_view path);

// Puts `value` at `path`, making objects on the way. "." puts each member of an object into `into`.
void put_at_path(boost::json::object& into, std::string_view path, boost::json::value value);

// A value as the text that a path or a message needs: a string itself, else its JSON.
std::string text_of(const boost::json::value& value);

// The texts of a list, or of one value.
std::vector<std::string> texts_of(const std::optional<boost::json::value>& value);

}  // namespace slipway::service

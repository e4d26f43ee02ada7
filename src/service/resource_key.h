// How a resource is called below the doors: "account/region/name", unique among its kind.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "service/call.h"

namespace slipway::service {

inline std::string resource_key(const Caller& caller, std::string_view name) {
  return fmt::format("{}/{}/{}", caller.account(), caller.region, name);
}

// Stands in no name of AWS's, so that "endpoint:component" is no endpoint's name.
inline constexpr char component_mark = ':';

// An inference component, which lives on one endpoint as long as it lives.
inline std::string component_key(const Caller& caller, std::string_view endpoint,
                                 std::string_view component) {
  return fmt::format("{}{}{}", resource_key(caller, endpoint), component_mark, component);
}

}  // namespace slipway::service

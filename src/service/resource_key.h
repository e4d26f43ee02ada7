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

}  // namespace slipway::service

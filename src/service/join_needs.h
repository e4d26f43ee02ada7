// Several tables of needs as one, for a door whose table is long.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "service/permissions.h"

namespace slipway::service {

template <std::size_t... sizes>
constexpr auto join_needs(const Need (&... tables)[sizes]) {
  std::array<Need, (sizes + ...)> out;
  auto* end = out.begin();
  ((end = std::ranges::copy(tables, end).out), ...);
  return out;
}

}  // namespace slipway::service

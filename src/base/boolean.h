// "true" and "false", as clients write them.
#pragma once

#include <optional>
#include <string_view>

#include "base/text.h"

namespace slipway {

// In any case: Python writes str(True).
constexpr std::optional<bool> read_boolean(std::string_view text) {
  if (equal_ignoring_case(text, "true")) return true;
  if (equal_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

constexpr std::string_view boolean_text(bool value) { return value ? "true" : "false"; }

}  // namespace slipway

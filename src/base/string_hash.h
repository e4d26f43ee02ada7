// Look-ups in tables by text without making a string of it.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace slipway {

// Hashes std::string and std::string_view alike: for unordered tables with std::equal_to<>.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

}  // namespace slipway

// Names of files that come from outside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::artifacts {

// A relative name without ".", empty parts and a trailing '/': safe to append to a folder. Empty
// for the folder itself. invalid_argument, and the message shows the name: it is absolute, leads
// upwards, holds a NUL or is too long.
Result<std::string> clean_name(std::string_view name, std::size_t bytes_max);

}  // namespace slipway::artifacts

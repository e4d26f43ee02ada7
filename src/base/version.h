// The version of these programs, as the CMake project has it.
#pragma once

#include <string_view>

namespace slipway {

// "1.2.3".
std::string_view version();

}  // namespace slipway

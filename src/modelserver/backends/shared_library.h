// Runtime libraries that are opened when a model needs them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::modelserver {

// Opens the first of `names` that is found in $SLIPWAY_LIB, then in `lib` beside the folder of this
// executable, then where the system looks. It stays open for the life of the process. not_found
// says where it looked; unavailable, why a library that is there does not open.
Result<void*> open_library(std::initializer_list<std::string_view> names);

// The function or datum of that name.
Result<void*> find_symbol(void* library, const char* name);

// `lib` beside the folder of this executable, or $SLIPWAY_LIB.
std::string library_folder();

}  // namespace slipway::modelserver

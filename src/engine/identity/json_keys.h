// The keys of a JSON text's objects, as they are written.
#pragma once

#include <string_view>

namespace slipway::identity {

// Whether an object has a key twice, however it is spelled ("Eff\u0065ct" is "Effect"). A parser
// keeps one of the two and says nothing, and whoever reads the document may believe the other.
// `document` is sound JSON.
bool has_key_twice(std::string_view document);

}  // namespace slipway::identity

// Text that strangers wrote, where a person reads it.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

// `text` with a blank in the place of each control character (those of U+0080 to U+009F too) but
// newline and tab, and with U+FFFD for each byte that is no UTF-8: a terminal shows it and is not
// steered by it.
std::string printable(std::string_view text);

// A JSON text that means the same and holds no control character but newline and tab.
std::string printable_json(std::string_view json);

}  // namespace slipway

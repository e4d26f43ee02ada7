// The picture of a text that phones scan.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::iam {

inline constexpr std::size_t qr_code_text_bytes_max = 367;

// `text`, at most that long, as a QR code (ISO/IEC 18004) in a PNG. Always of version 12 with error
// correction L, so that one layout serves every text.
std::string qr_code_png(std::string_view text);

}  // namespace slipway::iam

// `slipway invoke` decides these by itself.
#pragma once

#include <cstddef>
#include <string_view>

namespace slipway::cli {

inline constexpr std::size_t invoke_body_bytes_max = 25U << 20;

// By the file's ending, else by the first bytes: JSON, NumPy, else CSV.
std::string_view guess_content_type(std::string_view file_name, std::string_view bytes);

}  // namespace slipway::cli

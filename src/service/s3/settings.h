// Names under which the engine keeps a bucket's settings.
#pragma once

#include <string_view>

namespace slipway::s3::setting {

inline constexpr std::string_view cors = "cors";
inline constexpr std::string_view encryption = "encryption";
inline constexpr std::string_view lifecycle = "lifecycle";
inline constexpr std::string_view notification = "notification";
inline constexpr std::string_view ownership = "ownership";
inline constexpr std::string_view policy = "policy";
inline constexpr std::string_view public_access = "public-access";
inline constexpr std::string_view tagging = "tagging";

}  // namespace slipway::s3::setting

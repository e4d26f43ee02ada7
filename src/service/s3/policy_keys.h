// Which of S3's condition keys are of use to which of its actions.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::s3 {

enum class KeyUse : std::uint8_t {
  unknown,  // S3 has no such key
  none,     // no action that the pattern matches comes with it
  some,
};

// `action` is a pattern ("s3:get*"), in lower case; `key` one of S3's ("s3:prefix", any case).
KeyUse use_of_key(std::string_view key, std::string_view action);

}  // namespace slipway::s3

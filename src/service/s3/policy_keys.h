// Which condition keys are of use to which of S3's actions: its own, and those of all services.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::s3 {

// Says how a condition key and the actions of a statement go together.
enum class KeyUse : std::uint8_t {
  unknown,  // there is no such key
  none,     // no action that the pattern matches comes with it
  some,
};

// `action` is a pattern ("s3:get*"), in lower case; `key` in any case: "s3:prefix",
// "aws:SourceIp".
KeyUse use_of_key(std::string_view key, std::string_view action);

}  // namespace slipway::s3

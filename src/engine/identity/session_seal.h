// Session tokens: a session's record, sealed with AES-256-GCM.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace slipway::identity {

using SealingKey = std::array<std::uint8_t, 32>;

// base64(version, nonce, ciphertext, tag). A key serves for 2^32 tokens: nonces are random.
Result<std::string> seal(const SealingKey& key, std::string_view record, Random& random);

// unauthenticated ("invalid_token") for everything that seal() did not make with this key, tokens
// of an older form among them.
Result<std::string> unseal(const SealingKey& key, std::string_view token);

}  // namespace slipway::identity

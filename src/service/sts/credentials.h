// What the operations of this door that give credentials share.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/identity/key_ring.h"
#include "service/sts/operations.h"

namespace slipway::sts {

// How long the credentials last that a long-term key asks for; root's no longer than an hour.
inline std::chrono::seconds life_by_key(const identity::Principal& principal,
                                        std::optional<std::int64_t> asked) {
  using namespace std::chrono_literals;
  const std::chrono::seconds life = asked ? std::chrono::seconds(*asked) : 12h;
  return principal.is_root() ? std::min<std::chrono::seconds>(life, 1h) : life;
}

inline void fill(api::Credentials out, const identity::Session& session) {
  out.AccessKeyId(session.keys.access_key_id)
      .SecretAccessKey(session.keys.secret)
      .SessionToken(session.token)
      .Expiration(session.expires);
}

}  // namespace slipway::sts

// What the operations of this door that give credentials share.
#pragma once

#include <chrono>

#include "engine/identity/key_ring.h"
#include "service/sts/operations.h"

namespace slipway::sts {

// AWS tells expiry in whole seconds.
inline Timestamp expiry(const Call& call, std::chrono::seconds life) {
  return std::chrono::floor<std::chrono::seconds>(call.now()) + life;
}

inline void fill(api::Credentials out, const identity::Session& session) {
  out.AccessKeyId(session.keys.access_key_id)
      .SecretAccessKey(session.keys.secret)
      .SessionToken(session.token)
      .Expiration(session.expires);
}

}  // namespace slipway::sts

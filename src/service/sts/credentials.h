// What the operations of this door that give credentials share.
#pragma once

#include "engine/identity/key_ring.h"
#include "service/sts/operations.h"

namespace slipway::sts {

inline void fill(api::Credentials out, const identity::Session& session) {
  out.AccessKeyId(session.keys.access_key_id)
      .SecretAccessKey(session.keys.secret)
      .SessionToken(session.token)
      .Expiration(session.expires);
}

}  // namespace slipway::sts

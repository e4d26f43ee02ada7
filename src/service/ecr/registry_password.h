// The password of `docker login`: who it speaks for, in a text that only this server makes.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/identity/key_ring.h"

namespace slipway::ecr {

inline constexpr std::chrono::hours registry_password_life{12};
inline constexpr std::string_view registry_user = "AWS";

// A password and when it ends, as the client is told.
struct RegistryPassword {
  std::string text;
  Timestamp expires{};
};

// For `principal`, from now on. limit_exceeded as of KeyRing::issue.
Result<RegistryPassword> make_password(const identity::KeyRing& keys,
                                       const identity::Principal& principal, const Moment& now,
                                       Random& random);

// The key that the password was made of. unauthenticated.
Result<const identity::Key*> read_password(identity::KeyReader& reader, std::string_view password);

// The same for the value of an Authorization header, "Basic ...".
Result<const identity::Key*> read_basic(identity::KeyReader& reader,
                                        std::string_view authorization);

}  // namespace slipway::ecr

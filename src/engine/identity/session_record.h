// What a session token holds: the session as it was made, as bytes to be sealed.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/principal.h"

namespace slipway::identity {

// Says what a session token holds: temporary credentials, whose they are, and until when.
struct SessionRecord {
  std::string access_key_id;
  std::string secret;
  ServerTime expires{};
  Principal principal;  // its party is not part of the record: it is looked up by its id
};

// The principal must have a session.
std::string to_bytes(const SessionRecord& record);

// `bytes` are whole: they were authenticated. "invalid_token" where they are of another form.
Result<SessionRecord> session_record(std::string_view bytes);

}  // namespace slipway::identity

// Objects of the archive classes: what is in one is read once it was restored.
#pragma once

#include <optional>
#include <string>

#include "service/s3/door.h"

namespace slipway::s3 {

// Until when the object is restored, where it is.
std::optional<Timestamp> restored_until(const objects::Object& object, Timestamp now);

// InvalidObjectState for what is archived and not restored, or no longer.
Result<> check_readable(const objects::Object& object, Timestamp now);
// ObjectNotInActiveTierError: the same for the source of a copy.
Result<> check_copyable(const objects::Object& object, Timestamp now);

// Until when an archived object is restored, where it is.
std::optional<Timestamp> restored_until(const objects::Object& object, Timestamp now);

// The x-amz-restore header of an object that is restored.
std::optional<std::string> shown_restore(const objects::Object& object, Timestamp now);

}  // namespace slipway::s3

// What the operations about mobile applications, devices and text messages share.
#pragma once

#include <string>
#include <string_view>

#include "engine/events/mobile.h"
#include "service/sns/door.h"

namespace slipway::sns {

// "arn:aws:sns:REGION:ACCOUNT:app/PLATFORM/NAME" and ".../endpoint/PLATFORM/NAME/UUID" as the ids
// that the engine keeps them by. InvalidParameter for another form, or another region's.
Result<std::string> application_of_arn(const Call& call, std::string_view arn);
Result<std::string> device_of_arn(const Call& call, std::string_view arn);
std::string arn_of_mobile(std::string_view id);

// Whether the text names a device's endpoint; it need not be there.
bool is_device_arn(std::string_view text);

// E.164, the '+' left out or not.
bool is_phone_number(std::string_view text);

// A whole number from 0 to `most`.
bool is_number(std::string_view text, int most);

// Whether the caller may let SNS act with that role; InvalidParameter, saying what `parameter` is
// wrong, where the text is the ARN of none.
Result<> may_pass_role(const Call& call, std::string_view role, std::string_view parameter);

}  // namespace slipway::sns

// The MD5 digests that clients compare with their own.
#pragma once

#include <string>
#include <string_view>

#include "engine/events/message.h"

namespace slipway::sqs {

// Lower-case hex.
std::string md5_hex(std::string_view text);
// Of attributes in the order of their names, by the rule of
// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
std::string md5_hex(const events::Attributes& attributes);

}  // namespace slipway::sqs

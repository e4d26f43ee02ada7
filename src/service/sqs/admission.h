// Whether a queue takes what another service of this house sends by itself.
#pragma once

#include <string>

#include "engine/events/queues.h"
#include "service/authorize.h"

namespace slipway::sqs {

// Who sends, and for which of its resources.
struct ServiceSender {
  std::string service;     // "sns.amazonaws.com"
  std::string source_arn;  // of the topic
  std::string account;     // the source's owner
};

// By the queue's own policy. A queue without one takes what comes from its own account. On AWS it
// takes nothing, but clients written against emulators never say who may send, and inside one
// account nothing is gained by keeping their messages from them; a queue that has a policy means
// it.
bool admits(const events::Queue& queue, const ServiceSender& sender,
            service::PolicyTexts& policies);

}  // namespace slipway::sqs

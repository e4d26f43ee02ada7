// Whether a queue takes what another service of this house sends by itself.
#pragma once

#include <string>

#include "engine/events/admission.h"
#include "service/authorize.h"

namespace slipway::sqs {

// Who sends, and for which of its resources.
struct ServiceSender {
  std::string service;     // "sns.amazonaws.com"
  std::string source_arn;  // of the topic
  std::string account;     // the source's owner
};

// By the queue's own policy. Of a queue without one what comes from its own account is `unsaid`. On
// AWS such a queue takes nothing, but clients written against emulators never say who may send;
// here it takes it, if whoever had it sent there may send to the queue himself. A queue that has a
// policy means it.
events::Admission admission(const events::Queue& queue, const ServiceSender& sender,
                            service::PolicyTexts& policies);

}  // namespace slipway::sqs

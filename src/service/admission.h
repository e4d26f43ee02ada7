// Whether a resource takes what another service of this house sends by itself.
#pragma once

#include <string>
#include <string_view>

#include "engine/events/admission.h"
#include "service/authorize.h"

namespace slipway::service {

// Who sends, and for which of its resources.
struct ServiceSender {
  std::string service;     // "sns.amazonaws.com"
  std::string source_arn;  // of the topic
  std::string account;     // the source's owner
};

// What is to be done to which resource.
struct Sending {
  std::string_view action;  // "sqs:SendMessage"
  std::string_view arn;
};

// By the resource's own policy. Of one without what comes from its own account is `unsaid`. On AWS
// such a resource takes nothing, but clients written against emulators never say who may send; here
// it takes it, if whoever had it sent there may send there himself. A resource that has a policy
// means it.
events::Admission admission(const Guarded& target, const Sending& sending,
                            const ServiceSender& sender, PolicyTexts& policies);

}  // namespace slipway::service

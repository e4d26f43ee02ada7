// Whether a queue takes what another service of this house sends by itself.
#pragma once

#include "engine/events/queues.h"
#include "service/admission.h"

namespace slipway::sqs {

events::Admission admission(const events::Queue& queue, const service::ServiceSender& sender,
                            service::PolicyTexts& policies);

}  // namespace slipway::sqs

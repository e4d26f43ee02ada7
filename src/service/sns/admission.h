// Whether a topic takes what another service of this house publishes by itself.
#pragma once

#include "engine/events/topics.h"
#include "service/admission.h"

namespace slipway::sns {

events::Admission admission(const events::Topic& topic, const service::ServiceSender& sender,
                            service::PolicyTexts& policies);

}  // namespace slipway::sns

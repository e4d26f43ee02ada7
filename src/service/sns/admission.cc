#include "service/sns/admission.h"

#include "service/sns/attributes.h"
#include "service/sns/door.h"

namespace slipway::sns {

events::Admission admission(const events::Topic& topic, const service::ServiceSender& sender,
                            service::PolicyTexts& policies) {
  return service::admission(service::guarded_by_notes(topic, principals_of(topic.settings)),
                            {.action = "sns:Publish", .arn = arn_of(topic.id)}, sender, policies);
}

}  // namespace slipway::sns

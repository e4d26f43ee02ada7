#include "service/sqs/admission.h"

#include "service/sqs/attributes.h"
#include "service/sqs/door.h"

namespace slipway::sqs {

events::Admission admission(const events::Queue& queue, const service::ServiceSender& sender,
                            service::PolicyTexts& policies) {
  if (!check_key(queue.settings)) return events::Admission::refused;
  return service::admission(service::guarded_by_notes(queue, principals_of(queue.settings)),
                            {.action = "sqs:SendMessage", .arn = arn_of(queue.id)}, sender,
                            policies);
}

}  // namespace slipway::sqs

// Whether queues and topics take what other services of this server send to them.
#pragma once

#include "engine/events/admission.h"
#include "engine/objects/types.h"
#include "service/authorize.h"

namespace slipway::server {

// Answers for queues and for topics. Thread-safe.
class Senders {
 public:
  enum class Policies : std::uint8_t { asked, off };  // off: all is taken
  explicit Senders(Policies policies) : policies_(policies) {}

  events::Admission from_topic(const events::Queue& queue, const events::TopicId& topic);
  events::Admission from_bucket(const events::Queue& queue, const objects::Bucket& bucket);
  events::Admission from_bucket(const events::Topic& topic, const objects::Bucket& bucket);

 private:
  const Policies policies_;
  service::PolicyTexts texts_;
};

}  // namespace slipway::server

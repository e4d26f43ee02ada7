#include "server/senders.h"

#include <fmt/format.h>

#include "service/sns/admission.h"
#include "service/sns/door.h"
#include "service/sqs/admission.h"

namespace slipway::server {
namespace {

using events::Admission;

service::ServiceSender sender_of(const objects::Bucket& bucket) {
  return {.service = "s3.amazonaws.com",
          .source_arn = fmt::format("arn:aws:s3:::{}", bucket.name),
          .account = bucket.account};
}

}  // namespace

Admission Senders::from_topic(const events::Queue& queue, const events::TopicId& topic) {
  if (policies_ == Policies::off) return Admission::granted;
  return sqs::admission(queue,
                        {.service = "sns.amazonaws.com",
                         .source_arn = sns::arn_of(topic),
                         .account = topic.text.substr(0, topic.text.find('/'))},
                        texts_);
}

Admission Senders::from_bucket(const events::Queue& queue, const objects::Bucket& bucket) {
  if (policies_ == Policies::off) return Admission::granted;
  return sqs::admission(queue, sender_of(bucket), texts_);
}

Admission Senders::from_bucket(const events::Topic& topic, const objects::Bucket& bucket) {
  if (policies_ == Policies::off) return Admission::granted;
  return sns::admission(topic, sender_of(bucket), texts_);
}

}  // namespace slipway::server

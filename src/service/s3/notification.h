// What a bucket tells of its objects and to whom: its notification configuration, read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/s3/door.h"

namespace slipway::s3 {

// Limits.
inline constexpr std::size_t notification_rules_max = 100;
inline constexpr std::size_t filter_value_bytes_max = 1024;
inline constexpr std::size_t notification_id_bytes_max = 255;

// Where events go. There are no functions here, so that one of them is never reached.
struct Destination {
  enum class Kind : std::uint8_t { topic, queue, function };
  Kind kind = Kind::queue;
  std::string arn;

  // What S3 calls it where its ARN is wrong: "Topic", "Queue", "CloudFunction".
  std::string_view argument() const;
};

// One configuration of a bucket.
struct NotificationRule {
  std::string id;
  Destination to;
  std::vector<std::string> events;  // "s3:ObjectCreated:*"
  std::string prefix;
  std::string suffix;

  // `event` as a record has it: "ObjectCreated:Put".
  bool wants(std::string_view event, std::string_view key) const;
};

// Of topics, queues and functions, in this order.
std::vector<NotificationRule> rules_of(const api::NotificationConfiguration& configuration);

// What can be told of a configuration without a look at its destinations.
Result<> check_configuration(const api::NotificationConfiguration& configuration,
                             const objects::Bucket& bucket);

// The same with an id for each configuration that had none, and filters named as S3 shows them.
api::NotificationConfiguration completed(Call& call,
                                         const api::NotificationConfiguration& configuration);

}  // namespace slipway::s3

// The notification configuration of a bucket: nothing where nothing was said.
#include <algorithm>

#include "service/s3/event_record.h"
#include "service/s3/notices.h"
#include "service/s3/operations.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

using Kind = Destination::Kind;

objects::SettingName setting_of(const objects::Bucket& bucket) {
  return {bucket.name, std::string(setting::notification)};
}

// One destination once, in the order of the configuration.
std::vector<Destination> destinations_of(const std::vector<NotificationRule>& rules) {
  std::vector<Destination> out;
  for (const NotificationRule& rule : rules)
    if (std::ranges::find(out, rule.to.arn, &Destination::arn) == out.end()) out.push_back(rule.to);
  return out;
}

// What S3 says of one that it cannot send to.
struct Obstacle {
  std::string destination;
  std::string why;
};

std::string_view word_of(const Destination& to) {
  return to.kind == Kind::queue ? "queue" : "topic";
}

Obstacle is_missing(const Destination& to) {
  if (to.kind == Kind::function)
    return {fmt::format("{}, null", to.arn),
            fmt::format("Not authorized to invoke function [{}]", to.arn)};
  return {to.arn, fmt::format("The destination {} does not exist", word_of(to))};
}

Obstacle is_closed(const Destination& to) {
  return {to.arn,
          fmt::format("Permissions on the destination {} do not allow S3 to publish notifications "
                      "from this bucket",
                      word_of(to))};
}

// A destination that says nothing of who may send takes what its account's buckets send: whoever
// leads one to the other must be one who may send there himself. That goes for what is not there
// yet as well, which may say nothing when it comes, and for what refuses now, which may say nothing
// later.
bool may_lead_to(const Call& call, const Destination& to) {
  if (to.kind == Kind::function) return true;
  return call.permit(to.kind == Kind::queue ? "sqs:SendMessage" : "sns:Publish", to.arn)
      .has_value();
}

enum class Validation : std::uint8_t { full, of_permission };

std::optional<Obstacle> obstacle(const S3Door& door, Call& call, const objects::Bucket& bucket,
                                 const Destination& to, Validation validation) {
  const auto admission = door.notices.admission(call.tx(), to, bucket);
  if (!admission && validation == Validation::full) return is_missing(to);
  if (admission == events::Admission::granted) return std::nullopt;
  if (admission == events::Admission::refused && validation == Validation::full)
    return is_closed(to);
  return may_lead_to(call, to) ? std::nullopt : std::optional(is_closed(to));
}

Result<> check_destinations(const S3Door& door, Call& call, const objects::Bucket& bucket,
                            const std::vector<Destination>& destinations, Validation validation) {
  Error error{ErrorCode::invalid_argument,
              "Unable to validate the following destination configurations", "InvalidArgument"};
  int number = 0;
  for (const Destination& to : destinations)
    if (auto found = obstacle(door, call, bucket, to, validation)) {
      ++number;
      error.details.emplace_back(fmt::format("ArgumentName{}", number), found->destination);
      error.details.emplace_back(fmt::format("ArgumentValue{}", number), found->why);
    }
  if (number == 0) return {};
  return std::unexpected(std::move(error));
}

}  // namespace

Result<api::NotificationConfiguration> get_bucket_notification(
    Call& call, api::GetBucketNotificationConfigurationRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const auto text = objects::setting(call.tx(), setting_of(bucket));
  if (!text) return call.output<api::NotificationConfiguration>();
  return wire::from_json<api::NotificationConfiguration>(*text, call.arena());
}

Result<> put_bucket_notification(const S3Door& door, Call& call,
                                 api::PutBucketNotificationConfigurationRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY_DO(check_configuration(in.NotificationConfiguration(), bucket));
  const bool skips = in.SkipDestinationValidation().value_or(false);
  const auto configuration = completed(call, in.NotificationConfiguration());
  const auto destinations = destinations_of(rules_of(configuration));
  TRY_DO(check_destinations(door, call, bucket, destinations,
                            skips ? Validation::of_permission : Validation::full));
  if (destinations.empty()) return objects::remove_setting(call.tx(), setting_of(bucket));
  TRY_DO(objects::put_setting(call.tx(), setting_of(bucket), wire::to_json(configuration)));
  if (skips) return {};
  for (const Destination& to : destinations)
    TRY_DO(door.notices.send(call.tx(), to, bucket,
                             {.text = test_event(bucket, call.request_id(), call.now())},
                             call.moment()));
  return {};
}

}  // namespace slipway::s3

// The lifecycle configuration of a bucket: what of it S3 takes.
#include <algorithm>

#include "base/encoding.h"
#include "engine/objects/lifecycle.h"
#include "service/s3/errors.h"
#include "service/s3/lifecycle.h"
#include "service/s3/operations.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

// docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
constexpr std::size_t rules_max = 1000;
constexpr std::size_t id_characters_max = 255;
constexpr std::int32_t kept_versions_max = 100;
constexpr std::int64_t size_max = 1'099'511'627'776'000;

objects::SettingName setting_of(const objects::Bucket& bucket) {
  return {bucket.name, std::string(setting::lifecycle)};
}

std::unexpected<Error> malformed() { return refuse("MalformedXML", std::string(malformed_xml)); }

Result<> check_positive(std::optional<std::int32_t> number, std::string_view name,
                        std::string_view action) {
  if (number.value_or(1) >= 1) return {};
  return invalid_argument(
      fmt::format("'{}' for {} action must be a positive integer", name, action),
      {name, std::to_string(*number)});
}

Result<> check_date(std::optional<Timestamp> date) {
  if (!date || std::chrono::floor<std::chrono::days>(*date) == *date) return {};
  return invalid_argument("'Date' must be at midnight GMT",
                          {"Date", to_iso8601(*date, Fraction::milliseconds)});
}

// How many old versions stay although they are old enough.
Result<> check_kept(std::optional<std::int32_t> number, std::string_view action) {
  constexpr std::string_view name = "NewerNoncurrentVersions";
  TRY_DO(check_positive(number, name, action));
  if (number.value_or(1) <= kept_versions_max) return {};
  return invalid_argument(
      fmt::format("'{}' for {} action must be at most {}", name, action, kept_versions_max),
      {name, std::to_string(*number)});
}

// "Days" and "Date" are two ways to say one thing, and a marker is removed by neither.
Result<> check_expiration(const api::LifecycleExpiration& expiration) {
  if (!expiration) return {};
  const int ways = (expiration.Days() ? 1 : 0) + (expiration.Date() ? 1 : 0) +
                   (expiration.ExpiredObjectDeleteMarker() ? 1 : 0);
  if (ways != 1) return malformed();
  TRY_DO(check_date(expiration.Date()));
  return check_positive(expiration.Days(), "Days", "Expiration");
}

Result<> check_old_versions(const api::NoncurrentVersionExpiration& old) {
  if (!old) return {};
  if (!old.NoncurrentDays()) return malformed();
  constexpr std::string_view action = "NoncurrentVersionExpiration";
  TRY_DO(check_positive(old.NoncurrentDays(), "NoncurrentDays", action));
  return check_kept(old.NewerNoncurrentVersions(), action);
}

Result<> check_size(std::optional<std::int64_t> bytes, std::int64_t least, std::string_view name) {
  if (!bytes || (*bytes >= least && *bytes <= size_max)) return {};
  return refuse("InvalidRequest",
                fmt::format("'{}' should be between {} and {}.", name, least, size_max));
}

template <typename Part>
Result<> check_sizes(const Part& part) {
  TRY_DO(check_size(part.ObjectSizeGreaterThan(), 0, "ObjectSizeGreaterThan"));
  TRY_DO(check_size(part.ObjectSizeLessThan(), 1, "ObjectSizeLessThan"));
  if (!part.ObjectSizeGreaterThan() || !part.ObjectSizeLessThan()) return {};
  if (*part.ObjectSizeGreaterThan() < *part.ObjectSizeLessThan()) return {};
  return refuse("InvalidRequest",
                "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
}

// What a filter and its `And` have in common.
template <typename Part>
std::size_t parts_of(const Part& part) {
  return (part.Prefix() ? 1 : 0) + (part.ObjectSizeGreaterThan() ? 1 : 0) +
         (part.ObjectSizeLessThan() ? 1 : 0);
}

// An `And` of less than two would be another rule than whoever wrote it thinks.
Result<> check_filter(const api::LifecycleRule& rule) {
  if (static_cast<bool>(rule.Filter()) == rule.Prefix().has_value()) return malformed();
  const auto filter = rule.Filter();
  if (parts_of(filter) + (filter.Tag() ? 1 : 0) + (filter.And() ? 1 : 0) > 1) return malformed();
  if (filter.And() && parts_of(filter.And()) + filter.And().Tags().size() < 2) return malformed();
  TRY_DO(check_sizes(filter));
  std::vector<std::string_view> keys;
  for (const auto tag : filter.And().Tags()) keys.push_back(tag.Key());
  std::ranges::sort(keys);
  if (std::ranges::adjacent_find(keys) != keys.end())
    return refuse("InvalidRequest", "Duplicate Tag Keys are not allowed.");
  return check_sizes(filter.And());
}

template <typename Part>
bool has_size(const Part& part) {
  return part.ObjectSizeGreaterThan() || part.ObjectSizeLessThan();
}

// Markers and uploads have neither tags nor a size.
Result<> check_fits(const api::LifecycleRule& rule) {
  const auto filter = rule.Filter();
  const bool tags = filter.Tag() || !filter.And().Tags().empty();
  const bool sizes = has_size(filter) || has_size(filter.And());
  if (!tags && !sizes) return {};
  const std::string_view what = tags ? "Tags" : "Object Size";
  const auto refused = [&](std::string_view action) {
    return refuse("InvalidRequest", fmt::format("{} cannot be specified with {}.", action, what));
  };
  if (rule.AbortIncompleteMultipartUpload()) return refused("AbortIncompleteMultipartUpload");
  if (rule.Expiration().ExpiredObjectDeleteMarker()) return refused("ExpiredObjectDeleteMarker");
  return {};
}

Result<> check_moved(std::optional<std::string_view> storage_class,
                     std::optional<std::int32_t> days, std::string_view name) {
  if (!storage_class) return malformed();
  const MovedTo* known = moved_to(*storage_class);
  if (known == nullptr) return malformed();
  const bool is_old = name == "NoncurrentDays";
  const std::string_view action = is_old ? "NoncurrentVersionTransition" : "Transition";
  if (days.value_or(known->days_min) >= known->days_min) return {};
  return invalid_argument(
      fmt::format("'{}' in {} action must be greater than or equal to {} for storageClass '{}'",
                  name, action, known->days_min, known->to),
      {name, std::to_string(*days)});
}

// How S3 names a rule's filter.
std::string name_of_filter(const api::LifecycleRule& rule) {
  const auto filter = rule.Filter();
  return fmt::format("(prefix={})", filter.And().Prefix().value_or(
                                        filter.Prefix().value_or(rule.Prefix().value_or(""))));
}

// Of the classes that a rule moves to, each once.
template <typename Moves>
Result<> check_classes(const Moves& moves, std::string_view action,
                       const api::LifecycleRule& rule) {
  std::vector<std::string_view> classes;
  for (const auto each : moves) classes.push_back(each.StorageClass().value_or(""));
  std::ranges::sort(classes);
  if (std::ranges::adjacent_find(classes) == classes.end()) return {};
  return refuse("InvalidRequest",
                fmt::format("'StorageClass' must be different for '{}' actions in same 'Rule' with "
                            "filter '{}'",
                            action, name_of_filter(rule)));
}

// A rule counts in days or names dates.
Result<> check_one_calendar(const api::LifecycleRule& rule) {
  bool days = rule.Expiration().Days().has_value();
  bool dates = rule.Expiration().Date().has_value();
  for (const auto each : rule.Transitions()) {
    days = days || each.Days();
    dates = dates || each.Date();
  }
  if (!days || !dates) return {};
  return refuse("InvalidRequest",
                fmt::format("Found mixed 'Date' and 'Days' based Expiration and Transition actions "
                            "in lifecycle rule for filter '{}'",
                            name_of_filter(rule)));
}

Result<> check_moves(const api::LifecycleRule& rule) {
  TRY_DO(check_classes(rule.Transitions(), "Transition", rule));
  TRY_DO(check_classes(rule.NoncurrentVersionTransitions(), "NoncurrentVersionTransition", rule));
  TRY_DO(check_one_calendar(rule));
  for (const auto each : rule.Transitions()) {
    if (each.Days().has_value() == each.Date().has_value()) return malformed();
    TRY_DO(check_moved(each.StorageClass(), each.Days(), "Days"));
    TRY_DO(check_date(each.Date()));
    if (each.Days() && rule.Expiration().Days().value_or(*each.Days() + 1) <= *each.Days())
      return invalid_argument(
          "'Days' in the Expiration action must be greater than 'Days' in the Transition action",
          {"Days", std::to_string(*rule.Expiration().Days())});
  }
  for (const auto each : rule.NoncurrentVersionTransitions()) {
    if (!each.NoncurrentDays()) return malformed();
    TRY_DO(check_moved(each.StorageClass(), each.NoncurrentDays(), "NoncurrentDays"));
    TRY_DO(check_kept(each.NewerNoncurrentVersions(), "NoncurrentVersionTransition"));
  }
  return {};
}

Result<> check_actions(const api::LifecycleRule& rule) {
  const auto uploads = rule.AbortIncompleteMultipartUpload();
  const bool moves = !rule.Transitions().empty() || !rule.NoncurrentVersionTransitions().empty();
  if (!rule.Expiration() && !rule.NoncurrentVersionExpiration() && !uploads && !moves)
    return refuse("InvalidRequest", "At least one action needs to be specified in a rule");
  TRY_DO(check_expiration(rule.Expiration()));
  TRY_DO(check_moves(rule));
  TRY_DO(check_old_versions(rule.NoncurrentVersionExpiration()));
  if (uploads && !uploads.DaysAfterInitiation()) return malformed();
  return check_positive(uploads.DaysAfterInitiation(), "DaysAfterInitiation",
                        "AbortIncompleteMultipartUpload");
}

// The first form of lifecycles has a prefix right in the rule, the second a filter; one
// configuration is of one form.
Result<> check_form(const api::LifecycleRule& rule, const api::LifecycleRule& first) {
  if (rule.Filter() && !first.Filter())
    return refuse("InvalidRequest", "Filter element can only be used in Lifecycle V2.");
  if (!rule.Filter() && first.Filter())
    return refuse("InvalidRequest",
                  "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported "
                  "in the Filter.");
  bool keeps = rule.NoncurrentVersionExpiration().NewerNoncurrentVersions().has_value();
  for (const auto each : rule.NoncurrentVersionTransitions())
    keeps = keeps || each.NewerNoncurrentVersions();
  if (rule.Filter() || !keeps) return {};
  return refuse("InvalidRequest",
                "NewerNoncurrentVersions element can only be used in Lifecycle V2.");
}

Result<> check_rules(const wire::ListView<api::LifecycleRule>& rules) {
  if (rules.empty() || rules.size() > rules_max) return malformed();
  std::vector<std::string_view> ids;
  for (const auto rule : rules) {
    TRY_DO(check_rule(rule));
    TRY_DO(check_form(rule, *rules.begin()));
    if (rule.ID().value_or("").empty()) continue;
    ids.push_back(*rule.ID());
  }
  std::ranges::sort(ids);
  const auto twice = std::ranges::adjacent_find(ids);
  if (twice == ids.end()) return {};
  return invalid_argument("Rule ID must be unique. Found same ID for more than one rule",
                          {"ID", std::string(*twice)});
}

Result<std::string_view> small_of(const api::PutBucketLifecycleConfigurationRequest& in) {
  const std::string_view given = in.TransitionDefaultMinimumObjectSize().value_or(small_stay);
  if (given == small_stay || given == small_are_archived) return given;
  return refuse("InvalidRequest",
                fmt::format("Invalid TransitionDefaultMinimumObjectSize found: {}", given));
}

}  // namespace

Result<> check_rule(const api::LifecycleRule& rule) {
  if (rule.Status() != "Enabled" && rule.Status() != "Disabled") return malformed();
  TRY_DO(check_filter(rule));
  TRY_DO(check_actions(rule));
  if (rule.ID().value_or("").size() > id_characters_max)
    return invalid_argument("ID length should not exceed allowed limit of 255",
                            {"ID", std::string(*rule.ID())});
  return check_fits(rule);
}

Result<api::GetBucketLifecycleConfigurationOutput> get_bucket_lifecycle(
    Call& call, api::GetBucketLifecycleConfigurationRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const auto text = objects::setting(call.tx(), bucket, setting::lifecycle);
  if (!text)
    return std::unexpected(Error{ErrorCode::not_found,
                                 "The lifecycle configuration does not exist",
                                 "NoSuchLifecycleConfiguration",
                                 {{"BucketName", bucket.name}}});
  return wire::from_json<api::GetBucketLifecycleConfigurationOutput>(*text, call.arena());
}

Result<api::PutBucketLifecycleConfigurationOutput> put_bucket_lifecycle(
    const S3Door& door, Call& call, api::PutBucketLifecycleConfigurationRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const auto rules = in.LifecycleConfiguration().Rules();
  TRY_DO(check_rules(rules));
  TRY(const std::string_view small, small_of(in));
  for (auto rule : rules)
    if (rule.ID().value_or("").empty()) rule.ID(to_base64(make_uuid(call.random())));
  auto document = call.output<api::GetBucketLifecycleConfigurationOutput>();
  document.Rules(rules).TransitionDefaultMinimumObjectSize(small);
  TRY_DO(objects::put_setting(call.tx(), setting_of(bucket), wire::to_json(document)));
  door.lifecycle.look_at(call.tx(), bucket);
  return call.output<api::PutBucketLifecycleConfigurationOutput>()
      .TransitionDefaultMinimumObjectSize(small);
}

Result<> delete_bucket_lifecycle(Call& call, api::DeleteBucketLifecycleRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  return objects::remove_setting(call.tx(), setting_of(bucket));
}

}  // namespace slipway::s3

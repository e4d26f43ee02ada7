#include "service/s3/lifecycle.h"

#include <algorithm>

#include "base/encoding.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

using std::chrono::days;

std::optional<std::uint64_t> size_of(std::optional<std::int64_t> bytes) {
  return bytes ? std::optional(static_cast<std::uint64_t>(*bytes)) : std::nullopt;
}

// A header cannot carry every rule's name: such a one is percent-encoded.
std::string rule_in_header(std::string_view id) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  return std::ranges::all_of(id, is_plain) ? std::string(id) : percent_encode(id);
}

std::optional<days> days_of(std::optional<std::int32_t> number) {
  return number ? std::optional(days(*number)) : std::nullopt;
}

// `And` has all that a filter has but one tag.
objects::ExpiryFilter filter_of(const api::LifecycleRule& rule) {
  objects::ExpiryFilter out;
  const auto take = [&](const auto& part) {
    if (part.Prefix()) out.prefix = *part.Prefix();
    if (part.ObjectSizeGreaterThan()) out.larger_than = size_of(part.ObjectSizeGreaterThan());
    if (part.ObjectSizeLessThan()) out.smaller_than = size_of(part.ObjectSizeLessThan());
  };
  const auto add_tag = [&](const api::Tag& tag) { out.tags.emplace_back(tag.Key(), tag.Value()); };
  if (rule.Prefix()) out.prefix = *rule.Prefix();
  take(rule.Filter());
  if (rule.Filter().Tag()) add_tag(rule.Filter().Tag());
  take(rule.Filter().And());
  for (const auto tag : rule.Filter().And().Tags()) add_tag(tag);
  return out;
}

// Smaller objects stay where they are, unless a rule or the configuration says otherwise.
constexpr std::uint64_t moved_bytes_min = 128 * 1024;

enum class Small : std::uint8_t { stay, are_archived };

objects::StorageMove move_to(std::string_view storage_class, const objects::ExpiryFilter& filter,
                             Small small) {
  objects::StorageMove out{.to = std::string(storage_class)};
  const MovedTo* known = moved_to(storage_class);
  if (known == nullptr) return out;
  out.from = known->from;
  const bool archived = small == Small::are_archived && known->archive == MovedTo::Archive::yes;
  if (!archived && !filter.larger_than && !filter.smaller_than) out.bytes_min = moved_bytes_min;
  return out;
}

void add_moves(const api::LifecycleRule& rule, Small small, objects::ExpiryRule& out) {
  for (const auto each : rule.Transitions()) {
    out.moves.push_back(move_to(each.StorageClass().value_or(""), out.filter, small));
    out.moves.back().term = days_of(each.Days());
    out.moves.back().date = each.Date();
  }
  for (const auto each : rule.NoncurrentVersionTransitions()) {
    out.old_moves.push_back(move_to(each.StorageClass().value_or(""), out.filter, small));
    out.old_moves.back().term = days_of(each.NoncurrentDays());
    out.old_moves.back().kept =
        static_cast<std::uint32_t>(each.NewerNoncurrentVersions().value_or(0));
  }
}

objects::ExpiryRule rule_of(const api::LifecycleRule& rule, Small small) {
  using LoneMarkers = objects::ExpiryRule::LoneMarkers;
  objects::ExpiryRule out{.id = std::string(rule.ID().value_or("")), .filter = filter_of(rule)};
  out.term = days_of(rule.Expiration().Days());
  out.date = rule.Expiration().Date();
  if (rule.Expiration().ExpiredObjectDeleteMarker().value_or(false))
    out.lone_markers = LoneMarkers::go;
  if (const auto old = rule.NoncurrentVersionExpiration())
    out.old_versions = objects::OldVersions{
        .term = days(old.NoncurrentDays().value_or(0)),
        .kept = static_cast<std::uint32_t>(old.NewerNoncurrentVersions().value_or(0))};
  out.uploads = days_of(rule.AbortIncompleteMultipartUpload().DaysAfterInitiation());
  add_moves(rule, small, out);
  return out;
}

std::shared_ptr<const objects::ExpiryRules> rules_for(const S3Door& door, store::Transaction& tx,
                                                      const objects::Bucket& bucket) {
  const auto text = objects::setting(tx, bucket, setting::lifecycle);
  return text ? door.lifecycles.read(*text) : nullptr;
}

}  // namespace

// docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
const MovedTo* moved_to(std::string_view storage_class) {
  using enum MovedTo::Archive;
  static const MovedTo known[] = {
      {"STANDARD_IA", {"STANDARD", "REDUCED_REDUNDANCY"}, 30},
      {"INTELLIGENT_TIERING", {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA"}},
      {"ONEZONE_IA", {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING"}, 30},
      {"GLACIER_IR", {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING"}},
      {"GLACIER",
       {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA",
        "GLACIER_IR"},
       0,
       yes},
      {"DEEP_ARCHIVE",
       {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA",
        "GLACIER_IR", "GLACIER"},
       0,
       yes},
  };
  const auto found = std::ranges::find(known, storage_class, &MovedTo::to);
  return found == std::end(known) ? nullptr : found;
}

std::shared_ptr<const objects::ExpiryRules> LifecycleTexts::read(const std::string& setting) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = read_.find(setting); found != read_.end()) return found->second;
  }
  auto rules = std::make_shared<objects::ExpiryRules>();
  wire::Arena arena;
  if (const auto read =
          wire::from_json<api::GetBucketLifecycleConfigurationOutput>(setting, arena)) {
    const bool archived = read->TransitionDefaultMinimumObjectSize() == small_are_archived;
    for (const auto rule : read->Rules())
      if (rule.Status() == "Enabled" && check_rule(rule))
        rules->push_back(rule_of(rule, archived ? Small::are_archived : Small::stay));
  }
  const std::lock_guard lock(mutex_);
  if (read_.size() >= remembered_max || bytes_ + setting.size() > remembered_bytes_max) {
    read_.clear();
    bytes_ = 0;
  }
  const auto [kept, added] = read_.emplace(setting, std::move(rules));
  if (added) bytes_ += setting.size();
  return kept->second;
}

std::optional<std::string> expiration_of(const S3Door& door, store::Transaction& tx,
                                         const objects::Bucket& bucket,
                                         const objects::Object& latest) {
  const auto rules = rules_for(door, tx, bucket);
  if (!rules) return std::nullopt;
  const auto expiry = objects::expiry_of(*rules, latest);
  if (!expiry) return std::nullopt;
  return fmt::format(R"(expiry-date="{}", rule-id="{}")", to_http_date(expiry->at),
                     rule_in_header(expiry->rule->id));
}

std::optional<UploadEnd> end_of_upload(const S3Door& door, store::Transaction& tx,
                                       const objects::Bucket& bucket,
                                       const objects::Multipart& upload) {
  const auto rules = rules_for(door, tx, bucket);
  if (!rules) return std::nullopt;
  const auto expiry = objects::expiry_of(*rules, upload);
  if (!expiry) return std::nullopt;
  return UploadEnd{expiry->at, rule_in_header(expiry->rule->id)};
}

}  // namespace slipway::s3

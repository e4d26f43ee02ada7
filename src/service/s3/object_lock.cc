#include "service/s3/object_lock.h"

#include <charconv>

#include "service/s3/attributes.h"
#include "service/s3/errors.h"
#include "service/s3/operations.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

using objects::LegalHold;
using objects::Lock;
using objects::Retention;
using objects::RetentionMode;

constexpr std::string_view mode_header = "x-amz-object-lock-mode";
constexpr std::string_view until_header = "x-amz-object-lock-retain-until-date";
constexpr std::string_view hold_header = "x-amz-object-lock-legal-hold";
constexpr std::int32_t days_max = 36'500;
constexpr std::int32_t years_max = 100;
constexpr std::int32_t days_of_year = 365;

std::unexpected<Error> malformed() { return refuse("MalformedXML", std::string(malformed_xml)); }

std::unexpected<Error> locks_nothing() {
  return refuse("InvalidRequest", "Bucket is missing Object Lock Configuration");
}

// S3 writes it otherwise where a new object is to be locked.
std::unexpected<Error> locks_no_new_ones() {
  return refuse("InvalidRequest", "Bucket is missing ObjectLockConfiguration");
}

std::unexpected<Error> is_locked() {
  return fail(ErrorCode::permission_denied, "the version is locked", "object_locked");
}

std::unexpected<Error> no_lock_of_object() {
  return std::unexpected(Error{ErrorCode::not_found,
                               "The specified object does not have a ObjectLock configuration",
                               "NoSuchObjectLockConfiguration"});
}

std::unexpected<Error> no_lock_of_bucket(std::string_view bucket) {
  return std::unexpected(Error{ErrorCode::not_found,
                               "Object Lock configuration does not exist for this bucket",
                               "ObjectLockConfigurationNotFoundError",
                               {{"BucketName", std::string(bucket)}}});
}

objects::SettingName setting_of(std::string_view bucket) {
  return {std::string(bucket), std::string(setting::object_lock)};
}

std::optional<RetentionMode> mode_of(std::string_view name) {
  if (name == mode_name(RetentionMode::governance)) return RetentionMode::governance;
  if (name == mode_name(RetentionMode::compliance)) return RetentionMode::compliance;
  return std::nullopt;
}

Result<> check_future(Timestamp until, Timestamp now) {
  if (until > now) return {};
  return invalid_argument("The retain until date must be in the future!",
                          {until_header, to_iso8601(until)});
}

// Dates are kept in whole seconds, as they are shown.
Result<Lock> read_wanted(const WantedLock& wanted, Timestamp now) {
  Lock lock;
  if (wanted.mode.has_value() != wanted.until.has_value())
    return invalid_argument(
        fmt::format("{} and {} must both be supplied", until_header, mode_header),
        {wanted.mode ? until_header : mode_header, ""});
  if (wanted.mode) {
    const auto mode = mode_of(*wanted.mode);
    if (!mode)
      return invalid_argument("Unknown wormMode directive.",
                              {mode_header, std::string(*wanted.mode)});
    TRY_DO(check_future(*wanted.until, now));
    lock.retention = Retention{*mode, shown_time(*wanted.until)};
  }
  if (wanted.hold) {
    if (wanted.hold != "ON" && wanted.hold != "OFF")
      return invalid_argument("Legal Hold must be either of 'ON' or 'OFF'",
                              {hold_header, std::string(*wanted.hold)});
    lock.hold = wanted.hold == "ON" ? LegalHold::on : LegalHold::off;
  }
  return lock;
}

// What the bucket gives to every new object.
Result<Lock> default_lock(store::Transaction& tx, std::string_view bucket, Timestamp now) {
  const auto text = objects::setting(tx, setting_of(bucket));
  if (!text) return Lock{};
  wire::Arena arena;
  TRY(const auto stored, wire::from_json<api::GetObjectLockConfigurationOutput>(*text, arena));
  const auto wanted = stored.ObjectLockConfiguration().Rule().DefaultRetention();
  const auto mode = mode_of(wanted.Mode().value_or(""));
  if (!mode) return Lock{};
  const std::int64_t days =
      wanted.Days().value_or(0) + std::int64_t{days_of_year} * wanted.Years().value_or(0);
  return Lock{.retention = Retention{*mode, shown_time(now) + std::chrono::days(days)}};
}

Result<> check_default(api::DefaultRetention wanted) {
  if (!wanted.Mode() || wanted.Days().has_value() == wanted.Years().has_value()) return malformed();
  const std::int32_t length = wanted.Days() ? *wanted.Days() : *wanted.Years();
  const Argument argument{wanted.Days() ? "Days" : "Years", std::to_string(length)};
  if (length < 1)
    return invalid_argument("Default retention period must be a positive integer value.", argument);
  if (length > (wanted.Days() ? days_max : years_max))
    return invalid_argument("Default retention period too large.", argument);
  return {};
}

// A version of a bucket that locks objects; a delete marker has no lock.
template <typename In>
Result<objects::Object> find_lockable(Call& call, const In& in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  if (!locks_objects(call.tx(), in.Bucket())) return locks_nothing();
  auto object = objects::find(call.tx(), name_of(in));
  if (!object || !object->delete_marker) return object;
  return std::unexpected(
      Error{ErrorCode::conflict,
            "The specified method is not allowed against this resource.",
            "MethodNotAllowed",
            {{"Method", std::string(service::method_of(call))}, {"ResourceType", "DeleteMarker"}}});
}

// Whether the retention may be changed so: made longer by everyone, and in governance mode made
// anything by who is let past it.
bool may_change(const Retention& old, const std::optional<Retention>& wanted, Timestamp now,
                objects::Governance governance) {
  if (!objects::holds(old, now, governance)) return true;
  return wanted && wanted->mode == old.mode && wanted->until >= old.until;
}

constexpr std::string_view kept_mode = "lock-mode";
constexpr std::string_view kept_until = "lock-until";  // microseconds since 1970
constexpr std::string_view kept_hold = "lock-hold";

}  // namespace

std::string_view mode_name(RetentionMode mode) {
  return mode == RetentionMode::compliance ? "COMPLIANCE" : "GOVERNANCE";
}

bool locks_objects(store::Transaction& tx, std::string_view bucket) {
  return objects::setting(tx, setting_of(bucket)).has_value();
}

Result<> lock_bucket(Call& call, std::string_view bucket) {
  TRY_DO(objects::set_versioning(call.tx(), bucket, objects::Versioning::enabled));
  auto configuration = call.output<api::ObjectLockConfiguration>();
  configuration.ObjectLockEnabled("Enabled");
  auto document = call.output<api::GetObjectLockConfigurationOutput>();
  document.ObjectLockConfiguration(configuration);
  return objects::put_setting(call.tx(), setting_of(bucket), wire::to_json(document));
}

Result<Lock> lock_of_new(Call& call, store::Transaction& tx, std::string_view bucket,
                         const WantedLock& wanted) {
  TRY(Lock lock, read_wanted(wanted, call.now()));
  if (wanted.given() && !locks_objects(tx, bucket)) return locks_no_new_ones();
  if (lock.retention) return lock;
  TRY(const Lock standard, default_lock(tx, bucket, call.now()));
  lock.retention = standard.retention;
  return lock;
}

void keep_lock(const Lock& lock, objects::Pairs& properties) {
  if (lock.retention) {
    properties.emplace_back(kept_mode, mode_name(lock.retention->mode));
    properties.emplace_back(kept_until,
                            std::to_string(lock.retention->until.time_since_epoch().count()));
  }
  if (lock.hold) properties.emplace_back(kept_hold, *lock.hold == LegalHold::on ? "ON" : "OFF");
}

Lock kept_lock(const objects::Pairs& properties) {
  Lock lock;
  if (const auto mode = mode_of(find_property(properties, kept_mode).value_or(""))) {
    const std::string_view text = find_property(properties, kept_until).value_or("");
    std::int64_t microseconds = 0;
    std::from_chars(text.data(), text.data() + text.size(), microseconds);
    lock.retention = Retention{*mode, Timestamp(std::chrono::microseconds(microseconds))};
  }
  if (const auto hold = find_property(properties, kept_hold))
    lock.hold = hold == "ON" ? LegalHold::on : LegalHold::off;
  return lock;
}

std::unexpected<Error> bypasses_nothing() {
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            "InvalidArgument",
            {{"ArgumentName", "x-amz-bypass-governance-retention"}}});
}

Result<objects::Governance> governance_of(Call& call, const Bypass& bypass) {
  if (!bypass.asked) return objects::Governance::kept;
  if (!locks_objects(call.tx(), bypass.bucket)) return bypasses_nothing();
  const bool let =
      *bypass.asked && call.permit("s3:BypassGovernanceRetention",
                                   fmt::format("arn:aws:s3:::{}/{}", bypass.bucket, bypass.key));
  return let ? objects::Governance::bypassed : objects::Governance::kept;
}

// --- The bucket. ---

Result<api::GetObjectLockConfigurationOutput> get_object_lock_configuration(
    Call& call, api::GetObjectLockConfigurationRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  const auto text = objects::setting(call.tx(), setting_of(in.Bucket()));
  if (!text) return no_lock_of_bucket(in.Bucket());
  return wire::from_json<api::GetObjectLockConfigurationOutput>(*text, call.arena());
}

Result<api::PutObjectLockConfigurationOutput> put_object_lock_configuration(
    Call& call, api::PutObjectLockConfigurationRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const auto wanted = in.ObjectLockConfiguration();
  if (!wanted) return refuse("MissingRequestBodyError", "Request Body is empty");
  if (!wanted.ObjectLockEnabled()) return malformed();
  if (wanted.Rule()) {
    if (!wanted.Rule().DefaultRetention()) return malformed();
    TRY_DO(check_default(wanted.Rule().DefaultRetention()));
  }
  if (bucket.versioning != objects::Versioning::enabled)
    return std::unexpected(
        Error{ErrorCode::conflict,
              "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
              "InvalidBucketState"});
  auto document = call.output<api::GetObjectLockConfigurationOutput>();
  document.ObjectLockConfiguration(wanted);
  TRY_DO(objects::put_setting(call.tx(), setting_of(in.Bucket()), wire::to_json(document)));
  return call.output<api::PutObjectLockConfigurationOutput>();
}

// --- Objects. ---

Result<api::GetObjectRetentionOutput> get_object_retention(Call& call,
                                                           api::GetObjectRetentionRequest in) {
  TRY(const objects::Object object, find_lockable(call, in));
  const Lock lock = objects::find_lock(call.tx(), object);
  if (!lock.retention) return no_lock_of_object();
  auto retention = call.output<api::ObjectLockRetention>();
  retention.Mode(mode_name(lock.retention->mode)).RetainUntilDate(lock.retention->until);
  return call.output<api::GetObjectRetentionOutput>().Retention(retention);
}

Result<api::PutObjectRetentionOutput> put_object_retention(Call& call,
                                                           api::PutObjectRetentionRequest in) {
  const auto given = in.Retention();
  if (!given || given.Mode().has_value() != given.RetainUntilDate().has_value()) return malformed();
  std::optional<Retention> wanted;
  if (given.Mode()) {
    TRY_DO(check_future(*given.RetainUntilDate(), call.now()));
    wanted = Retention{mode_of(*given.Mode()).value_or(RetentionMode::governance),
                       shown_time(*given.RetainUntilDate())};
  }
  TRY(const objects::Object object, find_lockable(call, in));
  Lock lock = objects::find_lock(call.tx(), object);
  TRY(const objects::Governance governance,
      governance_of(call, {in.BypassGovernanceRetention(), in.Bucket(), in.Key()}));
  if (lock.retention && !may_change(*lock.retention, wanted, call.now(), governance))
    return is_locked();
  lock.retention = wanted;
  TRY_DO(objects::put_lock(call.tx(), object, lock));
  return call.output<api::PutObjectRetentionOutput>();
}

Result<api::GetObjectLegalHoldOutput> get_object_legal_hold(Call& call,
                                                            api::GetObjectLegalHoldRequest in) {
  TRY(const objects::Object object, find_lockable(call, in));
  const Lock lock = objects::find_lock(call.tx(), object);
  if (!lock.hold) return no_lock_of_object();
  auto hold = call.output<api::ObjectLockLegalHold>();
  hold.Status(*lock.hold == LegalHold::on ? "ON" : "OFF");
  return call.output<api::GetObjectLegalHoldOutput>().LegalHold(hold);
}

Result<api::PutObjectLegalHoldOutput> put_object_legal_hold(Call& call,
                                                            api::PutObjectLegalHoldRequest in) {
  const auto status = in.LegalHold().Status();
  if (status != "ON" && status != "OFF") return malformed();
  TRY(const objects::Object object, find_lockable(call, in));
  Lock lock = objects::find_lock(call.tx(), object);
  lock.hold = status == "ON" ? LegalHold::on : LegalHold::off;
  TRY_DO(objects::put_lock(call.tx(), object, lock));
  return call.output<api::PutObjectLegalHoldOutput>();
}

}  // namespace slipway::s3

#include "service/s3/restore.h"

#include "service/s3/attributes.h"
#include "service/s3/errors.h"
#include "service/s3/operations.h"

namespace slipway::s3 {
namespace {

constexpr std::int32_t days_max = 30'000;

bool is_archived(const objects::Object& object) {
  return object.storage_class == "GLACIER" || object.storage_class == "DEEP_ARCHIVE";
}

bool is_readable(const objects::Object& object, Timestamp now) {
  return !is_archived(object) || restored_until(object, now).has_value();
}

std::unexpected<Error> bad_state(std::string_view code, std::string message,
                                 const objects::Object& object) {
  return std::unexpected(Error{ErrorCode::conflict,
                               std::move(message),
                               std::string(code),
                               {{"StorageClass", object.storage_class}}});
}

Result<std::int32_t> days_of(api::RestoreRequest in) {
  if (in.Type() || in.SelectParameters() || in.OutputLocation())
    return refuse("NotImplemented", "Slipway restores objects and selects nothing from them.");
  if (!in.Days()) return refuse("MalformedXML", std::string(malformed_xml));
  if (*in.Days() < 1)
    return invalid_argument("Restoration days should be at least 1",
                            {"Days", std::to_string(*in.Days())});
  return std::min(*in.Days(), days_max);
}

}  // namespace

std::optional<Timestamp> restored_until(const objects::Object& object, Timestamp now) {
  const auto text = find_property(object.properties, property::restored);
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  std::from_chars(text->data(), text->data() + text->size(), seconds);
  const Timestamp until{std::chrono::seconds(seconds)};
  if (until <= now) return std::nullopt;
  return until;
}

Result<> check_readable(const objects::Object& object, Timestamp now) {
  if (is_readable(object, now)) return {};
  return bad_state("InvalidObjectState",
                   "The operation is not valid for the object's storage class", object);
}

Result<> check_copyable(const objects::Object& object, Timestamp now) {
  if (is_readable(object, now)) return {};
  return refuse("ObjectNotInActiveTierError",
                "The source object of the COPY operation is not in the active tier and is only "
                "stored in Amazon Glacier.");
}

std::optional<std::string> shown_restore(const objects::Object& object, Timestamp now) {
  const auto until = restored_until(object, now);
  if (!until) return std::nullopt;
  return fmt::format(R"(ongoing-request="false", expiry-date="{}")", to_http_date(*until));
}

// The bytes were here all along, so that it is done at once.
Result<api::RestoreObjectOutput> restore_object(const S3Door& door, Call& call,
                                                api::RestoreObjectRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  TRY(objects::Object object, find_unmarked(call, call.tx(), name_of(in)));
  if (!is_archived(object))
    return bad_state("InvalidObjectState",
                     "Restore is not allowed for the object's current storage class", object);
  TRY(const std::int32_t days, days_of(in.RestoreRequest()));
  const bool again = restored_until(object, call.now()).has_value();
  call.set_status(again ? 200 : 202);
  // Up to the midnight after it.
  const auto until =
      std::chrono::floor<std::chrono::days>(call.now()) + std::chrono::days(days + 1);
  std::erase_if(object.properties, [](const auto& p) { return p.first == property::restored; });
  object.properties.emplace_back(
      property::restored,
      std::to_string(
          std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count()));
  if (again)
    TRY_DO(objects::put_properties(call.tx(), name_of(in), object.properties));
  else
    TRY_DO(door.objects.restore(call.tx(), name_of(in), object.properties, cause_of(call)));
  return call.output<api::RestoreObjectOutput>();
}

}  // namespace slipway::s3

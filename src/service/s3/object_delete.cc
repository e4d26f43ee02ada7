#include "service/s3/conditions.h"
#include "service/s3/errors.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"

namespace slipway::s3 {
namespace {

using Kind = objects::Removal::Kind;

constexpr std::size_t objects_per_request_max = 1000;

objects::WriteCondition etag_condition(std::optional<std::string_view> etag) {
  objects::WriteCondition condition;
  if (etag == "*")
    condition.presence = objects::WriteCondition::Presence::must_exist;
  else if (etag)
    condition.etag = std::string(unquoted(*etag));
  return condition;
}

// The condition keys that DeleteObject has of a request stand in the entry of each of several.
std::vector<identity::ContextEntry> keys_of(api::ObjectIdentifier wanted) {
  std::vector<identity::ContextEntry> keys;
  const auto add = [&](std::string_view key, std::optional<std::string_view> value) {
    if (value) keys.push_back({std::string(key), {std::string(*value)}});
  };
  add("s3:VersionId", wanted.VersionId());
  add("s3:if-match", wanted.ETag());
  return keys;
}

// Those alone are removed that the caller may remove.
Result<objects::Removal> remove_permitted(const S3Door& door, Call& call,
                                          const objects::ObjectName& name,
                                          api::ObjectIdentifier wanted,
                                          std::optional<bool> bypass) {
  if (wanted.LastModifiedTime()) return header_not_implemented("LastModifiedTime");
  if (wanted.Size()) return header_not_implemented("Size");
  TRY_DO(call.permit(name.version ? "s3:DeleteObjectVersion" : "s3:DeleteObject",
                     fmt::format("arn:aws:s3:::{}/{}", name.bucket, name.key), keys_of(wanted)));
  TRY(const objects::Governance governance, governance_of(call, {bypass, name.bucket, name.key}));
  return door.objects.remove(call.tx(), name, etag_condition(wanted.ETag()), governance,
                             cause_of(call));
}

// Removes one of several; what goes wrong with it is its own entry in the answer.
void delete_one(const S3Door& door, Call& call, api::DeleteObjectsRequest in,
                api::ObjectIdentifier wanted, api::DeleteObjectsOutput& out) {
  objects::ObjectName name{std::string(in.Bucket()), std::string(wanted.Key())};
  if (wanted.VersionId()) name.version = std::string(*wanted.VersionId());
  const auto removal = remove_permitted(door, call, name, wanted, in.BypassGovernanceRetention());
  if (!removal) {
    Error error = to_s3(removal.error(), {.bucket = in.Bucket(), .key = wanted.Key()});
    // Here a version that never was is one of the entries; alone it is a wrong argument.
    if (removal.error().kind == "bad_version")
      error = {ErrorCode::not_found, "The specified version does not exist.", "NoSuchVersion"};
    out.add_Errors()
        .Key(wanted.Key())
        .VersionId(wanted.VersionId())
        .Code(error.kind)
        .Message(error.message);
    return;
  }
  if (in.Delete().Quiet().value_or(false)) return;
  auto deleted = out.add_Deleted();
  deleted.Key(wanted.Key()).VersionId(wanted.VersionId());
  if (removal->kind == Kind::marker_made || removal->kind == Kind::removed_marker)
    deleted.DeleteMarker(true).DeleteMarkerVersionId(removal->version);
}

}  // namespace

Result<api::DeleteObjectOutput> delete_object(const S3Door& door, Call& call,
                                              api::DeleteObjectRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  if (in.VersionId() && in.VersionId()->empty())
    return invalid_argument("Version id cannot be the empty string", {"versionId", ""});
  if (in.IfMatchLastModifiedTime())
    return header_not_implemented("x-amz-if-match-last-modified-time");
  if (in.IfMatchSize()) return header_not_implemented("x-amz-if-match-size");
  TRY(const objects::Governance governance,
      governance_of(call, {in.BypassGovernanceRetention(), in.Bucket(), in.Key()}));
  TRY(const objects::Removal removal,
      door.objects.remove(call.tx(), name_of(in), etag_condition(in.IfMatch()), governance,
                          cause_of(call)));
  auto out = call.output<api::DeleteObjectOutput>();
  if (removal.kind == Kind::marker_made || removal.kind == Kind::removed_marker)
    out.DeleteMarker(true);
  if (removal.kind == Kind::marker_made || in.VersionId()) out.VersionId(removal.version);
  return out;
}

// All of one request are one change of the store.
Result<api::DeleteObjectsOutput> delete_objects(const S3Door& door, Call& call,
                                                api::DeleteObjectsRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  const auto wanted = in.Delete().Objects();
  if (wanted.empty() || wanted.size() > objects_per_request_max)
    return refuse("MalformedXML", std::string(malformed_xml));
  if (in.BypassGovernanceRetention() && !locks_objects(call.tx(), in.Bucket()))
    return bypasses_nothing();
  auto out = call.output<api::DeleteObjectsOutput>();
  for (const auto each : wanted) delete_one(door, call, in, each, out);
  return out;
}

}  // namespace slipway::s3

#include "service/s3/errors.h"

#include <algorithm>

#include "engine/objects/objects.h"

namespace slipway::s3 {
namespace {

using Details = std::vector<std::pair<std::string, std::string>>;

constexpr service::ErrorRow statuses[] = {
    {"not_allowed", "AccessDenied", 403},
    {"AccessControlListNotSupported", "AccessControlListNotSupported", 400},
    {"AccessDenied", "AccessDenied", 403},
    {"AccessForbidden", "AccessForbidden", 403},
    {"BadDigest", "BadDigest", 400},
    {"BucketAlreadyExists", "BucketAlreadyExists", 409},
    {"BucketAlreadyOwnedByYou", "BucketAlreadyOwnedByYou", 409},
    {"BucketNotEmpty", "BucketNotEmpty", 409},
    {"ConditionalRequestConflict", "ConditionalRequestConflict", 409},
    {"EntityTooLarge", "EntityTooLarge", 400},
    {"EntityTooSmall", "EntityTooSmall", 400},
    {"IllegalLocationConstraintException", "IllegalLocationConstraintException", 400},
    {"IncompleteBody", "IncompleteBody", 400},
    {"InternalError", "InternalError", 500},
    {"InvalidArgument", "InvalidArgument", 400},
    {"InvalidBucketAclWithObjectOwnership", "InvalidBucketAclWithObjectOwnership", 400},
    {"InvalidBucketAclWithBlockPublicAccessError", "InvalidBucketAclWithBlockPublicAccessError",
     400},
    {"InvalidBucketName", "InvalidBucketName", 400},
    {"InvalidBucketOwnerAWSAccountID", "InvalidBucketOwnerAWSAccountID", 400},
    {"InvalidBucketState", "InvalidBucketState", 409},
    {"InvalidDigest", "InvalidDigest", 400},
    {"InvalidLocationConstraint", "InvalidLocationConstraint", 400},
    {"InvalidNamespaceHeader", "InvalidNamespaceHeader", 400},
    {"InvalidObjectState", "InvalidObjectState", 403},
    {"InvalidPart", "InvalidPart", 400},
    {"InvalidPartNumber", "InvalidPartNumber", 416},
    {"InvalidPartOrder", "InvalidPartOrder", 400},
    {"InvalidRange", "InvalidRange", 416},
    {"InvalidRedirectLocation", "InvalidRedirectLocation", 400},
    {"InvalidRequest", "InvalidRequest", 400},
    {"InvalidTag", "InvalidTag", 400},
    {"KeyTooLongError", "KeyTooLongError", 400},
    {"MalformedACLError", "MalformedACLError", 400},
    {"MalformedPolicy", "MalformedPolicy", 400},
    {"MalformedXML", "MalformedXML", 400},
    {"MaxMessageLengthExceeded", "MaxMessageLengthExceeded", 400},
    {"MetadataTooLarge", "MetadataTooLarge", 400},
    {"MissingRequestBodyError", "MissingRequestBodyError", 400},
    {"MissingSecurityHeader", "MissingSecurityHeader", 400},
    {"MethodNotAllowed", "MethodNotAllowed", 405},
    {"NoSuchBucket", "NoSuchBucket", 404},
    {"NoSuchBucketPolicy", "NoSuchBucketPolicy", 404},
    {"NoSuchConfiguration", "NoSuchConfiguration", 404},
    {"NoSuchCORSConfiguration", "NoSuchCORSConfiguration", 404},
    {"NoSuchKey", "NoSuchKey", 404},
    {"NoSuchLifecycleConfiguration", "NoSuchLifecycleConfiguration", 404},
    {"NoSuchObjectLockConfiguration", "NoSuchObjectLockConfiguration", 404},
    {"NoSuchPublicAccessBlockConfiguration", "NoSuchPublicAccessBlockConfiguration", 404},
    {"NoSuchTagSet", "NoSuchTagSet", 404},
    {"NoSuchUpload", "NoSuchUpload", 404},
    {"NoSuchVersion", "NoSuchVersion", 404},
    {"NoSuchWebsiteConfiguration", "NoSuchWebsiteConfiguration", 404},
    {"NotImplemented", "NotImplemented", 501},
    {"NotModified", "NotModified", 304},
    {"ObjectNotInActiveTierError", "ObjectNotInActiveTierError", 403},
    {"ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFoundError", 404},
    {"OwnershipControlsNotFoundError", "OwnershipControlsNotFoundError", 404},
    {"PreconditionFailed", "PreconditionFailed", 412},
    {"ReplicationConfigurationNotFoundError", "ReplicationConfigurationNotFoundError", 404},
    {"SlowDown", "SlowDown", 503},
    {"XAmzContentSHA256Mismatch", "XAmzContentSHA256Mismatch", 400},
};

// What the engine calls a failure, and S3's code and message for it.
struct Translation {
  std::string_view kind;
  std::string_view code;
  std::string_view message;
};

constexpr Translation translations[] = {
    {"not_allowed", "AccessDenied", ""},
    {"no_such_bucket", "NoSuchBucket", "The specified bucket does not exist"},
    {"no_such_key", "NoSuchKey", "The specified key does not exist."},
    {"delete_marker", "NoSuchKey", "The specified key does not exist."},
    {"no_such_version", "NoSuchVersion", "The specified version does not exist."},
    {"bad_version", "InvalidArgument", "Invalid version id specified"},
    {"no_such_upload", "NoSuchUpload",
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
     "been aborted or completed."},
    {"bucket_not_empty", "BucketNotEmpty", "The bucket you tried to delete is not empty"},
    {"versions_left", "BucketNotEmpty",
     "The bucket you tried to delete is not empty. You must delete all versions in the bucket."},
    {"changed_meanwhile", "ConditionalRequestConflict",
     "The conditional request cannot succeed due to a conflicting operation against this "
     "resource."},
    {"exists", "PreconditionFailed",
     "At least one of the pre-conditions you specified did not hold"},
    {"other_etag", "PreconditionFailed",
     "At least one of the pre-conditions you specified did not hold"},
    {"object_locked", "AccessDenied", "Access Denied because object protected by object lock."},
    {"key_too_long", "KeyTooLongError", "Your key is too long"},
    {"part_number", "InvalidArgument",
     "Part number must be an integer between 1 and 10000, inclusive"},
    {"part_order", "InvalidPartOrder",
     "The list of parts was not in ascending order. Parts must be ordered by part number."},
    {"no_such_part", "InvalidPart",
     "One or more of the specified parts could not be found.  The part may not have been uploaded, "
     "or the specified entity tag may not match the part's entity tag."},
    {"part_too_small", "EntityTooSmall",
     "Your proposed upload is smaller than the minimum allowed size"},
    {"no_parts", "MalformedXML", malformed_xml},
    {"body_too_large", "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"},
};

std::string detail(const Error& error, std::string_view name) {
  const auto found = std::ranges::find(error.details, name, &Details::value_type::first);
  return found == error.details.end() ? std::string() : found->second;
}

Details part_details(const Error& error, const Subject& subject) {
  return {{"UploadId", std::string(subject.upload)},
          {"PartNumber", detail(error, "part")},
          {"ETag", detail(error, "etag")}};
}

Details details_of(const Error& error, const Subject& subject) {
  const std::string_view kind = error.kind;
  if (kind == "no_such_bucket" || kind == "bucket_not_empty" || kind == "versions_left")
    return {{"BucketName", std::string(subject.bucket)}};
  if (kind == "no_such_key" || kind == "delete_marker") return {{"Key", std::string(subject.key)}};
  if (kind == "no_such_version")
    return {{"Key", std::string(subject.key)}, {"VersionId", std::string(subject.version)}};
  if (kind == "bad_version")
    return {{"ArgumentName", "versionId"}, {"ArgumentValue", std::string(subject.version)}};
  if (kind == "no_such_upload") return {{"UploadId", std::string(subject.upload)}};
  if (kind == "exists") return {{"Condition", "If-None-Match"}};
  if (kind == "other_etag") return {{"Condition", "If-Match"}};
  if (kind == "changed_meanwhile")
    return {{"Condition", detail(error, "condition")}, {"Key", std::string(subject.key)}};
  if (kind == "part_order") return {{"UploadId", std::string(subject.upload)}};
  if (kind == "key_too_long")
    return {{"Size", std::to_string(subject.key.size())},
            {"MaxSizeAllowed", std::to_string(objects::key_bytes_max)}};
  if (kind == "no_such_part") return part_details(error, subject);
  if (kind == "part_too_small")
    return {{"ProposedSize", detail(error, "size")},
            {"MinSizeAllowed", std::to_string(objects::part_bytes_min)},
            {"PartNumber", detail(error, "part")},
            {"ETag", detail(error, "etag")}};
  return {};
}

}  // namespace

service::ErrorTable error_table() { return statuses; }

Error to_s3(Error error, const Subject& subject) {
  // Repeating it will not help: S3's own words for this code ask to, these say what is wrong.
  if (error.kind == "body_damaged" || error.kind == "body_missing")
    return {error.code, error.message, "InternalError", {{"Key", std::string(subject.key)}}};
  const auto found = std::ranges::find(translations, error.kind, &Translation::kind);
  if (found == std::end(translations)) return error;
  Details details = details_of(error, subject);
  Details headers;
  if (error.kind == "delete_marker")
    headers = {{"x-amz-delete-marker", "true"}, {"x-amz-version-id", detail(error, "version")}};
  std::string message(found->message);
  if (message.empty()) message = std::move(error.message);  // it has S3's words already
  return {error.code, std::move(message), std::string(found->code), std::move(details),
          std::move(headers)};
}

}  // namespace slipway::s3

// Who may do what with buckets and objects, by the policies that buckets have of their own too:
// docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
#include "service/permissions.h"

#include <algorithm>

#include "base/text.h"
#include "service/join_needs.h"
#include "service/s3/acl.h"
#include "service/s3/attributes.h"
#include "service/s3/conditions.h"
#include "service/s3/errors.h"
#include "service/s3/s3.h"
#include "service/s3/settings.h"

namespace slipway::s3 {
namespace {

using service::Context;
using service::Guarded;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;

constexpr std::string_view the_bucket = "arn:aws:s3:::{Bucket}";
constexpr std::string_view the_object = "arn:aws:s3:::{Bucket}/{Key}";

constexpr Need bucket_needs[] = {
    {"CreateBucket", "s3:CreateBucket", the_bucket},
    Need{"CreateBucket", "s3:PutBucketAcl", the_bucket}.where("list"),
    Need{"CreateBucket", "s3:PutBucketOwnershipControls", the_bucket}.where("ObjectOwnership"),
    Need{"CreateBucket", "s3:PutBucketObjectLockConfiguration", the_bucket}.where("locked bucket"),
    Need{"CreateBucket", "s3:PutBucketVersioning", the_bucket}.where("locked bucket"),
    Need{"CreateBucket", "s3:TagResource", the_bucket}.where("CreateBucketConfiguration.Tags"),
    {"DeleteBucket", "s3:DeleteBucket", the_bucket},
    {"HeadBucket", "s3:ListBucket", the_bucket},
    Need{"ListBuckets", "s3:ListAllMyBuckets"}.shown_as("-"),
    {"GetBucketLocation", "s3:GetBucketLocation", the_bucket},
    {"ListObjects", "s3:ListBucket", the_bucket},
    {"ListObjectsV2", "s3:ListBucket", the_bucket},
    {"ListObjectVersions", "s3:ListBucketVersions", the_bucket},
    {"ListMultipartUploads", "s3:ListBucketMultipartUploads", the_bucket},
};

// An operation on an object or, with a version id, on that version asks for another action.
constexpr Need object_needs[] = {
    {"PutObject", "s3:PutObject", the_object},
    Need{"PutObject", "s3:PutObjectTagging", the_object}.where("Tagging"),
    Need{"PutObject", "s3:PutObjectAcl", the_object}.where("list"),
    Need{"PutObject", "s3:PutObjectRetention", the_object}.where("ObjectLockMode"),
    Need{"PutObject", "s3:PutObjectLegalHold", the_object}.where("ObjectLockLegalHoldStatus"),
    Need{"GetObject", "s3:GetObject", the_object}.where("!VersionId"),
    Need{"GetObject", "s3:GetObjectVersion", the_object}.where("VersionId"),
    Need{"HeadObject", "s3:GetObject", the_object}.where("!VersionId"),
    Need{"HeadObject", "s3:GetObjectVersion", the_object}.where("VersionId"),
    Need{"GetObjectAttributes", "s3:GetObject", the_object}.where("!VersionId"),
    Need{"GetObjectAttributes", "s3:GetObjectAttributes", the_object}.where("!VersionId"),
    Need{"GetObjectAttributes", "s3:GetObjectVersion", the_object}.where("VersionId"),
    Need{"GetObjectAttributes", "s3:GetObjectVersionAttributes", the_object}.where("VersionId"),
    Need{"DeleteObject", "s3:DeleteObject", the_object}.where("!VersionId"),
    Need{"DeleteObject", "s3:DeleteObjectVersion", the_object}.where("VersionId"),
    // One question for each key, whose refusal is that key's entry in the answer.
    Need{"DeleteObjects", "s3:DeleteObject", the_object}.by(Need::Asked::by_handler),
    Need{"GetObjectAcl", "s3:GetObjectAcl", the_object}.where("!VersionId"),
    Need{"GetObjectAcl", "s3:GetObjectVersionAcl", the_object}.where("VersionId"),
    Need{"PutObjectAcl", "s3:PutObjectAcl", the_object}.where("!VersionId"),
    Need{"PutObjectAcl", "s3:PutObjectVersionAcl", the_object}.where("VersionId"),
    {"GetObjectRetention", "s3:GetObjectRetention", the_object},
    {"PutObjectRetention", "s3:PutObjectRetention", the_object},
    {"GetObjectLegalHold", "s3:GetObjectLegalHold", the_object},
    {"PutObjectLegalHold", "s3:PutObjectLegalHold", the_object},
    Need{"GetObjectTagging", "s3:GetObjectTagging", the_object}.where("!VersionId"),
    Need{"GetObjectTagging", "s3:GetObjectVersionTagging", the_object}.where("VersionId"),
    Need{"PutObjectTagging", "s3:PutObjectTagging", the_object}.where("!VersionId"),
    Need{"PutObjectTagging", "s3:PutObjectVersionTagging", the_object}.where("VersionId"),
    Need{"DeleteObjectTagging", "s3:DeleteObjectTagging", the_object}.where("!VersionId"),
    Need{"DeleteObjectTagging", "s3:DeleteObjectVersionTagging", the_object}.where("VersionId"),
    {"RestoreObject", "s3:RestoreObject", the_object},

    Need{"CopyObject", "s3:GetObject", "{source}"}.where("!source version"),
    Need{"CopyObject", "s3:GetObjectVersion", "{source}"}.where("source version"),
    Need{"CopyObject", "s3:GetObjectTagging", "{source}"}.where("copied tags"),
    {"CopyObject", "s3:PutObject", the_object},
    Need{"CopyObject", "s3:PutObjectTagging", the_object}.where("copied tags"),
    Need{"CopyObject", "s3:PutObjectTagging", the_object}.where("Tagging"),
    Need{"CopyObject", "s3:PutObjectAcl", the_object}.where("list"),
    Need{"CopyObject", "s3:PutObjectRetention", the_object}.where("ObjectLockMode"),
    Need{"CopyObject", "s3:PutObjectLegalHold", the_object}.where("ObjectLockLegalHoldStatus"),
    Need{"UploadPartCopy", "s3:GetObject", "{source}"}.where("!source version"),
    Need{"UploadPartCopy", "s3:GetObjectVersion", "{source}"}.where("source version"),
    {"UploadPartCopy", "s3:PutObject", the_object},
};

constexpr Need multipart_needs[] = {
    {"CreateMultipartUpload", "s3:PutObject", the_object},
    Need{"CreateMultipartUpload", "s3:PutObjectTagging", the_object}.where("Tagging"),
    Need{"CreateMultipartUpload", "s3:PutObjectAcl", the_object}.where("list"),
    Need{"CreateMultipartUpload", "s3:PutObjectRetention", the_object}.where("ObjectLockMode"),
    Need{"CreateMultipartUpload", "s3:PutObjectLegalHold", the_object}.where(
        "ObjectLockLegalHoldStatus"),
    {"UploadPart", "s3:PutObject", the_object},
    {"CompleteMultipartUpload", "s3:PutObject", the_object},
    {"AbortMultipartUpload", "s3:AbortMultipartUpload", the_object},
    {"ListParts", "s3:ListMultipartUploadParts", the_object},
};

constexpr Need setting_needs[] = {
    {"GetBucketVersioning", "s3:GetBucketVersioning", the_bucket},
    {"PutBucketVersioning", "s3:PutBucketVersioning", the_bucket},
    {"GetBucketTagging", "s3:GetBucketTagging", the_bucket},
    {"PutBucketTagging", "s3:PutBucketTagging", the_bucket},
    {"DeleteBucketTagging", "s3:PutBucketTagging", the_bucket},
    {"GetBucketEncryption", "s3:GetEncryptionConfiguration", the_bucket},
    {"PutBucketEncryption", "s3:PutEncryptionConfiguration", the_bucket},
    {"DeleteBucketEncryption", "s3:PutEncryptionConfiguration", the_bucket},
    {"GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", the_bucket},
    {"PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", the_bucket},
    {"DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", the_bucket},
    {"GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", the_bucket},
    {"PutBucketOwnershipControls", "s3:PutBucketOwnershipControls", the_bucket},
    {"DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls", the_bucket},
    {"GetBucketAcl", "s3:GetBucketAcl", the_bucket},
    {"PutBucketAcl", "s3:PutBucketAcl", the_bucket},
    {"GetBucketPolicy", "s3:GetBucketPolicy", the_bucket},
    {"PutBucketPolicy", "s3:PutBucketPolicy", the_bucket},
    {"DeleteBucketPolicy", "s3:DeleteBucketPolicy", the_bucket},
    {"GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", the_bucket},
    {"PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration", the_bucket},
    {"GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", the_bucket},
    {"GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", the_bucket},
    {"PutBucketAccelerateConfiguration", "s3:PutAccelerateConfiguration", the_bucket},
    {"GetBucketRequestPayment", "s3:GetBucketRequestPayment", the_bucket},
    {"PutBucketRequestPayment", "s3:PutBucketRequestPayment", the_bucket},
    {"GetBucketLogging", "s3:GetBucketLogging", the_bucket},
    {"PutBucketLogging", "s3:PutBucketLogging", the_bucket},
    {"GetBucketWebsite", "s3:GetBucketWebsite", the_bucket},
    {"PutBucketWebsite", "s3:PutBucketWebsite", the_bucket},
    {"DeleteBucketWebsite", "s3:DeleteBucketWebsite", the_bucket},
    {"GetBucketCors", "s3:GetBucketCORS", the_bucket},
    {"PutBucketCors", "s3:PutBucketCORS", the_bucket},
    {"DeleteBucketCors", "s3:PutBucketCORS", the_bucket},
    {"GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", the_bucket},
    {"PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration", the_bucket},
    {"DeleteBucketLifecycle", "s3:PutLifecycleConfiguration", the_bucket},
    {"GetBucketNotificationConfiguration", "s3:GetBucketNotification", the_bucket},
    {"PutBucketNotificationConfiguration", "s3:PutBucketNotification", the_bucket},
    {"GetBucketReplication", "s3:GetReplicationConfiguration", the_bucket},
    {"DeleteBucketReplication", "s3:PutReplicationConfiguration", the_bucket},
    {"GetBucketAnalyticsConfiguration", "s3:GetAnalyticsConfiguration", the_bucket},
    {"ListBucketAnalyticsConfigurations", "s3:GetAnalyticsConfiguration", the_bucket},
    {"DeleteBucketAnalyticsConfiguration", "s3:PutAnalyticsConfiguration", the_bucket},
    {"GetBucketIntelligentTieringConfiguration", "s3:GetIntelligentTieringConfiguration",
     the_bucket},
    {"ListBucketIntelligentTieringConfigurations", "s3:GetIntelligentTieringConfiguration",
     the_bucket},
    {"DeleteBucketIntelligentTieringConfiguration", "s3:PutIntelligentTieringConfiguration",
     the_bucket},
    {"GetBucketInventoryConfiguration", "s3:GetInventoryConfiguration", the_bucket},
    {"ListBucketInventoryConfigurations", "s3:GetInventoryConfiguration", the_bucket},
    {"DeleteBucketInventoryConfiguration", "s3:PutInventoryConfiguration", the_bucket},
    {"GetBucketMetricsConfiguration", "s3:GetMetricsConfiguration", the_bucket},
    {"ListBucketMetricsConfigurations", "s3:GetMetricsConfiguration", the_bucket},
    {"DeleteBucketMetricsConfiguration", "s3:PutMetricsConfiguration", the_bucket},
};

constexpr auto needs =
    service::join_needs(bucket_needs, object_needs, multipart_needs, setting_needs);

constexpr service::KeyOfMember keys[] = {
    {"s3:prefix", "Prefix"},
    {"s3:delimiter", "Delimiter"},
    {"s3:max-keys", "MaxKeys"},
    {"s3:VersionId", "VersionId"},
    {"s3:locationconstraint", "CreateBucketConfiguration.LocationConstraint"},
    {"s3:object-lock-mode", "ObjectLockMode"},
    {"s3:object-lock-mode", "Retention.Mode"},
    {"s3:object-lock-retain-until-date", "ObjectLockRetainUntilDate"},
    {"s3:object-lock-retain-until-date", "Retention.RetainUntilDate"},
    {"s3:object-lock-legal-hold", "ObjectLockLegalHoldStatus"},
    {"s3:object-lock-legal-hold", "LegalHold.Status"},
    {"s3:RequestObjectTag/", "Tagging.TagSet"},
    {"s3:RequestObjectTagKeys", "Tagging.TagSet", Arity::many},
    {"aws:RequestTag/", "CreateBucketConfiguration.Tags"},
    {"aws:TagKeys", "CreateBucketConfiguration.Tags", Arity::many},
};

// Header fields that are condition keys under their own name.
constexpr std::string_view header_keys[] = {
    "if-match",
    "if-none-match",
    "x-amz-acl",
    "x-amz-bucket-namespace",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
};

// Whoever may not list a bucket is not told what is not in it.
constexpr service::Veil veils[] = {
    {"GetObject", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"GetObject", "NoSuchVersion", "s3:ListBucket", the_bucket},
    {"HeadObject", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"HeadObject", "NoSuchVersion", "s3:ListBucket", the_bucket},
    {"GetObjectAttributes", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"GetObjectAttributes", "NoSuchVersion", "s3:ListBucket", the_bucket},
    {"GetObjectAcl", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"PutObjectAcl", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"GetObjectTagging", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"PutObjectTagging", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"DeleteObjectTagging", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"RestoreObject", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"GetObjectRetention", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"PutObjectRetention", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"GetObjectLegalHold", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"PutObjectLegalHold", "NoSuchKey", "s3:ListBucket", the_bucket},
    {"CopyObject", "NoSuchKey", "s3:ListBucket", "{source bucket}"},
    {"CopyObject", "NoSuchVersion", "s3:ListBucket", "{source bucket}"},
    {"UploadPartCopy", "NoSuchKey", "s3:ListBucket", "{source bucket}"},
};

constexpr std::string_view bucket_arns = "arn:aws:s3:::";

// "bucket" and "key" of "arn:aws:s3:::bucket/key"; a key may hold anything, ":::" too.
std::pair<std::string_view, std::string_view> parts_of(std::string_view arn) {
  if (arn.starts_with(bucket_arns)) arn.remove_prefix(bucket_arns.size());
  const std::string_view name = take_until(arn, '/');
  return {name, arn};
}

std::optional<objects::ObjectName> source_of(const Question& question) {
  const auto texts = question.texts("CopySource");
  if (texts.empty()) return std::nullopt;
  auto name = parse_copy_source(texts.front());
  return name ? std::optional(*std::move(name)) : std::nullopt;
}

// Whether the copy carries tags of its source.
bool copies_tags(const Question& question, const objects::ObjectName& source) {
  if (question.text("TaggingDirective") == "REPLACE") return false;
  const auto object = objects::find(question.call().tx(), source);
  return object && !object->tags.empty();
}

// Whether the request gives an access control list along.
bool gives_list(const Question& question) {
  constexpr std::string_view members[] = {"ACL",          "GrantFullControl", "GrantRead",
                                          "GrantReadACP", "GrantWrite",       "GrantWriteACP"};
  return std::ranges::any_of(members, [&](auto member) { return question.has(member); });
}

std::optional<std::vector<std::string>> word(const Question& question, std::string_view word) {
  using Texts = std::vector<std::string>;
  if (word == "list") return Texts{gives_list(question) ? "yes" : ""};
  if (word == "locked bucket")
    return Texts{question.text("ObjectLockEnabledForBucket") == "true" ? "yes" : ""};
  if (word != "source" && word != "source bucket" && word != "source version" &&
      word != "copied tags")
    return std::nullopt;
  const auto source = source_of(question);
  if (!source) return Texts{};
  if (word == "source")
    return Texts{fmt::format("arn:aws:s3:::{}/{}", source->bucket, source->key)};
  if (word == "source bucket") return Texts{fmt::format("arn:aws:s3:::{}", source->bucket)};
  if (word == "source version") return Texts{source->version.value_or("")};
  return Texts{copies_tags(question, *source) ? "yes" : ""};
}

// The owner's root always reaches the policy of its bucket: it could lock itself out otherwise.
bool is_way_back(const Question& question) {
  const std::string_view name = question.operation().name;
  return question.call().caller().principal.is_root() &&
         (name == "GetBucketPolicy" || name == "PutBucketPolicy" || name == "DeleteBucketPolicy");
}

// What S3 lets nobody do who does not sign, whatever policies and lists say, and its words for it.
constexpr std::pair<std::string_view, std::string_view> for_somebody[] = {
    {"CreateBucket", "Anonymous users cannot invoke this API. Please authenticate."},
    {"PutBucketAcl", "Anonymous users cannot invoke this API. Please authenticate."},
    {"PutObjectAcl", "Anonymous users cannot invoke this API. Please authenticate."},
    {"CreateMultipartUpload",
     "Anonymous users cannot initiate multipart uploads.  Please authenticate."},
    {"CopyObject", "Anonymous users cannot copy objects. Please authenticate."},
    {"GetBucketOwnershipControls",
     "s3:GetBucketOwnershipControls does not support Anonymous requests!"},
    {"PutBucketOwnershipControls",
     "s3:PutBucketOwnershipControls does not support Anonymous requests!"},
    {"DeleteBucketOwnershipControls",
     "s3:PutBucketOwnershipControls does not support Anonymous requests!"},
};

Result<> check_somebody(const Question& question) {
  if (!question.call().caller().principal.is_stranger()) return {};
  for (const auto& [operation, words] : for_somebody)
    if (operation == question.operation().name) return refuse("AccessDenied", std::string(words));
  return {};
}

// That a bucket does not exist is told to everyone, as on AWS.
Result<Guarded> side_of(const Question& question, std::string_view arn) {
  TRY_DO(check_somebody(question));
  if (question.operation().name == "CreateBucket") return Guarded{};
  if (!arn.starts_with(bucket_arns)) return Guarded{};  // a queue that a bucket is to tell
  store::Transaction& tx = question.call().tx();
  const std::string name(parts_of(arn).first);
  if (const auto source = question.texts("CopySource"); name.empty() && !source.empty())
    TRY_DO(parse_copy_source(source.front()));  // what is wrong with it is the answer
  auto found = objects::find_bucket(tx, name);
  if (!found) return std::unexpected(to_s3(std::move(found).error(), {.bucket = name}));
  Guarded out{.account = found->account};
  if (is_way_back(question)) return out;
  auto policy = objects::setting(tx, {name, std::string(setting::policy)});
  if (!policy) return out;
  if (question.call().caller().principal.is_stranger()) {
    TRY(const BlockedAccess blocked, blocked_access(tx, name));
    if (blocked.strangers) return out;
  }
  out.policy = *std::move(policy);
  out.principals =
      objects::setting(tx, {name, std::string(setting::policy_principals)}).value_or("");
  return out;
}

void add(Context& out, std::string_view key, std::string value) {
  out.push_back({std::string(key), {std::move(value)}});
}

// How and when it was signed. A URL of SigV2 does not say when.
void add_signature(const Question& question, Context& out) {
  const Call& call = question.call();
  const service::Signature& signature = call.caller().signature;
  if (signature.form == wire::AuthForm::none) return;
  const bool v2 =
      signature.form == wire::AuthForm::v2_header || signature.form == wire::AuthForm::v2_presigned;
  const bool form = question.operation().name == "PutObject" && is_form(call);
  add(out, "s3:authType",
      form                   ? "POST"
      : signature.in_query() ? "REST-QUERY-STRING"
                             : "REST-HEADER");
  add(out, "s3:signatureversion", v2 ? "AWS" : "AWS4-HMAC-SHA256");
  if (signature.time)
    add(out, "s3:signatureAge",
        fmt::to_string(
            std::chrono::duration_cast<std::chrono::milliseconds>(call.now() - *signature.time)
                .count()));
}

// Tags that a header gives to the object that is written.
void add_given_tags(const Question& question, Context& out) {
  const auto tags = parse_tagging(question.text("Tagging"));
  if (!tags || tags->empty()) return;
  identity::ContextEntry names{"s3:RequestObjectTagKeys", {}, Arity::many};
  for (const auto& [key, value] : *tags) {
    add(out, "s3:RequestObjectTag/" + key, value);
    names.values.push_back(key);
  }
  out.push_back(std::move(names));
}

// How long a lock is to last, in whole days from now.
void add_retention_days(const Question& question, Context& out) {
  std::string until = question.text("ObjectLockRetainUntilDate");
  if (until.empty()) until = question.text("Retention.RetainUntilDate");
  const auto time = parse_iso8601(until);
  if (!time) return;
  const auto days = std::chrono::ceil<std::chrono::days>(*time - question.call().now());
  add(out, "s3:object-lock-remaining-retention-days", fmt::to_string(days.count()));
}

// Tags of the object that is there: a key of those actions alone that read it.
void add_existing_tags(const Question& question, std::string_view arn, Context& out) {
  constexpr std::string_view operations[] = {"GetObject", "HeadObject", "GetObjectTagging",
                                             "PutObjectTagging", "DeleteObjectTagging"};
  if (std::ranges::find(operations, question.operation().name) == std::end(operations)) return;
  const auto [bucket_name, key] = parts_of(arn);
  objects::ObjectName name{std::string(bucket_name), std::string(key)};
  if (const std::string version = question.text("VersionId"); !version.empty())
    name.version = version;
  const auto object = objects::find(question.call().tx(), name);
  if (!object) return;
  for (const auto& [tag, value] : object->tags) add(out, "s3:ExistingObjectTag/" + tag, value);
}

// What an upload was begun with goes for each of its parts and for its end: their requests cannot
// say it, and a policy that refuses what is not encrypted would let no upload come to its end.
void add_encryption_of_upload(const Question& question, Context& out) {
  constexpr std::string_view operations[] = {"UploadPart", "UploadPartCopy",
                                             "CompleteMultipartUpload"};
  if (std::ranges::find(operations, question.operation().name) == std::end(operations)) return;
  const auto upload = objects::find_multipart(
      question.call().tx(),
      {question.text("Bucket"), question.text("Key"), question.text("UploadId")});
  if (!upload) return;
  const objects::Pairs& properties = upload->attributes.properties;
  if (const auto kind = find_property(properties, property::sse))
    add(out, "s3:x-amz-server-side-encryption", std::string(*kind));
}

// A copy reads a version of its source as GetObject does.
void add_source_version(const Question& question, std::string_view arn, Context& out) {
  const auto source = source_of(question);
  if (!source || !source->version) return;
  if (parts_of(arn) == std::pair<std::string_view, std::string_view>(source->bucket, source->key))
    add(out, "s3:VersionId", *source->version);
}

// A header as the operation reads it: several of one name as one, the words of an enum in their own
// spelling. A policy that saw another text than what is done would be no policy.
std::optional<std::string> header_as_read(const Question& question, std::string_view name) {
  if (const wire::Shape* const input = question.operation().input)
    for (const wire::Member& member : input->members) {
      if (member.location != wire::Location::header || !equal_ignoring_case(member.wire_name, name))
        continue;
      auto texts = question.texts(member.name);
      return texts.empty() ? std::nullopt : std::optional(std::move(texts.front()));
    }
  const auto value = service::header_of(question.call(), name);
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

void add_keys(const Question& question, std::string_view arn, Context& out) {
  add_signature(question, out);
  // What each of several deletions depends on stands in its entry.
  const bool is_batch = question.operation().name == "DeleteObjects";
  for (const std::string_view name : header_keys) {
    if (is_batch && name == "if-match") continue;
    if (auto value = header_as_read(question, name))
      add(out, fmt::format("s3:{}", name), *std::move(value));
  }
  add_encryption_of_upload(question, out);
  add_given_tags(question, out);
  add_retention_days(question, out);
  add_existing_tags(question, arn, out);
  add_source_version(question, arn, out);
}

// What a permission of a list lets do, at a bucket and at an object:
// docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
struct ListRight {
  std::string_view action;
  std::string_view permission;
};
constexpr ListRight bucket_rights[] = {
    {"s3:ListBucket", "READ"},        {"s3:ListBucketVersions", "READ"},
    {"s3:PutObject", "WRITE"},        {"s3:ListBucketMultipartUploads", "READ"},
    {"s3:DeleteObject", "WRITE"},     {"s3:GetBucketAcl", "READ_ACP"},
    {"s3:PutBucketAcl", "WRITE_ACP"},
};
constexpr ListRight object_rights[] = {
    {"s3:GetObject", "READ"},         {"s3:GetObjectVersion", "READ"},
    {"s3:GetObjectAcl", "READ_ACP"},  {"s3:GetObjectVersionAcl", "READ_ACP"},
    {"s3:PutObjectAcl", "WRITE_ACP"}, {"s3:PutObjectVersionAcl", "WRITE_ACP"},
};

std::string_view permission_for(std::span<const ListRight> rights, std::string_view action) {
  const auto found = std::ranges::find(rights, action, &ListRight::action);
  return found == rights.end() ? std::string_view() : found->permission;
}

// The version of the object that is asked about.
objects::ObjectName version_asked(const Question& question, std::string_view arn) {
  const auto [bucket, key] = parts_of(arn);
  const auto source = source_of(question);
  if (source && source->bucket == bucket && source->key == key) return *source;
  objects::ObjectName name{std::string(bucket), std::string(key)};
  if (const std::string version = question.text("VersionId"); !version.empty())
    name.version = version;
  return name;
}

// Whether the list of the bucket or of the object lets the caller do it.
Result<bool> listed(const Question& question, std::string_view action, std::string_view arn) {
  const std::string_view at_bucket = permission_for(bucket_rights, action);
  const std::string_view at_object = permission_for(object_rights, action);
  const std::string_view permission = at_bucket.empty() ? at_object : at_bucket;
  const bool stranger = question.call().caller().principal.is_stranger();
  if (permission.empty() || (stranger && permission == "WRITE_ACP")) return false;
  store::Transaction& tx = question.call().tx();
  const std::string name(parts_of(arn).first);
  const auto bucket = objects::find_bucket(tx, name);
  if (!bucket || enforces_owner(tx, name)) return false;
  TRY(const BlockedAccess blocked, blocked_access(tx, name));
  if (blocked.lists) return false;
  const Asker asker = stranger ? Asker::stranger : Asker::authenticated;
  if (!at_bucket.empty()) return lets(list_of_bucket(tx, *bucket), permission, asker);
  const auto object = objects::find(tx, version_asked(question, arn));
  return object && lets(list_of_object(*bucket, *object), permission, asker);
}

}  // namespace

Result<Guarded> guarded(store::Transaction& tx, std::string_view arn) {
  const std::string name(parts_of(arn).first);
  const auto found = objects::find_bucket(tx, name);
  if (!found) return Guarded{};
  Guarded out{.account = found->account};
  if (auto policy = objects::setting(tx, {name, std::string(setting::policy)}))
    out.policy = *std::move(policy);
  return out;
}

service::Permissions permissions() {
  return {.schema = api::schema(),
          .needs = needs,
          .keys = keys,
          .veils = veils,
          .style = {.quotes_resource = true},
          .word = word,
          .guard_of = [](std::string_view arn) { return arn.substr(0, arn.find('/')); },
          .find = side_of,
          .listed = listed,
          .add_keys = add_keys};
}

}  // namespace slipway::s3

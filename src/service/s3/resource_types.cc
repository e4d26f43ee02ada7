#include "service/s3/resource_types.h"

#include "gen/s3.h"
#include "service/s3/resource_forms.h"

namespace slipway::s3 {
namespace {

namespace api = aws::s3;
namespace forms = service::forms;
using service::Property;
using service::PropertyPlace;
using service::ResourceType;
using Use = service::Property::Use;

constexpr service::Absence no_bucket{"NoSuchBucket"};

// --- AWS::S3::Bucket: each of its documents has operations of its own ---

const Property bucket_properties[] = {
    {"BucketName", Use::create_only},
    {"ObjectLockEnabled", Use::create_only, lock_form},
    {"AccelerateConfiguration", Use::settable, acceleration_form,
     R"({"AccelerationStatus":"Suspended"})"},
    {"AccessControl", Use::write_only, forms::dashed, R"("Private")"},
    {"BucketEncryption", Use::settable, encryption_form},
    {"CorsConfiguration", Use::settable, cors_form},
    {"LifecycleConfiguration", Use::settable, lifecycle_form},
    {"LoggingConfiguration", Use::settable, logging_form},
    {"NotificationConfiguration", Use::settable, notification_form, "{}"},
    {"ObjectLockConfiguration", Use::settable, forms::same, R"({"ObjectLockEnabled":"Enabled"})"},
    {"OwnershipControls"},
    {"PublicAccessBlockConfiguration"},
    {"Tags"},
    {"VersioningConfiguration", Use::settable, forms::same, R"({"Status":"Suspended"})"},
    {"WebsiteConfiguration", Use::settable, website_form},
    {.name = "Arn", .use = Use::attribute, .computed = "arn:aws:s3:::{name}"},
    {.name = "DomainName", .use = Use::attribute, .computed = "{name}.s3.amazonaws.com"},
    {.name = "DualStackDomainName",
     .use = Use::attribute,
     .computed = "{name}.s3.dualstack.{region}.amazonaws.com"},
    {.name = "RegionalDomainName",
     .use = Use::attribute,
     .computed = "{name}.s3.{region}.amazonaws.com"},
    {.name = "WebsiteURL",
     .use = Use::attribute,
     .computed = "http://{name}.s3-website-{region}.amazonaws.com"},
};
constexpr PropertyPlace given[] = {
    {"BucketName", "Bucket"},
    {"ObjectLockEnabled", "ObjectLockEnabledForBucket"},
    {"region", "CreateBucketConfiguration.LocationConstraint", &location_form}};

constexpr PropertyPlace acceleration[] = {{"AccelerateConfiguration"}};
constexpr PropertyPlace acceleration_shown[] = {{"AccelerateConfiguration", "."}};
constexpr PropertyPlace list[] = {{"AccessControl", "ACL"}};
constexpr PropertyPlace encryption[] = {{"BucketEncryption", "ServerSideEncryptionConfiguration"}};
constexpr PropertyPlace cors[] = {{"CorsConfiguration", "CORSConfiguration"}};
constexpr PropertyPlace cors_shown[] = {{"CorsConfiguration", "."}};
constexpr PropertyPlace lifecycle[] = {{"LifecycleConfiguration"}};
constexpr PropertyPlace lifecycle_shown[] = {{"LifecycleConfiguration", "."}};
constexpr PropertyPlace logging[] = {
    {"LoggingConfiguration", "BucketLoggingStatus.LoggingEnabled"}};
constexpr PropertyPlace logging_shown[] = {{"LoggingConfiguration", "LoggingEnabled"}};
constexpr PropertyPlace notification[] = {{"NotificationConfiguration"}};
constexpr PropertyPlace notification_shown[] = {{"NotificationConfiguration", "."}};
constexpr PropertyPlace lock[] = {{"ObjectLockConfiguration"}};
constexpr PropertyPlace lock_shown[] = {
    {"ObjectLockConfiguration"},
    {"ObjectLockEnabled", "ObjectLockConfiguration.ObjectLockEnabled"}};
constexpr PropertyPlace ownership[] = {{"OwnershipControls"}};
constexpr PropertyPlace access_block[] = {{"PublicAccessBlockConfiguration"}};
constexpr PropertyPlace tags[] = {{"Tags", "Tagging.TagSet"}};
constexpr PropertyPlace tags_shown[] = {{"Tags", "TagSet"}};
constexpr PropertyPlace versioning[] = {{"VersioningConfiguration"}};
constexpr PropertyPlace versioning_shown[] = {{"VersioningConfiguration", "."}};
constexpr PropertyPlace website[] = {{"WebsiteConfiguration"}};
constexpr PropertyPlace website_shown[] = {{"WebsiteConfiguration", "."}};

constexpr service::Step on(std::string_view operation, std::span<const PropertyPlace> places = {}) {
  return {.operation = operation, .id = "Bucket", .places = places};
}

constexpr service::Reading readings[] = {
    {.step = on("GetBucketLocation")},
    {.step = on("GetBucketAccelerateConfiguration", acceleration_shown)},
    {.step = on("GetBucketEncryption", encryption),
     .absent = {"ServerSideEncryptionConfigurationNotFoundError"}},
    {.step = on("GetBucketCors", cors_shown), .absent = {"NoSuchCORSConfiguration"}},
    {.step = on("GetBucketLifecycleConfiguration", lifecycle_shown),
     .absent = {"NoSuchLifecycleConfiguration"}},
    {.step = on("GetBucketLogging", logging_shown)},
    {.step = on("GetBucketNotificationConfiguration", notification_shown)},
    {.step = on("GetObjectLockConfiguration", lock_shown),
     .absent = {"ObjectLockConfigurationNotFoundError"}},
    {.step = on("GetBucketOwnershipControls", ownership),
     .absent = {"OwnershipControlsNotFoundError"}},
    {.step = on("GetPublicAccessBlock", access_block),
     .absent = {"NoSuchPublicAccessBlockConfiguration"}},
    {.step = on("GetBucketTagging", tags_shown), .absent = {"NoSuchTagSet"}},
    {.step = on("GetBucketVersioning", versioning_shown)},
    {.step = on("GetBucketWebsite", website_shown), .absent = {"NoSuchWebsiteConfiguration"}},
};
// Who owns what comes before lists, versions before what needs them.
constexpr service::Update updates[] = {
    {.write = on("PutBucketVersioning", versioning)},
    {.write = on("PutBucketOwnershipControls", ownership),
     .clear = on("DeleteBucketOwnershipControls")},
    {.write = on("PutPublicAccessBlock", access_block), .clear = on("DeletePublicAccessBlock")},
    {.write = on("PutBucketAcl", list)},
    {.write = on("PutBucketEncryption", encryption), .clear = on("DeleteBucketEncryption")},
    {.write = on("PutObjectLockConfiguration", lock)},
    {.write = on("PutBucketCors", cors), .clear = on("DeleteBucketCors")},
    {.write = on("PutBucketLifecycleConfiguration", lifecycle),
     .clear = on("DeleteBucketLifecycle")},
    {.write = on("PutBucketLogging", logging),
     .clear = {.operation = "PutBucketLogging",
               .id = "Bucket",
               .fixed = R"({"BucketLoggingStatus":{}})"}},
    {.write = on("PutBucketNotificationConfiguration", notification)},
    {.write = on("PutBucketTagging", tags), .clear = on("DeleteBucketTagging")},
    {.write = on("PutBucketAccelerateConfiguration", acceleration)},
    {.write = on("PutBucketWebsite", website), .clear = on("DeleteBucketWebsite")},
};

// --- AWS::S3::BucketPolicy ---

constexpr Property policy_properties[] = {
    {"Bucket", Use::create_only},
    {"PolicyDocument", Use::settable, forms::document},
};
constexpr PropertyPlace policy_given[] = {{"Bucket"}, {"PolicyDocument", "Policy"}};
constexpr PropertyPlace policy[] = {{"PolicyDocument", "Policy"}};
constexpr service::Reading policy_readings[] = {
    {.step = on("GetBucketPolicy", policy), .absent = {"NoSuchBucketPolicy"}}};
constexpr service::Update policy_updates[] = {{.write = on("PutBucketPolicy", policy)}};

const ResourceType types[] = {
    {.name = "AWS::S3::Bucket",
     .schema = api::schema(),
     .properties = bucket_properties,
     .identifier = "BucketName",
     .named = "BucketName",
     .create = {.operation = "CreateBucket", .places = given},
     .probe = {.step = on("GetBucketLocation"), .id = "{name}"},
     .readings = readings,
     .gone = no_bucket,
     .updates = updates,
     .remove = on("DeleteBucket"),
     .list = {.operation = "ListBuckets"},
     .listed = "Buckets.Name",
     .paging = {"ContinuationToken", "ContinuationToken"},
     .refused = "AbacStatus AnalyticsConfigurations BucketNamePrefix BucketNamespace "
                "IntelligentTieringConfigurations InventoryConfigurations MetadataConfiguration "
                "MetadataTableConfiguration MetricsConfigurations ReplicationConfiguration"},
    {.name = "AWS::S3::BucketPolicy",
     .schema = api::schema(),
     .properties = policy_properties,
     .identifier = "Bucket",
     .create = {.operation = "PutBucketPolicy", .places = policy_given},
     .probe = {.step = on("GetBucketPolicy"), .id = "{name}", .absent = {"NoSuchBucketPolicy"}},
     .readings = policy_readings,
     .gone = no_bucket,
     .updates = policy_updates,
     .remove = on("DeleteBucketPolicy")},
};

}  // namespace

std::span<const ResourceType> resource_types() { return types; }

}  // namespace slipway::s3

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "service/s3/acl.h"
#include "service/s3/attributes.h"
#include "service/s3/bucket_tags.h"
#include "service/s3/errors.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

constexpr std::size_t name_length_min = 3;
constexpr std::size_t name_length_max = 63;
constexpr std::int32_t buckets_per_page_max = 10'000;
// The region that is not named in a location constraint, and where making a bucket twice is fine.
constexpr std::string_view classic_region = "us-east-1";

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool looks_like_ip(std::string_view name) {
  int groups = 0;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    const std::string_view group = name.substr(0, dot);
    if (group.empty() || group.size() > 3 ||
        !std::ranges::all_of(group, [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    ++groups;
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return groups == 4;
}

}  // namespace

bool is_bucket_name(std::string_view name) {
  if (name.size() < name_length_min || name.size() > name_length_max) return false;
  if (!lower_or_digit(name.front()) || !lower_or_digit(name.back())) return false;
  const auto allowed = [](char c) { return lower_or_digit(c) || c == '.' || c == '-'; };
  if (!std::ranges::all_of(name, allowed) || name.contains("..") || looks_like_ip(name))
    return false;
  for (const std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"})
    if (name.starts_with(prefix)) return false;
  for (const std::string_view suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"})
    if (name.ends_with(suffix)) return false;
  return true;
}

namespace {

std::unexpected<Error> with_bucket(std::string_view code, std::string message,
                                   std::string_view bucket) {
  return std::unexpected(Error{ErrorCode::conflict,
                               std::move(message),
                               std::string(code),
                               {{"BucketName", std::string(bucket)}}});
}

std::string arn_of(std::string_view bucket) { return fmt::format("arn:aws:s3:::{}", bucket); }

// https://docs.aws.amazon.com/general/latest/gr/s3.html
constexpr std::string_view regions[] = {
    "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1",   "ca-west-1",      "cn-north-1",     "cn-northwest-1", "eu-central-1",
    "eu-central-2",   "eu-north-1",     "eu-south-1",     "eu-south-2",     "eu-west-1",
    "eu-west-2",      "eu-west-3",      "il-central-1",   "me-central-1",   "me-south-1",
    "mx-central-1",   "sa-east-1",      "us-east-1",      "us-east-2",      "us-gov-east-1",
    "us-gov-west-1",  "us-west-1",      "us-west-2",
};

bool is_region(std::string_view name) {
  return std::ranges::find(regions, name) != std::end(regions);
}

// Names the right one: s3cmd signs its first request for "US", and then for what it is told here.
std::unexpected<Error> wrong_region(std::string_view region) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            fmt::format("The authorization header is malformed; the region '{}' is wrong; "
                        "expecting '{}'",
                        region, classic_region),
            "AuthorizationHeaderMalformed",
            {{"Region", std::string(classic_region)}}});
}

// Where the bucket is to be. In the classic region any may be named; elsewhere the constraint and
// the region that the request was signed for are the same.
Result<std::string> region_of(const Call& call, api::CreateBucketRequest in) {
  const auto constraint = in.CreateBucketConfiguration().LocationConstraint();
  if (constraint == "") return refuse("MalformedXML", std::string(malformed_xml));
  if (call.region() == classic_region) {
    if (constraint == "EU") return std::string(*constraint);
    if (constraint && (*constraint == classic_region || !is_region(*constraint)))
      return std::unexpected(Error{ErrorCode::invalid_argument,
                                   "The specified location-constraint is not valid",
                                   "InvalidLocationConstraint",
                                   {{"LocationConstraint", std::string(*constraint)}}});
    return std::string(constraint.value_or(classic_region));
  }
  if (!constraint && !is_region(call.region())) return wrong_region(call.region());
  if (!constraint)
    return refuse("IllegalLocationConstraintException",
                  "The unspecified location constraint is incompatible for the region specific "
                  "endpoint this request was sent to.");
  if (*constraint != call.region())
    return refuse("IllegalLocationConstraintException",
                  fmt::format("The {} location constraint is incompatible for the region specific "
                              "endpoint this request was sent to.",
                              *constraint));
  return std::string(*constraint);
}

constexpr std::string_view own_namespace = "account-regional";

// What ends the names that an account may make in a region, and nobody else:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
std::string namespace_suffix(std::string_view account, std::string_view region) {
  return fmt::format("-{}-{}-an", account, region);
}

bool is_account(std::string_view text) {
  constexpr std::size_t digits = 12;
  return text.size() == digits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Whether the name is one of such a namespace, whoever's.
bool is_of_namespace(std::string_view name) {
  return std::ranges::any_of(regions, [&](std::string_view region) {
    const std::string tail = fmt::format("-{}-an", region);
    if (!name.ends_with(tail)) return false;
    const std::string_view rest = name.substr(0, name.size() - tail.size());
    const std::size_t dash = rest.rfind('-');
    return dash != std::string_view::npos && is_account(rest.substr(dash + 1));
  });
}

// A bucket of a namespace says so, and is in its own.
Result<> check_namespace(const Call& call, api::CreateBucketRequest in, std::string_view region) {
  const bool wanted = in.BucketNamespace() == own_namespace;
  const std::string suffix = namespace_suffix(call.account(), region);
  if (wanted ? in.Bucket().ends_with(suffix) : !is_of_namespace(in.Bucket())) return {};
  if (!wanted)
    return with_bucket("InvalidBucketName", "The specified bucket is not valid.", in.Bucket());
  return refuse("InvalidNamespaceHeader",
                fmt::format("The requested bucket name did not include the account-regional "
                            "namespace suffix, but the provided x-amz-bucket-namespace header "
                            "value is account-regional. Specify {} as the bucket name suffix to "
                            "create a bucket in your account-regional namespace, or remove the "
                            "header.",
                            suffix));
}

std::unexpected<Error> taken(const Call& call, const Error& error, std::string_view bucket) {
  if (error.details.at(0).second == call.account())
    return with_bucket("BucketAlreadyOwnedByYou",
                       "Your previous request to create the named bucket succeeded and you already "
                       "own it.",
                       bucket);
  return with_bucket(
      "BucketAlreadyExists",
      "The requested bucket name is not available. The bucket namespace is shared by "
      "all users of the system. Please select a different name and try again.",
      bucket);
}

// Making a bucket of the classic region twice is fine on AWS, where nothing more is asked for: that
// it is there, or locks objects now, or has the tags, would not be true of another.
bool is_there_already(Call& call, api::CreateBucketRequest in) {
  const auto found = objects::find_bucket(call.tx(), in.Bucket());
  const bool lock_missing =
      in.ObjectLockEnabledForBucket().value_or(false) && !locks_objects(call.tx(), in.Bucket());
  return found && found->account == call.account() && found->region == classic_region &&
         in.CreateBucketConfiguration().Tags().empty() && !lock_missing;
}

tags::TagList first_tags(api::CreateBucketConfiguration configuration) {
  tags::TagList tags;
  for (const auto tag : configuration.Tags()) tags.emplace_back(tag.Key(), tag.Value());
  return tags;
}

// What AWS gives every new bucket: nothing of it is public, its owner owns what is in it.
Result<> put_first_settings(Call& call, api::CreateBucketRequest in) {
  const auto put = [&](std::string_view name, const auto& document) {
    return objects::put_setting(call.tx(), {std::string(in.Bucket()), std::string(name)},
                                wire::to_json(document));
  };
  auto access = call.output<api::GetPublicAccessBlockOutput>();
  auto blocked = call.output<api::PublicAccessBlockConfiguration>();
  blocked.BlockPublicAcls(true)
      .IgnorePublicAcls(true)
      .BlockPublicPolicy(true)
      .RestrictPublicBuckets(true);
  access.PublicAccessBlockConfiguration(blocked);
  TRY_DO(put(setting::public_access, access));
  auto controls = call.output<api::OwnershipControls>();
  controls.add_Rules().ObjectOwnership(in.ObjectOwnership().value_or(owner_enforced));
  auto ownership = call.output<api::GetBucketOwnershipControlsOutput>();
  ownership.OwnershipControls(controls);
  return put(setting::ownership, ownership);
}

}  // namespace

Result<api::CreateBucketOutput> create_bucket(Call& call, api::CreateBucketRequest in) {
  const std::string_view name = in.Bucket();
  if (!is_bucket_name(name))
    return with_bucket("InvalidBucketName", "The specified bucket is not valid.", name);
  const tags::TagList tags = first_tags(in.CreateBucketConfiguration());
  TRY_DO(check_tags(tags, Tagged::bucket));
  TRY(const AccessList list,
      first_list(call, in.ObjectOwnership().value_or(owner_enforced), wanted_acl(in)));
  TRY(const std::string region, region_of(call, in));
  TRY_DO(check_namespace(call, in, region));
  auto out = call.output<api::CreateBucketOutput>();
  // A region that was named makes it an address.
  const bool named = in.CreateBucketConfiguration().LocationConstraint().has_value();
  out.Location(named ? fmt::format("http://{}/{}", call.host(), name) : fmt::format("/{}", name))
      .BucketArn(arn_of(name));
  const auto made =
      objects::create_bucket(call.tx(), {std::string(name), call.account(), region, call.now()});
  if (made) {
    TRY_DO(put_first_settings(call, in));
    TRY_DO(tags::put(call.tx(), objects::tagged(*made), tags, bucket_tag_rules));
    TRY_DO(put_bucket_list(call.tx(), *made, list));
    if (in.ObjectLockEnabledForBucket().value_or(false)) TRY_DO(lock_bucket(call, name));
    return out;
  }
  if (made.error().code != ErrorCode::already_exists) return std::unexpected(made.error());
  if (region == classic_region && is_there_already(call, in)) return out;
  return taken(call, made.error(), name);
}

Result<> delete_bucket(const S3Door& door, Call& call, api::DeleteBucketRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  return door.objects.remove_bucket(call.tx(), in.Bucket());
}

Result<api::HeadBucketOutput> head_bucket(Call& call, api::HeadBucketRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  call.add_header("Content-Type", "application/xml");
  return call.output<api::HeadBucketOutput>()
      .BucketArn(arn_of(bucket.name))
      .BucketRegion(region_shown(bucket))
      .AccessPointAlias(false);
}

namespace {

Result<std::int32_t> buckets_per_page(std::optional<std::int32_t> wanted) {
  if (wanted && (*wanted < 1 || *wanted > buckets_per_page_max))
    return invalid_argument("Argument max-buckets must be an integer between 1 and 10000",
                            {"max-buckets", std::to_string(*wanted)});
  return wanted.value_or(buckets_per_page_max);
}

}  // namespace

Result<api::ListBucketsOutput> list_buckets(Call& call, api::ListBucketsRequest in) {
  TRY(const std::int32_t limit, buckets_per_page(in.MaxBuckets()));
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::string after, page_start(tokens, service::unless_empty(in.ContinuationToken())));
  if (in.BucketRegion() && !is_region(*in.BucketRegion()))
    return std::unexpected(
        Error{ErrorCode::invalid_argument,
              fmt::format("Argument value {} is not a valid AWS Region", *in.BucketRegion()),
              "InvalidArgument",
              {{"ArgumentName", "bucket-region"}}});
  auto out = call.output<api::ListBucketsOutput>();
  out.Buckets(wire::empty).Prefix(in.Prefix());
  auto owner = call.output<api::Owner>();
  fill_owner(owner, call.account());
  out.Owner(owner);
  const objects::BucketQuery query{.account = call.account(),
                                   .prefix = std::string(in.Prefix().value_or("")),
                                   .after = after,
                                   .entries_max = static_cast<std::uint32_t>(limit) + 1};
  std::string last;
  std::int32_t count = 0;
  for (const objects::Bucket& bucket : objects::list_buckets(call.tx(), query)) {
    if (in.BucketRegion() && *in.BucketRegion() != region_shown(bucket)) continue;
    if (count++ == limit) {
      out.ContinuationToken(tokens.token_behind(last));
      break;
    }
    last = bucket.name;
    out.add_Buckets()
        .Name(bucket.name)
        .CreationDate(shown_time(bucket.created))
        .BucketRegion(region_shown(bucket))
        .BucketArn(arn_of(bucket.name));
  }
  return out;
}

Result<api::GetBucketLocationOutput> get_bucket_location(Call& call,
                                                         api::GetBucketLocationRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  auto out = call.output<api::GetBucketLocationOutput>();
  if (bucket.region != classic_region) out.LocationConstraint(bucket.region);
  return out;
}

Result<api::GetBucketVersioningOutput> get_bucket_versioning(Call& call,
                                                             api::GetBucketVersioningRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  auto out = call.output<api::GetBucketVersioningOutput>();
  if (bucket.versioning == objects::Versioning::enabled) out.Status("Enabled");
  if (bucket.versioning == objects::Versioning::suspended) out.Status("Suspended");
  return out;
}

Result<> put_bucket_versioning(Call& call, api::PutBucketVersioningRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  const auto status = in.VersioningConfiguration().Status();
  if (in.VersioningConfiguration().MFADelete() == "Enabled")
    return refuse("NotImplemented", "Slipway has no MFA delete.");
  if (status == "Enabled")
    return objects::set_versioning(call.tx(), in.Bucket(), objects::Versioning::enabled);
  if (status == "Suspended" && locks_objects(call.tx(), in.Bucket()))
    return std::unexpected(Error{ErrorCode::conflict,
                                 "An Object Lock configuration is present on this bucket, so the "
                                 "versioning state cannot be changed.",
                                 "InvalidBucketState"});
  if (status == "Suspended")
    return objects::set_versioning(call.tx(), in.Bucket(), objects::Versioning::suspended);
  return refuse("IllegalVersioningConfigurationException",
                "The Versioning element must be specified");
}

}  // namespace slipway::s3

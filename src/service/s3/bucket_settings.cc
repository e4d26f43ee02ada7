// Settings of a bucket: documents that are stored as they were given.
#include <algorithm>
#include <charconv>
#include <limits>

#include "service/policy_principals.h"
#include "service/resource_policy.h"
#include "service/s3/acl.h"
#include "service/s3/attributes.h"
#include "service/s3/bucket_tags.h"
#include "service/s3/cors.h"
#include "service/s3/errors.h"
#include "service/s3/operations.h"
#include "service/s3/policy_document.h"
#include "service/s3/s3.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

constexpr std::size_t policy_bytes_max = 20 * 1024;
constexpr std::size_t cors_rules_max = 100;
constexpr std::size_t cors_bytes_max = 64 * 1024;
constexpr std::size_t routing_rules_max = 50;
constexpr std::size_t website_bytes_max = 128 * 1024;

// A setting, and what S3 says where a bucket has none.
struct Setting {
  std::string_view name;
  std::string_view absent_code = {};
  std::string_view absent_message = {};
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();  // of the document
};

constexpr Setting encryption{setting::encryption};
constexpr Setting public_access{setting::public_access, "NoSuchPublicAccessBlockConfiguration",
                                "The public access block configuration was not found"};
constexpr Setting ownership{setting::ownership, "OwnershipControlsNotFoundError",
                            "The bucket ownership controls were not found"};
constexpr Setting policy{setting::policy, "NoSuchBucketPolicy", "The bucket policy does not exist"};
constexpr Setting policy_principals{setting::policy_principals};
constexpr Setting cors{setting::cors, "NoSuchCORSConfiguration",
                       "The CORS configuration does not exist", cors_bytes_max};

template <typename In>
objects::SettingName name_of_setting(const In& in, const Setting& setting) {
  return {std::string(in.Bucket()), std::string(setting.name)};
}

std::unexpected<Error> absent(const Setting& setting, std::string_view bucket) {
  return std::unexpected(Error{ErrorCode::not_found,
                               std::string(setting.absent_message),
                               std::string(setting.absent_code),
                               {{"BucketName", std::string(bucket)}}});
}

// The stored text; nullopt where there is none.
template <typename In>
Result<std::optional<std::string>> read_text(Call& call, const In& in, const Setting& setting) {
  TRY_DO(bucket_of(call, call.tx(), in));
  auto text = objects::setting(call.tx(), name_of_setting(in, setting));
  if (text) return std::optional(*std::move(text));
  if (text.error().kind != "no_such_setting") return std::unexpected(std::move(text).error());
  if (setting.absent_code.empty()) return std::optional<std::string>();
  return absent(setting, in.Bucket());
}

template <typename Out, typename In>
Result<Out> read_document(Call& call, const In& in, const Setting& setting) {
  TRY(const auto text, read_text(call, in, setting));
  if (!text) return call.output<Out>();
  return wire::from_json<Out>(*text, call.arena());
}

// Measured as it is stored, in which it is no longer than the XML that it came as.
template <typename In, typename Document>
Result<> write_document(Call& call, const In& in, const Setting& setting,
                        const Document& document) {
  TRY_DO(bucket_of(call, call.tx(), in));
  const std::string text = wire::to_json(document);
  if (text.size() > setting.bytes_max)
    return refuse("MaxMessageLengthExceeded", "Your request was too big.");
  return objects::put_setting(call.tx(), name_of_setting(in, setting), text);
}

template <typename In>
Result<> remove_document(Call& call, const In& in, const Setting& setting) {
  TRY_DO(bucket_of(call, call.tx(), in));
  return objects::remove_setting(call.tx(), name_of_setting(in, setting));
}

// A bucket's tags were a document among its settings.
constexpr store::Migration steps[] = {{"service/s3", 1, R"sql(
  INSERT OR REPLACE INTO tag(account, region, resource, key, value, place)
    SELECT b.account, b.region, 'bucket/' || b.name, json_extract(each.value, '$.Key'),
      coalesce(json_extract(each.value, '$.Value'), ''), each.key + 1
    FROM objects_setting s JOIN objects_bucket b ON b.id = s.bucket,
      json_each(s.document, '$.TagSet') AS each
    WHERE s.name = 'tagging';
  DELETE FROM objects_setting WHERE name = 'tagging';
)sql"}};

std::unexpected<Error> malformed() { return refuse("MalformedXML", std::string(malformed_xml)); }

}  // namespace

std::span<const store::Migration> migrations() { return steps; }

Result<BlockedAccess> blocked_access(store::Transaction& tx, std::string_view bucket) {
  const auto text =
      objects::setting(tx, {std::string(bucket), std::string(setting::public_access)});
  if (!text) return BlockedAccess{};
  wire::Arena arena;
  TRY(const auto document, wire::from_json<api::GetPublicAccessBlockOutput>(*text, arena));
  const auto block = document.PublicAccessBlockConfiguration();
  return BlockedAccess{.public_policies = block.BlockPublicPolicy().value_or(false),
                       .strangers = block.RestrictPublicBuckets().value_or(false),
                       .public_lists = block.BlockPublicAcls().value_or(false),
                       .lists = block.IgnorePublicAcls().value_or(false)};
}

// --- Encryption: AES256 where nothing was said. ---

Result<api::GetBucketEncryptionOutput> get_bucket_encryption(Call& call,
                                                             api::GetBucketEncryptionRequest in) {
  TRY(auto out, read_document<api::GetBucketEncryptionOutput>(call, in, encryption));
  if (out.ServerSideEncryptionConfiguration()) return out;
  auto standard = call.output<api::ServerSideEncryptionByDefault>();
  standard.SSEAlgorithm("AES256");
  auto configuration = call.output<api::ServerSideEncryptionConfiguration>();
  configuration.add_Rules().ApplyServerSideEncryptionByDefault(standard).BucketKeyEnabled(false);
  out.ServerSideEncryptionConfiguration(configuration);
  return out;
}

Result<> put_bucket_encryption(Call& call, api::PutBucketEncryptionRequest in) {
  const auto rules = in.ServerSideEncryptionConfiguration().Rules();
  if (rules.size() != 1) return malformed();
  for (const auto rule : rules) {
    if (const auto standard = rule.ApplyServerSideEncryptionByDefault())
      TRY_DO(check_default_encryption(standard));
  }
  return write_document(call, in, encryption, in);
}

Result<> delete_bucket_encryption(Call& call, api::DeleteBucketEncryptionRequest in) {
  return remove_document(call, in, encryption);
}

// --- Public access and ownership: every bucket is made with them. ---

Result<api::GetPublicAccessBlockOutput> get_public_access_block(
    Call& call, api::GetPublicAccessBlockRequest in) {
  return read_document<api::GetPublicAccessBlockOutput>(call, in, public_access);
}

Result<> put_public_access_block(Call& call, api::PutPublicAccessBlockRequest in) {
  const auto given = in.PublicAccessBlockConfiguration();
  auto whole = call.output<api::PublicAccessBlockConfiguration>();
  whole.BlockPublicAcls(given.BlockPublicAcls().value_or(false))
      .IgnorePublicAcls(given.IgnorePublicAcls().value_or(false))
      .BlockPublicPolicy(given.BlockPublicPolicy().value_or(false))
      .RestrictPublicBuckets(given.RestrictPublicBuckets().value_or(false));
  auto document = call.output<api::GetPublicAccessBlockOutput>();
  document.PublicAccessBlockConfiguration(whole);
  return write_document(call, in, public_access, document);
}

Result<> delete_public_access_block(Call& call, api::DeletePublicAccessBlockRequest in) {
  return remove_document(call, in, public_access);
}

Result<api::GetBucketOwnershipControlsOutput> get_bucket_ownership_controls(
    Call& call, api::GetBucketOwnershipControlsRequest in) {
  return read_document<api::GetBucketOwnershipControlsOutput>(call, in, ownership);
}

Result<> put_bucket_ownership_controls(Call& call, api::PutBucketOwnershipControlsRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  if (in.OwnershipControls().Rules().size() != 1) return malformed();
  const bool enforced = in.OwnershipControls().Rules()[0].ObjectOwnership() == owner_enforced;
  if (enforced && list_of_bucket(call.tx(), bucket) != owners_list(owner_id(bucket.account)))
    return refuse("InvalidBucketAclWithObjectOwnership",
                  "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
  return write_document(call, in, ownership, in);
}

Result<> delete_bucket_ownership_controls(Call& call,
                                          api::DeleteBucketOwnershipControlsRequest in) {
  return remove_document(call, in, ownership);
}

// --- Policy: JSON text, returned byte for byte but for principals that are no more. ---

namespace {

// A policy may let everyone do everything, and yet only the owner's account sees and changes it.
Result<> check_owners(const Call& call) {
  if (!call.caller().principal.is_stranger()) return {};
  return std::unexpected(
      Error{ErrorCode::permission_denied,
            "The specified method is not allowed against this resource.",
            "MethodNotAllowed",
            {{"Method", std::string(service::method_of(call))}, {"ResourceType", "BUCKETPOLICY"}}});
}

}  // namespace

Result<api::GetBucketPolicyOutput> get_bucket_policy(Call& call, api::GetBucketPolicyRequest in) {
  TRY_DO(check_owners(call));
  TRY(const auto text, read_text(call, in, policy));
  const std::string principals =
      objects::setting(call.tx(), name_of_setting(in, policy_principals)).value_or("");
  return call.output<api::GetBucketPolicyOutput>().Policy(
      service::shown_policy(call, text.value_or(""), identity::principal_ids_of(principals)));
}

Result<> put_bucket_policy(Call& call, api::PutBucketPolicyRequest in) {
  TRY_DO(check_owners(call));
  TRY_DO(bucket_of(call, call.tx(), in));
  const std::string_view text = in.Policy();
  if (text.size() > policy_bytes_max)
    return refuse("PolicyTooLarge", "Your policy exceeds the maximum allowed document size.");
  TRY(const identity::Policy read, read_bucket_policy(text, in.Bucket()));
  const auto principals = service::principal_ids(call, read);
  if (!principals) return refuse("MalformedPolicy", "Invalid principal in policy");
  TRY(const BlockedAccess blocked, blocked_access(call.tx(), in.Bucket()));
  if (blocked.public_policies && service::is_public(read))
    return refuse("AccessDenied",
                  fmt::format("User: {} is not authorized to perform: s3:PutBucketPolicy on "
                              "resource: \"arn:aws:s3:::{}\" because public policies are blocked "
                              "by the BlockPublicPolicy block public access setting.",
                              call.caller().principal.name, in.Bucket()));
  call.set_status(204);
  TRY_DO(objects::put_setting(call.tx(), name_of_setting(in, policy_principals),
                              identity::lines_of(*principals)));
  return objects::put_setting(call.tx(), name_of_setting(in, policy), text);
}

Result<api::GetBucketPolicyStatusOutput> get_bucket_policy_status(
    Call& call, api::GetBucketPolicyStatusRequest in) {
  TRY(const auto text, read_text(call, in, policy));
  const auto read = service::read_resource_policy(text.value_or(""));
  auto status = call.output<api::PolicyStatus>();
  status.IsPublic(read && service::is_public(*read));
  return call.output<api::GetBucketPolicyStatusOutput>().PolicyStatus(status);
}

Result<> delete_bucket_policy(Call& call, api::DeleteBucketPolicyRequest in) {
  TRY_DO(check_owners(call));
  TRY_DO(remove_document(call, in, policy_principals));
  return remove_document(call, in, policy);
}

// --- CORS. ---

Result<api::GetBucketCorsOutput> get_bucket_cors(Call& call, api::GetBucketCorsRequest in) {
  return read_document<api::GetBucketCorsOutput>(call, in, cors);
}

namespace {

Result<> check_wildcards(std::string_view element, wire::ListView<std::string_view> patterns) {
  for (const std::string_view pattern : patterns)
    if (std::ranges::count(pattern, '*') > 1)
      return refuse("InvalidRequest", fmt::format("{} \"{}\" can not have more than one wildcard.",
                                                  element, pattern));
  return {};
}

// S3 says the same of what a page may send and of what it may see.
Result<> check_header_names(wire::ListView<std::string_view> names) {
  for (const std::string_view name : names)
    if (!is_header_name(name))
      return refuse("InvalidRequest",
                    fmt::format("AllowedHeader \"{}\" contains invalid character.", name));
  return {};
}

Result<> check_cors_rule(api::CORSRule rule) {
  constexpr std::array<std::string_view, 5> methods{"GET", "PUT", "HEAD", "POST", "DELETE"};
  for (const std::string_view method : rule.AllowedMethods())
    if (std::ranges::find(methods, method) == methods.end())
      return refuse("InvalidRequest",
                    fmt::format("Found unsupported HTTP method in CORS config. Unsupported method "
                                "is {}",
                                method));
  TRY_DO(check_wildcards("AllowedOrigin", rule.AllowedOrigins()));
  TRY_DO(check_wildcards("AllowedHeader", rule.AllowedHeaders()));
  for (const std::string_view header : rule.ExposeHeaders())
    if (header.contains('*'))
      return refuse(
          "InvalidRequest",
          fmt::format("ExposeHeader \"{}\" contains wildcard. We currently do not support "
                      "wildcard for ExposeHeader.",
                      header));
  TRY_DO(check_header_names(rule.AllowedHeaders()));
  return check_header_names(rule.ExposeHeaders());
}

}  // namespace

Result<> put_bucket_cors(Call& call, api::PutBucketCorsRequest in) {
  const auto rules = in.CORSConfiguration().CORSRules();
  if (rules.empty() || rules.size() > cors_rules_max) return malformed();
  for (const auto rule : rules) TRY_DO(check_cors_rule(rule));
  return write_document(call, in, cors, in.CORSConfiguration());
}

Result<> delete_bucket_cors(Call& call, api::DeleteBucketCorsRequest in) {
  return remove_document(call, in, cors);
}

// --- Tags. ---

Result<api::GetBucketTaggingOutput> get_bucket_tagging(Call& call,
                                                       api::GetBucketTaggingRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const tags::TagList tags = tags::list_as_given(call.tx(), objects::tagged(bucket));
  if (tags.empty())
    return absent(
        {.name = {}, .absent_code = "NoSuchTagSet", .absent_message = "The TagSet does not exist"},
        in.Bucket());
  auto out = call.output<api::GetBucketTaggingOutput>();
  for (const auto& [key, value] : tags) out.add_TagSet().Key(key).Value(value);
  return out;
}

Result<> put_bucket_tagging(Call& call, api::PutBucketTaggingRequest in) {
  tags::TagList tags;
  for (const auto tag : in.Tagging().TagSet()) tags.emplace_back(tag.Key(), tag.Value());
  TRY_DO(check_tags(tags, Tagged::bucket));
  call.set_status(204);
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  return tags::replace(call.tx(), objects::tagged(bucket), tags, bucket_tag_rules);
}

Result<> delete_bucket_tagging(Call& call, api::DeleteBucketTaggingRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  tags::erase_all(call.tx(), objects::tagged(bucket));
  return {};
}

// --- What is only kept: there is no other way in, nobody pays, nothing is logged or served. ---

namespace {

constexpr Setting accelerate{setting::accelerate};
constexpr Setting request_payment{setting::request_payment};
constexpr Setting logging{setting::logging};
constexpr Setting website{setting::website, "NoSuchWebsiteConfiguration",
                          "The specified bucket does not have a website configuration",
                          website_bytes_max};

Result<> check_log_target(Call& call, api::LoggingEnabled wanted, const objects::Bucket& bucket) {
  const auto target = objects::find_bucket(call.tx(), wanted.TargetBucket());
  if (!target || target->account != bucket.account)
    return std::unexpected(Error{ErrorCode::not_found,
                                 "The target bucket for logging does not exist",
                                 "InvalidTargetBucketForLogging",
                                 {{"TargetBucket", std::string(wanted.TargetBucket())}}});
  if (target->region != bucket.region)
    return refuse("CrossLocationLoggingProhibitted", "Cross S3 location logging not allowed. ");
  if (!wanted.TargetGrants().empty())
    return refuse("NotImplemented", "Slipway keeps no access control lists (TargetGrants).");
  return {};
}

// The whole number that a code is written as; MalformedXML for other text.
Result<int> read_code(std::string_view text) {
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc{} || end != text.data() + text.size()) return malformed();
  return code;
}

Result<> check_protocol(std::optional<std::string_view> protocol) {
  if (!protocol || protocol == "http" || protocol == "https") return {};
  return refuse("InvalidRequest",
                "Invalid protocol, protocol can be http or https. If not defined the protocol will "
                "be selected automatically.");
}

Result<> check_redirect_code(std::optional<std::string_view> text) {
  if (!text) return {};
  TRY(const int code, read_code(*text));
  if (code > 300 && code <= 308 && code != 306) return {};
  return refuse(
      "InvalidRequest",
      fmt::format("The provided HTTP redirect code ({}) is not valid. Valid codes are 3XX "
                  "except 300.",
                  code));
}

Result<> check_error_code(std::optional<std::string_view> text) {
  if (!text) return {};
  TRY(const int code, read_code(*text));
  if ((code >= 400 && code <= 417) || (code >= 500 && code <= 505)) return {};
  return refuse(
      "InvalidRequest",
      fmt::format("The provided HTTP error code ({}) is not valid. Valid codes are 4XX or "
                  "5XX.",
                  code));
}

Result<> check_routing_rule(api::RoutingRule rule) {
  const auto redirect = rule.Redirect();
  if (!redirect.HostName() && !redirect.Protocol() && !redirect.HttpRedirectCode() &&
      !redirect.ReplaceKeyWith() && !redirect.ReplaceKeyPrefixWith())
    return malformed();
  if (redirect.ReplaceKeyWith() && redirect.ReplaceKeyPrefixWith())
    return refuse("InvalidRequest",
                  "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  const auto condition = rule.Condition();
  if (condition && !condition.HttpErrorCodeReturnedEquals() && !condition.KeyPrefixEquals())
    return refuse("InvalidRequest",
                  "Condition cannot be empty. To redirect all requests without a condition, the "
                  "condition element shouldn't be present.");
  if (condition) TRY_DO(check_error_code(condition.HttpErrorCodeReturnedEquals()));
  TRY_DO(check_protocol(redirect.Protocol()));
  return check_redirect_code(redirect.HttpRedirectCode());
}

Result<> check_website(api::WebsiteConfiguration wanted) {
  if (wanted.RedirectAllRequestsTo()) {
    if (wanted.IndexDocument() || wanted.ErrorDocument() || !wanted.RoutingRules().empty())
      return invalid_argument(
          "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
          {"RedirectAllRequestsTo", "not null"});
    return check_protocol(wanted.RedirectAllRequestsTo().Protocol());
  }
  if (!wanted.IndexDocument())
    return invalid_argument(
        "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
        {"IndexDocument", "null"});
  const std::string_view suffix = wanted.IndexDocument().Suffix();
  if (suffix.empty() || suffix.contains('/'))
    return invalid_argument("The IndexDocument Suffix is not well formed",
                            {"IndexDocument", std::string(suffix)});
  if (wanted.RoutingRules().size() > routing_rules_max)
    return refuse("InvalidRequest",
                  fmt::format("{} routing rules provided, the number of routing rules in a website "
                              "configuration is limited to {}.",
                              wanted.RoutingRules().size(), routing_rules_max));
  for (const auto rule : wanted.RoutingRules()) TRY_DO(check_routing_rule(rule));
  return {};
}

}  // namespace

Result<api::GetBucketAccelerateConfigurationOutput> get_bucket_accelerate(
    Call& call, api::GetBucketAccelerateConfigurationRequest in) {
  return read_document<api::GetBucketAccelerateConfigurationOutput>(call, in, accelerate);
}

Result<> put_bucket_accelerate(Call& call, api::PutBucketAccelerateConfigurationRequest in) {
  if (!in.AccelerateConfiguration().Status()) return malformed();
  if (in.Bucket().contains('.'))
    return refuse("InvalidRequest",
                  "S3 Transfer Acceleration is not supported for buckets with periods (.) in "
                  "their names");
  return write_document(call, in, accelerate, in.AccelerateConfiguration());
}

Result<api::GetBucketRequestPaymentOutput> get_bucket_request_payment(
    Call& call, api::GetBucketRequestPaymentRequest in) {
  TRY(auto out, read_document<api::GetBucketRequestPaymentOutput>(call, in, request_payment));
  if (!out.Payer()) out.Payer("BucketOwner");
  return out;
}

Result<> put_bucket_request_payment(Call& call, api::PutBucketRequestPaymentRequest in) {
  return write_document(call, in, request_payment, in.RequestPaymentConfiguration());
}

Result<api::GetBucketLoggingOutput> get_bucket_logging(Call& call,
                                                       api::GetBucketLoggingRequest in) {
  return read_document<api::GetBucketLoggingOutput>(call, in, logging);
}

Result<> put_bucket_logging(Call& call, api::PutBucketLoggingRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const auto wanted = in.BucketLoggingStatus();
  if (wanted.LoggingEnabled()) TRY_DO(check_log_target(call, wanted.LoggingEnabled(), bucket));
  return write_document(call, in, logging, wanted);
}

Result<api::GetBucketWebsiteOutput> get_bucket_website(Call& call,
                                                       api::GetBucketWebsiteRequest in) {
  return read_document<api::GetBucketWebsiteOutput>(call, in, website);
}

Result<> put_bucket_website(Call& call, api::PutBucketWebsiteRequest in) {
  TRY_DO(check_website(in.WebsiteConfiguration()));
  return write_document(call, in, website, in.WebsiteConfiguration());
}

Result<> delete_bucket_website(Call& call, api::DeleteBucketWebsiteRequest in) {
  return remove_document(call, in, website);
}

}  // namespace slipway::s3

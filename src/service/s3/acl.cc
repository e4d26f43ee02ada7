#include "service/s3/acl.h"

#include <algorithm>

#include "service/s3/attributes.h"
#include "service/s3/errors.h"
#include "service/s3/operations.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

constexpr std::string_view canned_of_owner = "bucket-owner-full-control";
// docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
constexpr std::size_t grants_max = 100;

std::unexpected<Error> switched_off() {
  return refuse("AccessControlListNotSupported", "The bucket does not allow ACLs");
}

std::unexpected<Error> malformed_list() {
  return refuse("MalformedACLError", std::string(malformed_xml));
}

// S3 says of a canned name that there is none only which it is.
Result<> check_canned(const WantedAcl& wanted) {
  if (!wanted.canned || is_canned(*wanted.canned)) return {};
  return invalid_argument("", {"x-amz-acl", std::string(*wanted.canned)});
}

// What the headers come to.
Result<AccessList> list_of(const WantedAcl& wanted, std::string_view owner) {
  if (wanted.canned && !wanted.grants.empty())
    return refuse("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed");
  if (wanted.canned) return canned_list(*wanted.canned, owner);
  AccessList list;
  for (const GrantHeader& header : wanted.grants) {
    TRY(const AccessList more, read_grant_header(header, owner));
    list.insert(list.end(), more.begin(), more.end());
  }
  if (list.size() > grants_max) return malformed_list();
  return list;
}

Result<std::string> grantee_of(api::Grantee grantee, std::string_view owner) {
  const auto invalid = [](std::string message, std::string_view name, std::string_view value) {
    return invalid_argument(std::move(message), {name, std::string(value)});
  };
  const std::string_view id = grantee.ID().value_or("");
  const std::string_view address = grantee.URI().value_or("");
  if (grantee.Type() == "AmazonCustomerByEmail")
    return refuse("UnresolvableGrantByEmailAddress",
                  "The e-mail address you provided does not match any account on record.");
  if (grantee.Type() == "Group" && is_group(address)) return std::string(address);
  if (grantee.Type() == "Group") return invalid("Invalid group uri", "Group/URI", address);
  if (id.empty()) return malformed_list();
  if (id != owner) return invalid("Invalid id", "CanonicalUser/ID", id);
  return std::string(id);
}

// The list that a document says. Its owner stays who he is.
Result<AccessList> list_of(api::AccessControlPolicy document, std::string_view owner) {
  const std::string_view named = document.Owner().ID().value_or("");
  if (named.empty()) return malformed_list();
  if (named != owner) return refuse("AccessDenied", "Access Denied");
  if (document.Grants().size() > grants_max) return malformed_list();
  AccessList list;
  for (const auto grant : document.Grants()) {
    if (!grant.Permission() || !grant.Grantee()) return malformed_list();
    TRY(std::string grantee, grantee_of(grant.Grantee(), owner));
    list.push_back({std::string(*grant.Permission()), std::move(grantee)});
  }
  return list;
}

// What the caller does, as a refusal names it.
struct Deed {
  std::string_view action;
  std::string_view key;  // of the object; empty for the bucket itself
};

Result<> check_blocked(const Call& call, store::Transaction& tx, const objects::Bucket& bucket,
                       const AccessList& list, const Deed& deed) {
  if (!is_public(list)) return {};
  TRY(const BlockedAccess blocked, blocked_access(tx, bucket.name));
  if (!blocked.public_lists) return {};
  return refuse("AccessDenied",
                fmt::format("User: {} is not authorized to perform: {} on resource: "
                            "\"arn:aws:s3:::{}{}{}\" because public access control lists (ACLs) "
                            "are blocked by the BlockPublicAcls block public access setting.",
                            call.caller().principal.name, deed.action, bucket.name,
                            deed.key.empty() ? "" : "/", deed.key));
}

template <typename In>
Deed deed_of(const In& in) {
  if constexpr (requires { in.Key(); })
    return {"s3:PutObjectAcl", in.Key()};
  else
    return {"s3:PutBucketAcl", {}};
}

// The list that is to be from now on; nullopt where lists are off and this one says only what
// holds.
template <typename In>
Result<std::optional<AccessList>> take_list(const Call& call, store::Transaction& tx,
                                            const objects::Bucket& bucket, const In& in) {
  const std::string owner = owner_id(bucket.account);
  const WantedAcl wanted = wanted_acl(in);
  TRY_DO(check_canned(wanted));
  const auto document = in.AccessControlPolicy();
  if (!document && wanted.says_nothing())
    return std::unexpected(Error{ErrorCode::invalid_argument,
                                 "Your request was missing a required header",
                                 "MissingSecurityHeader",
                                 {{"MissingHeaderName", "x-amz-acl"}}});
  if (enforces_owner(tx, bucket.name)) {
    if (!document && wanted.canned == canned_of_owner && wanted.grants.empty())
      return std::optional<AccessList>();
    const auto given = document ? list_of(document, owner) : switched_off();
    if (!given || *given != owners_list(owner)) return switched_off();
    return std::optional<AccessList>();
  }
  if (document && !wanted.says_nothing())
    return refuse("UnexpectedContent", "This request does not support content.");
  TRY(AccessList list, document ? list_of(document, owner) : list_of(wanted, owner));
  TRY_DO(check_blocked(call, tx, bucket, list, deed_of(in)));
  return std::optional(std::move(list));
}

template <typename Out>
void show_list(Out& out, const AccessList& list, std::string_view account) {
  fill_owner(out.make_Owner(), account);
  out.Grants(wire::empty);
  for (const auto& [permission, who] : list) {
    auto grant = out.add_Grants();
    auto grantee = grant.make_Grantee();
    if (is_group(who))
      grantee.URI(who).Type("Group");
    else
      grantee.ID(who).Type("CanonicalUser");
    grant.Permission(permission);
  }
}

void set_list(objects::Pairs& properties, const AccessList& list, std::string_view owner) {
  std::erase_if(properties, [](const auto& each) { return each.first == property::acl; });
  if (list != owners_list(owner)) properties.emplace_back(property::acl, text_of(list));
}

objects::SettingName setting_of(std::string_view bucket) {
  return {std::string(bucket), std::string(setting::acl)};
}

}  // namespace

bool enforces_owner(store::Transaction& tx, std::string_view bucket) {
  const auto text = objects::setting(tx, {std::string(bucket), std::string(setting::ownership)});
  if (!text) return false;
  wire::Arena arena;
  const auto stored = wire::from_json<api::GetBucketOwnershipControlsOutput>(*text, arena);
  if (!stored) return false;
  for (const auto rule : stored->OwnershipControls().Rules())
    if (rule.ObjectOwnership() == owner_enforced) return true;
  return false;
}

AccessList list_of_bucket(store::Transaction& tx, const objects::Bucket& bucket) {
  const auto text = objects::setting(tx, setting_of(bucket.name));
  return text ? list_of(std::string_view(*text)) : owners_list(owner_id(bucket.account));
}

AccessList list_of_object(const objects::Bucket& bucket, const objects::Object& object) {
  const auto text = find_property(object.properties, property::acl);
  return text ? list_of(*text) : owners_list(owner_id(bucket.account));
}

Result<> put_bucket_list(store::Transaction& tx, const objects::Bucket& bucket,
                         const AccessList& list) {
  if (list == owners_list(owner_id(bucket.account)))
    return objects::remove_setting(tx, setting_of(bucket.name));
  return objects::put_setting(tx, setting_of(bucket.name), text_of(list));
}

Result<> give_list(const Call& call, store::Transaction& tx, const objects::Bucket& bucket,
                   std::string_view key, const WantedAcl& wanted, objects::Pairs& properties) {
  if (wanted.says_nothing()) return {};
  if (enforces_owner(tx, bucket.name))
    return wanted.canned == canned_of_owner && wanted.grants.empty() ? Result<>() : switched_off();
  const std::string owner = owner_id(bucket.account);
  TRY(const AccessList list, list_of(wanted, owner));
  TRY_DO(check_blocked(call, tx, bucket, list, {"s3:PutObject", key}));
  set_list(properties, list, owner);
  return {};
}

Result<AccessList> first_list(const Call& call, std::string_view ownership,
                              const WantedAcl& wanted) {
  const std::string owner = owner_id(call.account());
  TRY_DO(check_canned(wanted));
  if (wanted.says_nothing()) return owners_list(owner);
  if (ownership == owner_enforced && (wanted.canned != "private" || !wanted.grants.empty()))
    return refuse("InvalidBucketAclWithObjectOwnership",
                  "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
  TRY(AccessList list, list_of(wanted, owner));
  if (is_public(list))
    return refuse("InvalidBucketAclWithBlockPublicAccessError",
                  "Bucket cannot have public ACLs set with BlockPublicAccess enabled");
  return list;
}

Result<api::GetBucketAclOutput> get_bucket_acl(Call& call, api::GetBucketAclRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  auto out = call.output<api::GetBucketAclOutput>();
  show_list(out, list_of_bucket(call.tx(), bucket), bucket.account);
  return out;
}

Result<> put_bucket_acl(Call& call, api::PutBucketAclRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const auto list, take_list(call, call.tx(), bucket, in));
  return list ? put_bucket_list(call.tx(), bucket, *list) : Result<>();
}

Result<api::GetObjectAclOutput> get_object_acl(Call& call, api::GetObjectAclRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const objects::Object object, objects::find(call.tx(), name_of(in)));
  if (object.delete_marker) return refuse_delete_marker(call, object);
  const bool off = enforces_owner(call.tx(), bucket.name);
  auto out = call.output<api::GetObjectAclOutput>();
  show_list(out, off ? owners_list(owner_id(bucket.account)) : list_of_object(bucket, object),
            bucket.account);
  return out;
}

Result<api::PutObjectAclOutput> put_object_acl(const S3Door& door, Call& call,
                                               api::PutObjectAclRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(objects::Object object, find_unmarked(call, call.tx(), name_of(in)));
  TRY(const auto list, take_list(call, call.tx(), bucket, in));
  const bool changes = list && *list != list_of_object(bucket, object);
  if (!changes) return call.output<api::PutObjectAclOutput>();
  set_list(object.properties, *list, owner_id(bucket.account));
  TRY_DO(door.objects.put_rights(call.tx(), name_of(in), object.properties, cause_of(call)));
  return call.output<api::PutObjectAclOutput>();
}

}  // namespace slipway::s3

#include "service/s3/acl.h"

#include "service/s3/operations.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

constexpr std::string_view owner_enforced = "BucketOwnerEnforced";
constexpr std::string_view full_control = "FULL_CONTROL";

std::unexpected<Error> keeps_no_lists() {
  return refuse("NotImplemented",
                "Slipway keeps no access control lists. Leave them out, or say with a bucket "
                "policy who may do what.");
}

// A bucket whose controls were removed keeps lists, as one of former days.
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

// Whether a list that a body gives says only that the owner may do everything.
bool is_owners_alone(const api::AccessControlPolicy& list, std::string_view account) {
  if (list.Grants().size() != 1) return false;
  const auto grant = list.Grants()[0];
  return grant.Permission() == full_control && grant.Grantee().ID() == owner_id(account);
}

template <typename In>
Result<> take_list(Call& call, const In& in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  const WantedAcl wanted = wanted_acl(in);
  if (in.AccessControlPolicy()) {
    if (wanted.says_nothing() && is_owners_alone(in.AccessControlPolicy(), bucket.account))
      return {};
    return check_acl(call.tx(), in.Bucket(), {.grants = WantedAcl::Grants::some});
  }
  if (wanted.says_nothing())
    return std::unexpected(Error{ErrorCode::invalid_argument,
                                 "Your request was missing a required header",
                                 "MissingSecurityHeader",
                                 {{"MissingHeaderName", "x-amz-acl"}}});
  return check_acl(call.tx(), in.Bucket(), wanted);
}

template <typename Out>
void show_owners_list(Out& out, std::string_view account) {
  fill_owner(out.make_Owner(), account);
  auto grant = out.add_Grants();
  auto grantee = grant.make_Grantee();
  fill_owner(grantee, account);
  grantee.Type("CanonicalUser");
  grant.Permission(full_control);
}

}  // namespace

Result<> check_acl(store::Transaction& tx, std::string_view bucket, const WantedAcl& wanted) {
  if (wanted.says_nothing()) return {};
  const bool grants = wanted.grants == WantedAcl::Grants::some;
  if (!grants && wanted.canned == "bucket-owner-full-control") return {};
  if (enforces_owner(tx, bucket))
    return refuse("AccessControlListNotSupported", "The bucket does not allow ACLs");
  if (!grants && wanted.canned == "private") return {};
  return keeps_no_lists();
}

Result<> check_first_acl(std::string_view ownership, const WantedAcl& wanted) {
  const bool grants = wanted.grants == WantedAcl::Grants::some;
  if (!grants && (!wanted.canned || wanted.canned == "private")) return {};
  if (ownership != owner_enforced) return keeps_no_lists();
  return refuse("InvalidBucketAclWithObjectOwnership",
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
}

Result<api::GetBucketAclOutput> get_bucket_acl(Call& call, api::GetBucketAclRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  auto out = call.output<api::GetBucketAclOutput>();
  show_owners_list(out, bucket.account);
  return out;
}

Result<> put_bucket_acl(Call& call, api::PutBucketAclRequest in) { return take_list(call, in); }

Result<api::GetObjectAclOutput> get_object_acl(Call& call, api::GetObjectAclRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const objects::Object object, objects::find(call.tx(), name_of(in)));
  if (object.delete_marker) return refuse_delete_marker(call, object);
  auto out = call.output<api::GetObjectAclOutput>();
  show_owners_list(out, bucket.account);
  return out;
}

Result<api::PutObjectAclOutput> put_object_acl(Call& call, api::PutObjectAclRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  TRY_DO(find_unmarked(call, call.tx(), name_of(in)));
  TRY_DO(take_list(call, in));
  return call.output<api::PutObjectAclOutput>();
}

}  // namespace slipway::s3

#include "service/s3/event_record.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "base/text.h"
#include "service/s3/door.h"
#include "service/s3/restore.h"
#include "wire/envelope.h"

namespace slipway::s3 {
namespace {

namespace json = boost::json;
using Kind = objects::ObjectChange::Kind;
using Way = objects::Cause::Way;

constexpr std::string_view the_service = "s3.amazonaws.com";
constexpr std::string_view md5_of_nothing = "d41d8cd98f00b204e9800998ecf8427e";

bool is_expiry(const objects::ObjectChange& change) { return change.cause.way == Way::expiry; }

// Of tags and rights: the bytes are the same.
bool is_beside_bytes(const objects::ObjectChange& change) {
  return change.kind == Kind::tagged || change.kind == Kind::untagged ||
         change.kind == Kind::shared;
}

// Newer kinds of events came with newer versions of the record.
std::string_view version_of(const objects::ObjectChange& change) {
  return is_beside_bytes(change) || is_expiry(change) ? "2.3" : "2.1";
}

// Amazon's id of a customer, which no other call shows.
std::string customer_of(std::string_view account) {
  std::string id = "A" + owner_id(account).substr(0, 13);
  for (char& c : id)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return id;
}

std::string actor_of(const objects::ObjectChange& change) {
  if (is_expiry(change)) return std::string(the_service);
  if (!change.cause.who.empty()) return fmt::format("AWS:{}", change.cause.who);
  if (!change.cause.address.empty()) return "Anonymous";
  return fmt::format("AmazonCustomer:{}", customer_of(change.bucket.account));
}

std::string_view address_of(const objects::ObjectChange& change) {
  return change.cause.address.empty() ? the_service : change.cause.address;
}

// As a form encodes it, but for slashes: "red flower.jpg" is "red+flower.jpg".
std::string encoded_key(std::string_view key) {
  const std::string encoded = percent_encode(key, "/*");
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    const bool blank = std::string_view(encoded).substr(i, 3) == "%20";
    out += blank ? '+' : encoded[i];
    if (blank) i += 2;
  }
  return out;
}

json::object object_part(const objects::ObjectChange& change) {
  const objects::Object& object = change.object;
  json::object out{{"key", encoded_key(object.key)}};
  const bool has_bytes = change.kind != Kind::removed && change.kind != Kind::marker_made;
  if (has_bytes && !is_beside_bytes(change)) out["size"] = object.size;
  if (has_bytes) out["eTag"] = object.etag;
  if (change.kind == Kind::marker_made) out["eTag"] = md5_of_nothing;
  if (change.bucket.versioning != objects::Versioning::never) out["versionId"] = object.version;
  if (!is_beside_bytes(change)) out["sequencer"] = fmt::format("{:018X}", change.number);
  return out;
}

json::object bucket_part(const objects::Bucket& bucket) {
  return {{"name", bucket.name},
          {"ownerIdentity", {{"principalId", customer_of(bucket.account)}}},
          {"arn", fmt::format("arn:aws:s3:::{}", bucket.name)}};
}

}  // namespace

std::string_view event_name(const objects::ObjectChange& change) {
  switch (change.kind) {
    case Kind::put:
      return change.cause.way == Way::form ? "ObjectCreated:Post" : "ObjectCreated:Put";
    case Kind::copied: return "ObjectCreated:Copy";
    case Kind::completed: return "ObjectCreated:CompleteMultipartUpload";
    case Kind::removed:
      return is_expiry(change) ? "LifecycleExpiration:Delete" : "ObjectRemoved:Delete";
    case Kind::marker_made:
      return is_expiry(change) ? "LifecycleExpiration:DeleteMarkerCreated"
                               : "ObjectRemoved:DeleteMarkerCreated";
    case Kind::tagged: return "ObjectTagging:Put";
    case Kind::untagged: return "ObjectTagging:Delete";
    case Kind::restore_begun: return "ObjectRestore:Post";
    case Kind::restored: return "ObjectRestore:Completed";
    case Kind::shared: return "ObjectAcl:Put";
    case Kind::moved: break;
  }
  return "LifecycleTransition";
}

std::string event_record(const objects::ObjectChange& change, const RecordTerms& terms) {
  json::object record{
      {"eventVersion", version_of(change)},
      {"eventSource", "aws:s3"},
      {"awsRegion", change.bucket.region},
      {"eventTime", to_iso8601(change.now.civil, Fraction::milliseconds)},
      {"eventName", event_name(change)},
      {"userIdentity", {{"principalId", actor_of(change)}}},
      {"requestParameters", {{"sourceIPAddress", address_of(change)}}},
      {"responseElements",
       {{"x-amz-request-id", terms.request}, {"x-amz-id-2", wire::host_id(terms.request)}}},
      {"s3",
       {{"s3SchemaVersion", "1.0"},
        {"configurationId", terms.configuration},
        {"bucket", bucket_part(change.bucket)},
        {"object", object_part(change)}}}};
  if (change.kind == Kind::moved)
    record["lifecycleEventData"] = {
        {"transitionEventData", {{"destinationStorageClass", change.object.storage_class}}}};
  if (change.kind == Kind::restored)
    record["glacierEventData"] = {
        {"restoreEventData",
         {{"lifecycleRestorationExpiryTime",
           to_iso8601(restored_until(change.object, change.now.civil).value_or(change.now.civil),
                      Fraction::milliseconds)},
          {"lifecycleRestoreStorageClass", change.object.storage_class}}}};
  return json::serialize(json::object{{"Records", json::array{std::move(record)}}});
}

std::string test_event(const objects::Bucket& bucket, std::string_view request, Timestamp now) {
  return json::serialize(json::object{{"Service", "Amazon S3"},
                                      {"Event", "s3:TestEvent"},
                                      {"Time", to_iso8601(now, Fraction::milliseconds)},
                                      {"Bucket", bucket.name},
                                      {"RequestId", request},
                                      {"HostId", wire::host_id(request)}});
}

}  // namespace slipway::s3

#include "service/s3/attributes.h"
#include "service/s3/operations.h"

namespace slipway::s3 {

Result<api::GetObjectTaggingOutput> get_object_tagging(Call& call,
                                                       api::GetObjectTaggingRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const objects::Object object, find_unmarked(call, call.tx(), name_of(in)));
  auto out = call.output<api::GetObjectTaggingOutput>();
  out.TagSet(wire::empty);
  for (const auto& [key, value] : object.tags) out.add_TagSet().Key(key).Value(value);
  if (bucket.versioning != objects::Versioning::never) out.VersionId(object.version);
  return out;
}

Result<api::PutObjectTaggingOutput> put_object_tagging(const S3Door& door, Call& call,
                                                       api::PutObjectTaggingRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  objects::Pairs tags;
  for (const auto tag : in.Tagging().TagSet()) tags.emplace_back(tag.Key(), tag.Value());
  TRY_DO(check_tags(tags, Tagged::object));
  TRY_DO(find_unmarked(call, call.tx(), name_of(in)));
  TRY(const objects::Object object,
      door.objects.put_tags(call.tx(), name_of(in), std::move(tags), cause_of(call)));
  auto out = call.output<api::PutObjectTaggingOutput>();
  if (bucket.versioning != objects::Versioning::never) out.VersionId(object.version);
  return out;
}

Result<api::DeleteObjectTaggingOutput> delete_object_tagging(const S3Door& door, Call& call,
                                                             api::DeleteObjectTaggingRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY_DO(find_unmarked(call, call.tx(), name_of(in)));
  TRY(const objects::Object object,
      door.objects.remove_tags(call.tx(), name_of(in), cause_of(call)));
  auto out = call.output<api::DeleteObjectTaggingOutput>();
  if (bucket.versioning != objects::Versioning::never) out.VersionId(object.version);
  return out;
}

}  // namespace slipway::s3

#include "service/s3/s3.h"

#include "service/s3/door.h"
#include "service/s3/errors.h"
#include "service/s3/lifecycle.h"
#include "service/s3/operations.h"
#include "service/s3/resource_types.h"
#include "service/s3/settings.h"
#include "service/s3/unmade_settings.h"

namespace slipway::s3 {
namespace {

using Service = service::Registry::Service;

// Registers operations so that the engine's failures leave in S3's words.
class Adder {
 public:
  Adder(Service service, const S3Door& door) : service_(service), door_(door) {}

  template <typename Op, typename F>
  Adder& add(F handler) {
    using In = typename Op::Input;
    service_.add<Op>([door = door_, handler](Call& call, In in) {
      auto answer = run(door, handler, call, in);
      if (!answer) answer = std::unexpected(to_s3(std::move(answer).error(), subject_of(in)));
      return answer;
    });
    return *this;
  }

  template <typename Op, typename F>
  Adder& add_upload(F opener) {
    using In = typename Op::Input;
    service_.add_upload<Op>([door = door_, opener](Call& call, In in) {
      auto sink = run(door, opener, call, in);
      if (!sink) sink = std::unexpected(to_s3(std::move(sink).error(), subject_of(in)));
      return sink;
    });
    return *this;
  }

 private:
  // What asks for a copy is not answered with something else.
  template <typename In>
  static Result<> check_copy_source(const Call& call) {
    const auto source = service::header_of(call, "x-amz-copy-source");
    if (!source || requires(const In& in) { in.CopySource(); }) return {};
    return invalid_argument("You can only specify a copy source header for copy requests.",
                            {"x-amz-copy-source", std::string(*source)});
  }

  template <typename F, typename In>
  static auto run(const S3Door& door, F& handler, Call& call, const In& in) {
    const auto handle = [&] {
      if constexpr (std::is_invocable_v<F&, const S3Door&, Call&, In>)
        return handler(door, call, in);
      else
        return handler(call, in);
    };
    auto checked = check_copy_source<In>(call);
    if (!checked) return decltype(handle())(std::unexpected(std::move(checked).error()));
    return handle();
  }

  Service service_;
  S3Door door_;
};

void add_bucket_operations(Adder& adder) {
  namespace op = api::op;
  adder.add<op::CreateBucket>(create_bucket)
      .add<op::DeleteBucket>(delete_bucket)
      .add<op::HeadBucket>(head_bucket)
      .add<op::ListBuckets>(list_buckets)
      .add<op::GetBucketLocation>(get_bucket_location)
      .add<op::GetBucketVersioning>(get_bucket_versioning)
      .add<op::PutBucketVersioning>(put_bucket_versioning);
}

void add_setting_operations(Adder& adder) {
  namespace op = api::op;
  adder.add<op::GetBucketEncryption>(get_bucket_encryption)
      .add<op::PutBucketEncryption>(put_bucket_encryption)
      .add<op::DeleteBucketEncryption>(delete_bucket_encryption)
      .add<op::GetPublicAccessBlock>(get_public_access_block)
      .add<op::PutPublicAccessBlock>(put_public_access_block)
      .add<op::DeletePublicAccessBlock>(delete_public_access_block)
      .add<op::GetBucketOwnershipControls>(get_bucket_ownership_controls)
      .add<op::PutBucketOwnershipControls>(put_bucket_ownership_controls)
      .add<op::DeleteBucketOwnershipControls>(delete_bucket_ownership_controls)
      .add<op::GetBucketAcl>(get_bucket_acl)
      .add<op::PutBucketAcl>(put_bucket_acl)
      .add<op::GetBucketPolicy>(get_bucket_policy)
      .add<op::PutBucketPolicy>(put_bucket_policy)
      .add<op::DeleteBucketPolicy>(delete_bucket_policy)
      .add<op::GetObjectLockConfiguration>(get_object_lock_configuration)
      .add<op::PutObjectLockConfiguration>(put_object_lock_configuration)
      .add<op::GetBucketPolicyStatus>(get_bucket_policy_status)
      .add<op::GetBucketAccelerateConfiguration>(get_bucket_accelerate)
      .add<op::PutBucketAccelerateConfiguration>(put_bucket_accelerate)
      .add<op::GetBucketRequestPayment>(get_bucket_request_payment)
      .add<op::PutBucketRequestPayment>(put_bucket_request_payment)
      .add<op::GetBucketLogging>(get_bucket_logging)
      .add<op::PutBucketLogging>(put_bucket_logging)
      .add<op::GetBucketWebsite>(get_bucket_website)
      .add<op::PutBucketWebsite>(put_bucket_website)
      .add<op::DeleteBucketWebsite>(delete_bucket_website)
      .add<op::GetBucketCors>(get_bucket_cors)
      .add<op::PutBucketCors>(put_bucket_cors)
      .add<op::DeleteBucketCors>(delete_bucket_cors)
      .add<op::GetBucketLifecycleConfiguration>(get_bucket_lifecycle)
      .add<op::PutBucketLifecycleConfiguration>(put_bucket_lifecycle)
      .add<op::DeleteBucketLifecycle>(delete_bucket_lifecycle)
      .add<op::GetBucketNotificationConfiguration>(get_bucket_notification)
      .add<op::PutBucketNotificationConfiguration>(put_bucket_notification)
      .add<op::GetBucketTagging>(get_bucket_tagging)
      .add<op::PutBucketTagging>(put_bucket_tagging)
      .add<op::DeleteBucketTagging>(delete_bucket_tagging);
}

void add_unmade_settings(Adder& adder) {
  namespace op = api::op;
  adder.add<op::GetBucketReplication>(show_no_replication<op::GetBucketReplication>)
      .add<op::DeleteBucketReplication>(remove_no_replication<op::DeleteBucketReplication>)
      .add<op::GetBucketAnalyticsConfiguration>(
          find_no_configuration<op::GetBucketAnalyticsConfiguration>)
      .add<op::ListBucketAnalyticsConfigurations>(
          list_no_configurations<op::ListBucketAnalyticsConfigurations>)
      .add<op::DeleteBucketAnalyticsConfiguration>(
          find_no_configuration<op::DeleteBucketAnalyticsConfiguration>)
      .add<op::GetBucketIntelligentTieringConfiguration>(
          find_no_configuration<op::GetBucketIntelligentTieringConfiguration>)
      .add<op::ListBucketIntelligentTieringConfigurations>(
          list_no_configurations<op::ListBucketIntelligentTieringConfigurations>)
      .add<op::DeleteBucketIntelligentTieringConfiguration>(
          find_no_configuration<op::DeleteBucketIntelligentTieringConfiguration>)
      .add<op::GetBucketInventoryConfiguration>(
          find_no_configuration<op::GetBucketInventoryConfiguration>)
      .add<op::ListBucketInventoryConfigurations>(
          list_no_configurations<op::ListBucketInventoryConfigurations>)
      .add<op::DeleteBucketInventoryConfiguration>(
          find_no_configuration<op::DeleteBucketInventoryConfiguration>)
      .add<op::GetBucketMetricsConfiguration>(
          find_no_configuration<op::GetBucketMetricsConfiguration>)
      .add<op::ListBucketMetricsConfigurations>(
          list_no_configurations<op::ListBucketMetricsConfigurations>)
      .add<op::DeleteBucketMetricsConfiguration>(
          find_no_configuration<op::DeleteBucketMetricsConfiguration>);
}

void add_object_operations(Adder& adder) {
  namespace op = api::op;
  adder.add_upload<op::PutObject>(put_object)
      .add<op::GetObject>(get_object)
      .add<op::HeadObject>(head_object)
      .add<op::GetObjectAttributes>(get_object_attributes)
      .add<op::CopyObject>(copy_object)
      .add<op::DeleteObject>(delete_object)
      .add<op::DeleteObjects>(delete_objects)
      .add<op::GetObjectAcl>(get_object_acl)
      .add<op::PutObjectAcl>(put_object_acl)
      .add<op::GetObjectRetention>(get_object_retention)
      .add<op::PutObjectRetention>(put_object_retention)
      .add<op::GetObjectLegalHold>(get_object_legal_hold)
      .add<op::PutObjectLegalHold>(put_object_legal_hold)
      .add<op::GetObjectTagging>(get_object_tagging)
      .add<op::PutObjectTagging>(put_object_tagging)
      .add<op::DeleteObjectTagging>(delete_object_tagging)
      .add<op::RestoreObject>(restore_object)
      .add<op::ListObjects>(list_objects)
      .add<op::ListObjectsV2>(list_objects_v2)
      .add<op::ListObjectVersions>(list_object_versions);
}

void add_multipart_operations(Adder& adder) {
  namespace op = api::op;
  adder.add<op::CreateMultipartUpload>(create_multipart_upload)
      .add_upload<op::UploadPart>(upload_part)
      .add<op::UploadPartCopy>(upload_part_copy)
      .add<op::CompleteMultipartUpload>(complete_multipart_upload)
      .add<op::AbortMultipartUpload>(abort_multipart_upload)
      .add<op::ListParts>(list_parts)
      .add<op::ListMultipartUploads>(list_multipart_uploads);
}

}  // namespace

objects::Lifecycle::Needs lifecycle_needs(objects::Objects& objects, LifecycleTexts& texts,
                                          engine::ReconcilerLoop& loop) {
  return {.objects = objects,
          .setting = std::string(setting::lifecycle),
          .read = [&texts](const std::string& text) { return texts.read(text); },
          .loop = loop};
}

void install(service::Registry& registry, const S3Needs& needs) {
  needs.objects.watch(std::string(setting::notification), needs.notices);
  Service service = registry.begin(api::schema(), error_table());
  service.add_types(resource_types());
  Adder adder(service,
              S3Door{needs.objects, needs.store, needs.notices, needs.lifecycle, needs.lifecycles});
  add_bucket_operations(adder);
  add_setting_operations(adder);
  add_unmade_settings(adder);
  add_object_operations(adder);
  add_multipart_operations(adder);
}

}  // namespace slipway::s3

// The operations of this door; each stands in the file of its resource.
#pragma once

#include "service/s3/door.h"

namespace slipway::s3 {

// bucket.cc
Result<api::CreateBucketOutput> create_bucket(Call& call, api::CreateBucketRequest in);
Result<> delete_bucket(const S3Door& door, Call& call, api::DeleteBucketRequest in);
Result<api::HeadBucketOutput> head_bucket(Call& call, api::HeadBucketRequest in);
Result<api::ListBucketsOutput> list_buckets(Call& call, api::ListBucketsRequest in);
Result<api::GetBucketLocationOutput> get_bucket_location(Call& call,
                                                         api::GetBucketLocationRequest in);
Result<api::GetBucketVersioningOutput> get_bucket_versioning(Call& call,
                                                             api::GetBucketVersioningRequest in);
Result<> put_bucket_versioning(Call& call, api::PutBucketVersioningRequest in);

// object_lock.cc
Result<api::GetObjectLockConfigurationOutput> get_object_lock_configuration(
    Call& call, api::GetObjectLockConfigurationRequest in);
Result<api::PutObjectLockConfigurationOutput> put_object_lock_configuration(
    Call& call, api::PutObjectLockConfigurationRequest in);
Result<api::GetObjectRetentionOutput> get_object_retention(Call& call,
                                                           api::GetObjectRetentionRequest in);
Result<api::PutObjectRetentionOutput> put_object_retention(Call& call,
                                                           api::PutObjectRetentionRequest in);
Result<api::GetObjectLegalHoldOutput> get_object_legal_hold(Call& call,
                                                            api::GetObjectLegalHoldRequest in);
Result<api::PutObjectLegalHoldOutput> put_object_legal_hold(Call& call,
                                                            api::PutObjectLegalHoldRequest in);

// bucket_settings.cc: stored as given, returned as stored.
Result<api::GetBucketEncryptionOutput> get_bucket_encryption(Call& call,
                                                             api::GetBucketEncryptionRequest in);
Result<> put_bucket_encryption(Call& call, api::PutBucketEncryptionRequest in);
Result<> delete_bucket_encryption(Call& call, api::DeleteBucketEncryptionRequest in);
Result<api::GetPublicAccessBlockOutput> get_public_access_block(
    Call& call, api::GetPublicAccessBlockRequest in);
Result<> put_public_access_block(Call& call, api::PutPublicAccessBlockRequest in);
Result<> delete_public_access_block(Call& call, api::DeletePublicAccessBlockRequest in);
Result<api::GetBucketOwnershipControlsOutput> get_bucket_ownership_controls(
    Call& call, api::GetBucketOwnershipControlsRequest in);
Result<> put_bucket_ownership_controls(Call& call, api::PutBucketOwnershipControlsRequest in);
Result<> delete_bucket_ownership_controls(Call& call, api::DeleteBucketOwnershipControlsRequest in);
Result<api::GetBucketPolicyOutput> get_bucket_policy(Call& call, api::GetBucketPolicyRequest in);
Result<> put_bucket_policy(Call& call, api::PutBucketPolicyRequest in);
Result<> delete_bucket_policy(Call& call, api::DeleteBucketPolicyRequest in);
Result<api::GetBucketCorsOutput> get_bucket_cors(Call& call, api::GetBucketCorsRequest in);
Result<> put_bucket_cors(Call& call, api::PutBucketCorsRequest in);
Result<> delete_bucket_cors(Call& call, api::DeleteBucketCorsRequest in);
Result<api::GetBucketLifecycleConfigurationOutput> get_bucket_lifecycle(
    Call& call, api::GetBucketLifecycleConfigurationRequest in);
Result<api::PutBucketLifecycleConfigurationOutput> put_bucket_lifecycle(
    const S3Door& door, Call& call, api::PutBucketLifecycleConfigurationRequest in);
Result<> delete_bucket_lifecycle(Call& call, api::DeleteBucketLifecycleRequest in);
Result<api::NotificationConfiguration> get_bucket_notification(
    Call& call, api::GetBucketNotificationConfigurationRequest in);
Result<> put_bucket_notification(const S3Door& door, Call& call,
                                 api::PutBucketNotificationConfigurationRequest in);
Result<api::GetBucketPolicyStatusOutput> get_bucket_policy_status(
    Call& call, api::GetBucketPolicyStatusRequest in);
Result<api::GetBucketAccelerateConfigurationOutput> get_bucket_accelerate(
    Call& call, api::GetBucketAccelerateConfigurationRequest in);
Result<> put_bucket_accelerate(Call& call, api::PutBucketAccelerateConfigurationRequest in);
Result<api::GetBucketRequestPaymentOutput> get_bucket_request_payment(
    Call& call, api::GetBucketRequestPaymentRequest in);
Result<> put_bucket_request_payment(Call& call, api::PutBucketRequestPaymentRequest in);
Result<api::GetBucketLoggingOutput> get_bucket_logging(Call& call, api::GetBucketLoggingRequest in);
Result<> put_bucket_logging(Call& call, api::PutBucketLoggingRequest in);
Result<api::GetBucketWebsiteOutput> get_bucket_website(Call& call, api::GetBucketWebsiteRequest in);
Result<> put_bucket_website(Call& call, api::PutBucketWebsiteRequest in);
Result<> delete_bucket_website(Call& call, api::DeleteBucketWebsiteRequest in);
Result<api::GetBucketTaggingOutput> get_bucket_tagging(Call& call, api::GetBucketTaggingRequest in);
Result<> put_bucket_tagging(Call& call, api::PutBucketTaggingRequest in);
Result<> delete_bucket_tagging(Call& call, api::DeleteBucketTaggingRequest in);

// acl.cc
Result<api::GetBucketAclOutput> get_bucket_acl(Call& call, api::GetBucketAclRequest in);
Result<> put_bucket_acl(Call& call, api::PutBucketAclRequest in);
Result<api::GetObjectAclOutput> get_object_acl(Call& call, api::GetObjectAclRequest in);
Result<api::PutObjectAclOutput> put_object_acl(const S3Door& door, Call& call,
                                               api::PutObjectAclRequest in);

// object_put.cc
Result<std::unique_ptr<UploadSink>> put_object(const S3Door& door, Call& call,
                                               api::PutObjectRequest in);

// object_get.cc
Result<api::GetObjectOutput> get_object(const S3Door& door, Call& call, api::GetObjectRequest in);
Result<api::HeadObjectOutput> head_object(const S3Door& door, Call& call,
                                          api::HeadObjectRequest in);
Result<api::GetObjectAttributesOutput> get_object_attributes(Call& call,
                                                             api::GetObjectAttributesRequest in);

// object_copy.cc
Result<api::CopyObjectOutput> copy_object(const S3Door& door, Call& call,
                                          api::CopyObjectRequest in);
Result<api::UploadPartCopyOutput> upload_part_copy(const S3Door& door, Call& call,
                                                   api::UploadPartCopyRequest in);

// object_delete.cc
Result<api::DeleteObjectOutput> delete_object(const S3Door& door, Call& call,
                                              api::DeleteObjectRequest in);
Result<api::DeleteObjectsOutput> delete_objects(const S3Door& door, Call& call,
                                                api::DeleteObjectsRequest in);

// object_tagging.cc
Result<api::GetObjectTaggingOutput> get_object_tagging(Call& call, api::GetObjectTaggingRequest in);
Result<api::PutObjectTaggingOutput> put_object_tagging(const S3Door& door, Call& call,
                                                       api::PutObjectTaggingRequest in);
Result<api::DeleteObjectTaggingOutput> delete_object_tagging(const S3Door& door, Call& call,
                                                             api::DeleteObjectTaggingRequest in);

// restore.cc
Result<api::RestoreObjectOutput> restore_object(const S3Door& door, Call& call,
                                                api::RestoreObjectRequest in);

// listing.cc
Result<api::ListObjectsOutput> list_objects(Call& call, api::ListObjectsRequest in);
Result<api::ListObjectsV2Output> list_objects_v2(Call& call, api::ListObjectsV2Request in);
Result<api::ListObjectVersionsOutput> list_object_versions(Call& call,
                                                           api::ListObjectVersionsRequest in);

// multipart.cc
Result<api::CreateMultipartUploadOutput> create_multipart_upload(
    const S3Door& door, Call& call, api::CreateMultipartUploadRequest in);
Result<std::unique_ptr<UploadSink>> upload_part(const S3Door& door, Call& call,
                                                api::UploadPartRequest in);
Result<api::AbortMultipartUploadOutput> abort_multipart_upload(const S3Door& door, Call& call,
                                                               api::AbortMultipartUploadRequest in);
Result<api::ListPartsOutput> list_parts(const S3Door& door, Call& call, api::ListPartsRequest in);
Result<api::ListMultipartUploadsOutput> list_multipart_uploads(Call& call,
                                                               api::ListMultipartUploadsRequest in);

// multipart_complete.cc
Result<api::CompleteMultipartUploadOutput> complete_multipart_upload(
    const S3Door& door, Call& call, api::CompleteMultipartUploadRequest in);

}  // namespace slipway::s3

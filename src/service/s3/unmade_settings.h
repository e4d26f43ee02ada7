// What S3 makes of a bucket by itself and Slipway does not: copies of it elsewhere, inventories,
// analyses, metrics, moves between tiers. To ask for one is refused by name; so no bucket has one,
// which these answer, as of a bucket of AWS's that has none.
#pragma once

#include "service/s3/door.h"
#include "service/s3/errors.h"

namespace slipway::s3 {

// GetBucketReplication.
template <typename Op>
Result<typename Op::Output> show_no_replication(Call& call, typename Op::Input in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  return std::unexpected(Error{ErrorCode::not_found,
                               "The replication configuration was not found",
                               "ReplicationConfigurationNotFoundError",
                               {{"BucketName", std::string(in.Bucket())}}});
}

// DeleteBucketReplication: of what is not there, too, as on AWS.
template <typename Op>
Result<> remove_no_replication(Call& call, typename Op::Input in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  return {};
}

// The configuration of that id, to show or to delete.
template <typename Op, typename Out = typename Op::Output>
Result<std::conditional_t<std::is_same_v<Out, wire::Unit>, void, Out>> find_no_configuration(
    Call& call, typename Op::Input in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  return std::unexpected(Error{ErrorCode::not_found, "The specified configuration does not exist.",
                               "NoSuchConfiguration"});
}

template <typename Op>
Result<typename Op::Output> list_no_configurations(Call& call, typename Op::Input in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  return call.output<typename Op::Output>().IsTruncated(false);
}

}  // namespace slipway::s3

// The limit on how many instances there may be, in AWS's words.
#pragma once

#include <string_view>

#include "base/result.h"
#include "gen/sagemaker.h"

namespace slipway::sagemaker {

// An error of fleet::Fleets as AWS says it: of kind "too_many_instances" it is the quota of an
// instance type for endpoints; any other stays as it is. `instance_type` is of what was asked for;
// empty where nobody said one.
Error in_quota_words(Error error, std::string_view instance_type);

template <typename T>
Result<T> in_quota_words(Result<T> outcome, std::string_view instance_type) {
  if (outcome) return outcome;
  return std::unexpected(in_quota_words(std::move(outcome).error(), instance_type));
}

// The type of the variants that ask for the most instances; empty where there is none.
std::string_view largest_type(const aws::sagemaker::CreateEndpointConfigInput& config);

}  // namespace slipway::sagemaker

// The cloud provider's own policies that roles of machine-learning deployments attach, by name.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slipway::iam {

// One policy that the provider publishes.
struct ManagedPolicy {
  std::string_view name;      // "AmazonSageMakerFullAccess"
  std::string_view path;      // "/" or "/service-role/"
  std::string_view id;        // "ANPA..."
  std::string_view version;   // "v27"
  std::int64_t created = 0;   // seconds of the epoch: when the provider published it first
  std::int64_t updated = 0;   // and when this version
  std::string_view document;  // JSON
};

std::span<const ManagedPolicy> managed_policies();
// Its parts, by what they are about.
std::span<const ManagedPolicy> learning_policies();
std::span<const ManagedPolicy> service_policies();
std::span<const ManagedPolicy> tool_policies();
// By path and name, "/service-role/AWSLambdaBasicExecutionRole"; nullptr where there is none.
const ManagedPolicy* managed_policy(std::string_view path_and_name);

}  // namespace slipway::iam

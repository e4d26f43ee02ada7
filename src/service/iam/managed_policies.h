// The cloud provider's own policies that roles of machine-learning deployments attach, by name.
#pragma once

#include <span>
#include <string_view>

namespace slipway::iam {

struct ManagedPolicy {
  std::string_view name;      // "AmazonSageMakerFullAccess"
  std::string_view path;      // "/" or "/service-role/"
  std::string_view id;        // "ANPA..."
  std::string_view version;   // "v27"
  std::string_view document;  // JSON
};

std::span<const ManagedPolicy> managed_policies();
// By path and name, "/service-role/AWSLambdaBasicExecutionRole"; nullptr where there is none.
const ManagedPolicy* managed_policy(std::string_view path_and_name);

}  // namespace slipway::iam

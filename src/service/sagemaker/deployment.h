// An endpoint's deployments: the one that is wanted, and the one before it, which serves on until
// the wanted one does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/fleet/fleet.h"
#include "service/call.h"

namespace slipway::sagemaker {

// `wanted` and `former` are documents of the shape DescribeEndpointOutput (plan.h:
// deployment_face).
struct Deployment {
  routing::Generation generation = 0;  // the fleet's number of the wanted one
  std::string wanted;
  std::optional<std::string> former;
  Timestamp started{};
};

// Absent where the endpoint has no row.
std::optional<Deployment> find_deployment(const service::Call& call, std::string_view endpoint_arn);
void put_deployment(const service::Call& call, std::string_view endpoint_arn,
                    const Deployment& deployment);
void remove_deployment(const service::Call& call, std::string_view endpoint_arn);

}  // namespace slipway::sagemaker

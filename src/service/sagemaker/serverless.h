// Serverless variants: what AWS allows them, what they mean for the fleet engine, and how they are
// described. Facts: AWS's model (ProductionVariantServerlessConfig) and its page "Deploy models
// with Amazon SageMaker Serverless Inference"; where AWS's text of a refusal is not known, ours
// names the member and the rule.
#pragma once

#include "engine/fleet/fleet.h"
#include "engine/fleet/plan.h"
#include "gen/sagemaker.h"
#include "service/call.h"

namespace slipway::sagemaker {

// Limits.
inline constexpr std::int64_t serverless_memory_step_mb = 1024;         // 1024, 2048, ... 6144
inline constexpr std::uint64_t serverless_body_bytes_max = 4ULL << 20;  // request and answer
inline constexpr std::chrono::seconds serverless_startup_timeout{180};

// A choice: on AWS one instance is given one request at a time. Here an instance is a process of a
// machine with few cores and its model server takes many at once, so one of a built-in image is
// given up to so many; a container of the user's own gets one at a time, as there.
inline constexpr std::uint32_t requests_per_built_in_instance = 16;

// ValidationException where a serverless variant of the configuration breaks AWS's rules, or stands
// where AWS excludes it: beside other variants, with instances, a VPC, network isolation, data
// capture, asynchronous inference, explanations, several models or containers.
Result<> check_serverless(const service::Call& call,
                          const aws::sagemaker::CreateEndpointConfigInput& config);

// Makes the variant elastic, with the limits of its ServerlessConfig.
void make_serverless(const aws::sagemaker::ProductionVariantServerlessConfig& config,
                     fleet::Variant& variant);

// An endpoint with instances cannot become a serverless one: ValidationException. The other way is
// allowed.
Result<> check_conversion(const fleet::FleetPlan& now, const fleet::FleetPlan& wanted);

// ServerlessUpdateConfig of UpdateEndpointWeightsAndCapacities.
Result<> take_serverless_update(const aws::sagemaker::DesiredWeightAndCapacity& wanted,
                                const fleet::VariantStatus& variant, fleet::VariantChange& change);

// CurrentServerlessConfig and DesiredServerlessConfig as they are now.
void fill_serverless(aws::sagemaker::ProductionVariantSummary variant,
                     const fleet::VariantStatus& status);

}  // namespace slipway::sagemaker

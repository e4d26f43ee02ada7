// What an endpoint configuration means for the fleet engine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "engine/fleet/plan.h"
#include "engine/residency/model_collection.h"
#include "gen/sagemaker.h"
#include "service/call.h"
#include "service/sagemaker/resources.h"

namespace slipway::sagemaker {

// The repository names of images that this server runs as plain processes, whatever registry,
// account, region and tag stand around them.
using BuiltInImages = std::set<std::string, std::less<>>;

// What a variant has that says nothing of it; the weight is AWS's, the count a choice.
inline constexpr double variant_weight_default = 1.0;
inline constexpr std::int32_t variant_instances_default = 1;

// The plan of the fleet behind an endpoint with this configuration. Looks the models up as they are
// now: ValidationException where one is gone, or where the configuration asks for what Slipway does
// not have yet (several models, explanations). Each container of a model with several is a variant
// of the fleet (engine/fleet/plan.h).
// `maker`, the configuration's (Resource::maker), is for whom results are stored where a model's
// role does not exist.
Result<fleet::FleetPlan> fleet_plan(const Call& call, const BuiltInImages& built_in,
                                    const aws::sagemaker::CreateEndpointConfigInput& config,
                                    std::string_view maker);

// How an endpoint asks for streamed answers whose parts end where its lines ("line") or its
// server-sent events ("sse") end: by this tag, a key of Slipway's own. It counts when the endpoint
// is created or updated.
inline constexpr std::string_view stream_alignment_tag = "slipway:stream-alignment";

// Reads the tag of the endpoint with this ARN into the plan. ValidationException: it is neither.
Result<> apply_stream_alignment(const Call& call, std::string_view endpoint_arn,
                                fleet::FleetPlan& plan);

// What a container runs, and the models of one of Mode MultiModel. Neither the limits of its start
// nor its memory, which stand elsewhere.
struct ContainerProgram {
  fleet::Program program;
  std::optional<residency::ModelCollection> models = {};
};
Result<ContainerProgram> program_of(const BuiltInImages& built_in,
                                    const aws::sagemaker::ContainerDefinition& container);
// How its instances serve: as `single` says; of Mode MultiModel, each of them many models.
fleet::Serving serving_of(std::optional<residency::ModelCollection> models,
                          const fleet::SingleModel& single);
// Lets the instances of a program act as an execution role, in the caller's region; an empty role
// changes nothing. Whether there is such a role is asked when they ask for its credentials.
void act_as(const Call& call, std::string_view role_arn, fleet::Program& program);

// Has its artifacts fetched for the role, or for `maker` where there is no such role.
Result<> read_for(const Call& call, std::string_view role_arn, std::string_view maker,
                  ContainerProgram& container);

// The only container of a model, and the role that it runs as. ValidationException where there is
// no such model, or where it has several.
struct LoneContainer {
  aws::sagemaker::ContainerDefinition container;
  std::string_view role;  // lives as long as the call; empty: none
  std::string maker;      // the model's (Resource::maker)
};
Result<LoneContainer> container_of_model(const Call& call, std::string_view model_name);

// The fleet of an endpoint: its name below the doors.
routing::FleetId fleet_of(const Call& call, std::string_view endpoint_name);

// What DescribeEndpoint says of a deployment for as long as it lives, whatever becomes of the
// configuration: its name, its variants, their images.
Result<aws::sagemaker::DescribeEndpointOutput> deployment_face(
    const Call& call, const aws::sagemaker::CreateEndpointConfigInput& config);

}  // namespace slipway::sagemaker

// What batch transform means in SageMaker's words: what a container tells of itself, how a job's
// log says how it is asked, and what is wrong with what was asked for.
#pragma once

#include "base/result.h"
#include "engine/transform/transform.h"

namespace slipway::sagemaker {

// What the engine is to know of this door's containers: GET /execution-parameters and its answer.
transform::TransformContract transform_contract();

// The engine's refusal of `plan` by the names that its members have in CreateTransformJob. What has
// none comes back as it is.
Error transform_refusal(Error refusal, const transform::TransformPlan& plan);

}  // namespace slipway::sagemaker

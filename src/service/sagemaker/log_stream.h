// Where CloudWatch Logs shows what an endpoint's instance prints.
#pragma once

#include <optional>

#include "engine/logs/log_book.h"
#include "place/place.h"

namespace slipway::sagemaker {

// Group "/aws/sagemaker/Endpoints/<EndpointName>", stream "<variant>/<instance id>", in the space
// of the endpoint's account and region; "/aws/sagemaker/InferenceComponents/<name>" for a copy of
// an inference component. Nothing for an instance that is no endpoint's.
std::optional<logs::StreamName> stream_of(const place::InstanceKey& key);

}  // namespace slipway::sagemaker

// Where CloudWatch Logs shows what an instance prints.
#pragma once

#include <optional>

#include "engine/fleet/fleet_reconciler.h"
#include "engine/logs/log_book.h"
#include "engine/transform/transform.h"
#include "place/place.h"

namespace slipway::sagemaker {

// What the instances of this door's fleets are labelled with: group
// "/aws/sagemaker/Endpoints/<EndpointName>", stream "<variant>/<instance id>", in the space of the
// endpoint's account and region; "/aws/sagemaker/InferenceComponents/<name>" for a copy of an
// inference component; for a transform job "/aws/sagemaker/TransformJobs", stream
// "<TransformJobName>/<instance id>". What is printed while the packages of a variant are installed
// stands beside its instances, in "<variant>/packages-<id>" (AWS shows it in the first lines of
// each instance).
place::Labels labels_of(const fleet::InstanceName& name);

// The same of an instance that was started by a release before its labels were kept with it, by its
// key; no labels for one that is none of ours.
place::Labels labels_of_older(const place::InstanceKey& key);

// The log of a transform job itself: its terms, its progress, what failed. Stream
// "<TransformJobName>/data-log" (AWS has one for each instance; here one tells all).
std::optional<logs::StreamName> data_log_of(const transform::TransformId& job);

}  // namespace slipway::sagemaker

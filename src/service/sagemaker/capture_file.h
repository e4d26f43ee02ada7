// Captured requests as the objects that SageMaker's data capture writes.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "engine/routing/capture.h"
#include "gen/sagemaker.h"

namespace slipway::sagemaker {

// What a DataCaptureConfig means for the fleet engine; absent where it captures nothing.
std::optional<routing::CapturePlan> capture_plan(const aws::sagemaker::DataCaptureConfig& config);

// One object of captured requests, ready to be stored.
struct CaptureObject {
  std::string bucket;
  std::string key;    // "<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/mm-ss-mmm-<uuid>.jsonl", UTC
  std::string lines;  // JSON, one a record, each ended by a newline
};

// The format is that of AWS's developer guide, "Capture data from real-time endpoint". Data is text
// where its content type is one that the configuration calls CSV or JSON and its bytes are UTF-8,
// else base64.
CaptureObject capture_object(const routing::CaptureFile& file, Random& random);

}  // namespace slipway::sagemaker

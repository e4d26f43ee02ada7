// Brings a model's files into the object store, each content once.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/aws_client.h"
#include "cli/model_file.h"

namespace slipway::cli {

// Says where a model lies now.
struct Uploaded {
  std::string uri;               // "s3://bucket/models/<digest>/model.onnx", or ".../<digest>/"
  std::uint64_t bytes_sent = 0;  // 0: all of it was there
};

// Into `bucket`, which is made where it is missing, below models/<digest>/. Each file is streamed
// with its SHA-256, which the server compares.
Result<Uploaded> upload_model(AwsClient& client, const std::string& bucket, const ModelFile& model);

}  // namespace slipway::cli

// A model file is what a person wants deployed: a file or folder, looked at and named for upload.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/model_input.h"

namespace slipway::cli {

inline constexpr std::size_t model_files_max = 10'000;

// A kind says what a model's file is, and so how it is sent.
enum class ModelKind : std::uint8_t {
  onnx,     // one model, with the files of its external data where there are any
  xgboost,  // JSON, UBJSON or the SDK's xgboost-model
  sklearn,  // joblib or pickle
  archive,  // model.tar.gz, sent as it is
  folder,   // a model directory, sent file by file
};

std::string_view name_of(ModelKind kind);

// One file to upload.
struct ModelPart {
  std::filesystem::path path;
  std::string name;  // in the model directory: "model.onnx", "code/inference.py"
  std::uint64_t bytes = 0;
  std::string sha256;  // raw, 32 bytes
};

// A model on this machine's disk, looked at and summed up.
struct ModelFile {
  ModelKind kind = ModelKind::archive;
  // Says whose image serves it, by what is inside: `archive` where its own code does, or nobody is
  // known.
  ModelKind served_as = ModelKind::archive;
  std::optional<RecordShape> record;  // where the model's file says it
  std::vector<ModelPart> parts;       // not empty, by name
  std::string digest;                 // hex, of all names and contents: the same model has the same
  std::uint64_t bytes() const;
};

// Looks at content, not at the name alone, and reads everything once for the digest. not_found: no
// such file; invalid_argument: nothing that can be deployed, with what can.
Result<ModelFile> examine_model(const std::filesystem::path& path);

// The built-in image that serves it: "slipway-inference", "sagemaker-xgboost", ...
std::string_view image_for(const ModelFile& model);

// An endpoint's name made from a file's: "my model.v2.onnx" gives "my-model-v2". At most
// `bytes_max`.
std::string endpoint_name_from(const std::filesystem::path& path, std::size_t bytes_max);

}  // namespace slipway::cli

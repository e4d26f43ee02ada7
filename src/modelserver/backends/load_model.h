// A model directory to a Model: which backend, and bringing it up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "modelserver/backends/model.h"
#include "modelserver/backends/onnx_model.h"
#include "modelserver/backends/python_worker.h"
#include "modelserver/options.h"

namespace slipway::modelserver {

// Entries of a model directory that an error lists.
inline constexpr std::size_t listed_entries_max = 20;

// Says what runs a model.
enum class Backend : std::uint8_t { onnx, xgboost, python };

// Says which backend a model directory is for, and which of its files.
struct Choice {
  Backend backend = Backend::onnx;
  // The model's file; none for a script, which loads what it likes; of XGBoost several, whose
  // answers are averaged.
  std::vector<std::string> files = {};
};

// Looks into the directory, in this order:
//   a script      code/inference.py, or what SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY name
//   ONNX          model.onnx, or the only *.onnx
//   XGBoost       xgboost-model, or xgboost-model-0, -1, ... together, or the only file that is one
//                 (*.json, *.ubj, *.xgb, *.bst, *.model)
//   scikit-learn  model.joblib, or any *.joblib, *.pkl
// (for the image sagemaker-scikit-learn the last one before XGBoost). Where the directory has
// nothing of these but one folder, it looks there. What begins with a dot, and __MACOSX, is looked
// over. not_found lists what was looked for and what is there; conflict, several files that could
// be meant.
Result<Choice> choose_backend(const Options& options);

// How a Python model of these options is run.
PythonOptions python_options(const Options& options);

// Chooses and loads. The message of an error is one that a person can act on. `onnx` is a runtime
// that is open already, or null.
Result<std::unique_ptr<Model>> load_model(const Options& options,
                                          std::shared_ptr<const OnnxRuntime> onnx);

}  // namespace slipway::modelserver

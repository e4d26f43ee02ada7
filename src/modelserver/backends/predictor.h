// A backend that computes on tensors: what ONNX and XGBoost have in common.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "modelserver/backends/model.h"

namespace slipway::modelserver {

// Whether requests may be run as one by laying their records one after the other.
enum class Joining : std::uint8_t {
  never,       // an input or output has no open first size, or records influence each other
  by_records,  // every input and output has one record per record, each computed for itself
};

// One loaded model of tensors. Implementations are made by onnx_model.h and xgboost_model.h.
class Predictor {
 public:
  virtual ~Predictor() = default;

  virtual const ModelSignature& signature() const = 0;
  virtual Joining joining() const = 0;

  // Computes `outputs`, in the order of the signature's, from `inputs`, which fit the signature,
  // and `overrides` of its defaults. `outputs` is resized; buffers that are there may be reused.
  // invalid_argument: the model refused these inputs; internal: it failed. Safe from several
  // threads.
  virtual Result<> run(std::span<Tensor> inputs, std::span<Override> overrides,
                       std::vector<Tensor>& outputs) = 0;
};

}  // namespace slipway::modelserver

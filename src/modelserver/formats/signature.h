// A signature is what a model says of itself: the tensors that go in and come out.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "modelserver/formats/tensor.h"

namespace slipway::modelserver {

// Holds what a model takes and gives. Empty lists: the model does not say (Python handlers).
struct ModelSignature {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<TensorInfo> defaults = {};  // inputs that a request may leave out
};

// Holds what a request gives in place of the default of Signature::defaults[which], for all its
// records.
struct Override {
  std::size_t which = 0;
  Tensor value;
};

// "the model takes 'x': float32 [N, 128] and gives 'y': float32 [N, 10]"
std::string describe(const ModelSignature& signature);

}  // namespace slipway::modelserver

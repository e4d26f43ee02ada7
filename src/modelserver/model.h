// One loaded model, as the fronts see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modelserver/tensor.h"

namespace slipway::modelserver {

// What a model takes and gives. Empty lists: the model does not say (Python handlers).
struct Signature {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
};

// "the model takes 'x': float32 [N, 128] and gives 'y': float32 [N, 10]"
std::string describe(const Signature& signature);

struct Answer {
  std::uint16_t status = 500;
  std::string content_type;
  std::string body;
};

// One request and, once answered, its answer. The views outlive the call that answers it.
struct Invocation {
  std::string_view content_type;       // as sent, parameters included; may be empty
  std::string_view accept;             // as sent; may be empty
  std::string_view custom_attributes;  // X-Amzn-SageMaker-Custom-Attributes
  std::string_view body;
  Answer answer;
};

// Implementations: TensorModel (over ONNX and XGBoost), PythonModel. All say what they cannot do in
// the answer: 400 a body that does not fit the signature, 406 an Accept, 415 a content type, 500 a
// model that failed.
class Model {
 public:
  virtual ~Model() = default;

  virtual const Signature& signature() const = 0;

  // How many invocations one call of answer() may usefully join; 1: they are only ever run one by
  // one.
  virtual std::size_t batch_max() const = 0;

  // How many threads may usefully be inside answer() at once.
  virtual std::size_t concurrency() const = 0;

  // Answers every invocation. Blocks for as long as the model computes; safe from several threads.
  virtual void answer(std::span<Invocation> batch) = 0;
};

}  // namespace slipway::modelserver

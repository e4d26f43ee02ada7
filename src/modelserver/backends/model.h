// One loaded model, as the fronts see it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modelserver/formats/signature.h"

namespace slipway::modelserver {

// The rest of an answer that a model gives in parts, read on the loop thread. Dropped before its
// end: the model's code is ended, however it likes that.
class PartSource {
 public:
  struct Chunk {
    enum class Kind : std::uint8_t {
      bytes,
      nothing,  // for now: wait for the descriptor
      end,
      broken,  // it ends here, incomplete; `bytes` is a sentence
    };
    Kind kind = Kind::nothing;
    std::string_view bytes = {};  // until the next read()
  };
  virtual ~PartSource() = default;
  // Readable when there may be more than read() gave up to its `nothing`.
  virtual int descriptor() const = 0;
  // Never blocks. After end and broken: not again.
  virtual Chunk read() = 0;
  // Asks the model's code to come to an end; what it still gives is to be read and thrown away.
  virtual void stop() = 0;
  // How long nothing may come before the source counts as broken.
  virtual std::chrono::milliseconds silence_max() const = 0;
};

// An answer is a body, or a source of parts.
struct Answer {
  std::uint16_t status = 500;
  std::string content_type;
  std::string custom_attributes;  // as of a request; empty: none
  std::string body;
  std::shared_ptr<PartSource> parts;  // not null: in place of the body
};

// Makes `answer` an error: that status, and `{"error": "sentence"}` as application/json.
void answer_error(Answer& answer, std::uint16_t status, std::string_view sentence);

// One request and, once answered, its answer. The views outlive the call that answers it.
struct ModelCall {
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

  virtual const ModelSignature& signature() const = 0;

  // How many invocations one call of answer() may usefully join; 1: they are only ever run one by
  // one.
  virtual std::size_t batch_max() const = 0;

  // How many threads may usefully be inside answer() at once.
  virtual std::size_t concurrency() const = 0;

  // Answers every invocation. Blocks for as long as the model computes; safe from several threads.
  // An answer in parts occupies one of `concurrency` until its source is gone.
  virtual void answer(std::span<ModelCall> batch) = 0;
};

}  // namespace slipway::modelserver

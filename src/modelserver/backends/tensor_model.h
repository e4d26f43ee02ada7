// A Model over a Predictor: decode, join, run, split, encode.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "modelserver/backends/model.h"
#include "modelserver/backends/predictor.h"
#include "modelserver/backends/selected_output.h"
#include "modelserver/formats/decode.h"
#include "modelserver/formats/encode.h"

namespace slipway::modelserver {

// Requests that one run may join.
inline constexpr std::size_t joined_requests_max = 1024;
// Records that one run joins; a request of more runs alone.
inline constexpr std::int64_t joined_records_max = 1024;

// How a model is asked and answers, where AWS's images differ from each other.
struct Manner {
  Flavor flavor = Flavor::plain;
  Dialect dialect = {};
  AcceptType accept = AcceptType::json;  // what is answered to who does not say
  std::optional<SelectedOutput> selected = {};
};

// Requests of a batch whose records fit together are run as one where the predictor allows it; a
// run that fails is repeated one by one, so that a bad request fails alone. Threads: answer() works
// on a workspace of its own, taken from a list under a mutex.
class TensorModel final : public Model {
 public:
  TensorModel(std::unique_ptr<Predictor> predictor, Manner manner);
  ~TensorModel() override;

  const ModelSignature& signature() const override { return predictor_->signature(); }
  std::size_t batch_max() const override;
  std::size_t concurrency() const override;
  void answer(std::span<ModelCall> batch) override;

 private:
  AnswerKind answer_kind() const {
    return manner_.selected ? AnswerKind::selected : AnswerKind::outputs;
  }

  struct Item;       // a request that was decoded
  struct Workspace;  // the buffers of one answer() call

  std::unique_ptr<Workspace> take_workspace();
  bool can_slice(const ModelCall& invocation, AcceptType accept) const;
  bool answer_in_slices(ModelCall& invocation, Workspace& workspace);
  bool prepare(ModelCall& invocation, Item& item) const;
  void run_items(std::span<Item*> items, Workspace& workspace);
  void run_joined(std::span<Item*> items, Workspace& workspace);
  void run_alone(Item& item, Workspace& workspace);
  bool can_join(const Item& first, const Item& next) const;
  Result<> write(const Item& item, std::span<const Tensor> outputs, RecordRange range,
                 std::string& out) const;
  void finish(Item& item, std::span<const Tensor> outputs, RecordRange range) const;

  std::unique_ptr<Predictor> predictor_;
  Manner manner_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;  // guarded by mutex_
};

}  // namespace slipway::modelserver

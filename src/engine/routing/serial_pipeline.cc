#include "engine/routing/serial_pipeline.h"

#include <utility>

namespace slipway::routing {

void SerialPipeline::fit(InvokeRequest& request, const VariantRoute& at) const {
  const bool last = at.execution != Execution::serial || at.position + 1 == at.containers;
  request.accept = last ? accept_ : std::string_view();
  request.answer_mode = last ? answer_mode_ : AnswerMode::whole;
}

void SerialPipeline::take(InvokeAnswer& answer, std::chrono::microseconds took,
                          InvokeRequest& request) {
  content_type_ = answer.content_type;
  body_ = answer.body_owned != nullptr ? std::move(*answer.body_owned) : std::string(answer.body);
  request.content_type = content_type_;
  request.body = body_;
  request.body_files = nullptr;
  model_time_ += took;
  ++answers_;
}

}  // namespace slipway::routing

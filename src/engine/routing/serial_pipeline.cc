#include "engine/routing/serial_pipeline.h"

#include <utility>

namespace slipway::routing {

void SerialPipeline::fit(InvokeRequest& request, const ContainerPlace& at) const {
  if (at.position + 1 == at.count) return restore(request);
  request.accept = {};
  request.answer_mode = AnswerMode::whole;
}

void SerialPipeline::restore(InvokeRequest& request) const {
  request.accept = accept_;
  request.answer_mode = answer_mode_;
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

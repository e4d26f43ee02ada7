// A request on its way through the containers of a serial variant: the answer of each is the
// request of the next.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/routing/request.h"
#include "engine/routing/serving.h"

namespace slipway::routing {

// What an invocation keeps from container to container. Router's loop only; the invocation owns it.
//
// The caller's Accept and its wish for a streamed answer are for the last container alone: those
// before it answer each other, whole, in the form that is their own default. (Choices: AWS says
// only that the answer of one is the request of the next.)
class SerialPipeline {
 public:
  explicit SerialPipeline(const InvokeRequest& request)
      : accept_(request.accept),
        answer_mode_(request.answer_mode),
        body_of_caller_(request.body),
        type_of_caller_(request.content_type) {}

  // Makes `request` what that container is to be asked.
  void fit(InvokeRequest& request, const ContainerPlace& at) const;
  // Makes it the caller's own again, of which no container has answered anything yet.
  void restore(InvokeRequest& request) const;
  // Takes the answer of one container, which `took` so long, as the body of `request` to the next.
  void take(InvokeAnswer& answer, std::chrono::microseconds took, InvokeRequest& request);

  // Whether a container has answered: from then on the request stays with the generation in which
  // it began.
  bool is_under_way() const { return answers_ > 0; }
  // What those before the one at hand took.
  std::chrono::microseconds model_time() const { return model_time_; }

  // Of the caller's own request.
  std::string_view body_of_caller() const { return body_of_caller_; }
  std::string_view type_of_caller() const { return type_of_caller_; }

  // Whether an answer of such a container goes on to another one.
  static bool goes_on(const ServingRoute& at, int status) {
    const auto* const serial = std::get_if<SerialContainerRoute>(&at);
    return serial != nullptr && serial->place.position + 1 < serial->place.count && status >= 200 &&
           status < 300;
  }

 private:
  const std::string_view accept_;
  const AnswerMode answer_mode_;
  const std::string_view body_of_caller_;
  const std::string_view type_of_caller_;
  std::string content_type_;
  std::string body_;
  std::chrono::microseconds model_time_{0};
  std::uint32_t answers_ = 0;
};

}  // namespace slipway::routing

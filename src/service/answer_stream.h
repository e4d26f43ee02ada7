// An answer whose body is written bit by bit, long after its handler returned.
#pragma once

#include <atomic>
#include <memory>

#include "net/http_server.h"

namespace slipway::service {

// Who gets such an answer. `has_gone` becomes true when the client goes away.
struct StreamClient {
  net::BodyWriter writer;
  std::shared_ptr<const std::atomic<bool>> has_gone;
};

// Writes such an answer: frames of an event stream. A handler of Mode::work leaves one as an
// EventStreamPointer (Call::leave) and returns the output without its streamed member.
class EventStreamAnswer {
 public:
  virtual ~EventStreamAnswer() = default;
  // On the worker that answers; returns soon and writes later.
  virtual void begin(StreamClient&& client) = 0;
};

using EventStreamPointer = std::shared_ptr<EventStreamAnswer>;

}  // namespace slipway::service

// How queued requests reach the instances of a fleet, and what comes back.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/invocation_queue/queue_types.h"
#include "engine/objects/objects.h"

namespace slipway::invocation_queue {

// Limits of what is carried.
inline constexpr std::uint64_t queued_input_bytes_max = 1ULL << 30;
inline constexpr std::uint64_t queued_answer_bytes_max = 1ULL << 30;
// Answers up to this size are handed to the door too, which may pass them on.
inline constexpr std::size_t echo_bytes_max = 128 * 1024;

// One request on its way. Owns what it views.
struct Delivery {
  std::string fleet;
  QueuedRequest request;     // without `body`
  objects::Content content;  // the body
};

// An answer whose bytes are on the disk, though no object yet; of any status.
struct DeliveredAnswer {
  int status = 200;
  std::string content_type = {};
  objects::SealedBody body = {};
  std::optional<std::string> echo = {};  // where it has at most echo_bytes_max
};

// Says why a queued request got no answer from an instance.
enum class DeliveryError : std::uint8_t {
  unavailable,  // no instance took it: none has seen it, or the answer could not be kept
  timeout,
  broken,  // an instance had it and ended
  answer_too_large,
};

// The same with a sentence that says more, which may be empty.
struct FailedDelivery {
  DeliveryError error = DeliveryError::unavailable;
  std::string detail = {};
};

using Delivered = std::expected<DeliveredAnswer, FailedDelivery>;
// Called once, on any thread, never from within deliver().
using Arrived = std::move_only_function<void(Delivered)>;

// Sends queued requests to the instances of their fleets, and tells what came back. Thread-safe.
class RequestSender {
 public:
  virtual ~RequestSender() = default;

  // How many more requests the fleet's instances take now, where each is given `concurrency` at
  // once.
  virtual std::size_t room(std::string_view fleet, std::uint32_t concurrency) const = 0;

  virtual void deliver(Delivery delivery, Arrived arrived) = 0;
};

}  // namespace slipway::invocation_queue

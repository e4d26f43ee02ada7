// What a durable queue in front of a fleet holds, and what becomes of it: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/objects/types.h"
#include "engine/routing/traffic.h"

namespace slipway::invocation_queue {

// Numbers queues over the life of a store; never given twice.
using InvocationQueueId = std::int64_t;

// What a door may change of a queue while it lives.
struct InvocationQueueSettings {
  // How many requests one instance is given at once.
  std::uint32_t concurrency = 1;
  // The door's own: kept, handed back, not read.
  std::string document = {};
  // For whom results are stored, in the door's words, each once; an empty one: for some, nobody is
  // asked whether he may. Absent in settings of former versions: then the route says
  // (GenerationRoute::writers).
  std::optional<std::vector<std::string>> writers = {};
};

// Settings that a queue has once a generation of its fleet serves.
struct NextQueueSettings {
  routing::Generation generation = 0;
  InvocationQueueSettings settings = {};
};

// A queue of one fleet. A fleet has at most one that is open; one that was closed lives on until
// its last request is settled.
struct InvocationQueue {
  InvocationQueueId id = 0;
  std::string fleet;
  enum class State : std::uint8_t { closed, open };
  State state = State::open;
  InvocationQueueSettings settings = {};
};

// A request as it is kept: what to send, where the answer goes, and until when it is of use.
struct QueuedRequest {
  std::int64_t number = 0;  // in the order of acceptance; given by accept()
  Moment accepted = {};
  ServerTime expires = {};  // one that no instance was given by then is not sent any more
  std::chrono::milliseconds time_limit{900'000};  // from being sent to the answer's end

  // Empty: that of the input object, where it has one.
  std::string content_type = {};
  std::string accept = {};
  objects::Pairs headers = {};  // further ones, sent as they are

  // The body: an object, read when its turn comes, or else `body`.
  std::optional<objects::ObjectName> input = {};
  std::string body = {};

  objects::ObjectName output = {};                  // where the answer goes
  std::optional<objects::ObjectName> failure = {};  // where what went wrong goes; nothing: nowhere
  std::string document = {};                        // the door's own
};

// Why a request has no answer.
enum class QueueFailure : std::uint8_t {
  expired,           // no instance was free before `expires`
  closed,            // its queue was closed before its turn came
  no_input,          // the input object cannot be read
  input_too_large,   // it is larger than queued_input_bytes_max
  refused,           // the instance answered, and not with 2xx
  timeout,           // the instance did not answer within `time_limit`
  broken,            // deliveries_max instances ended or cut the connection with it under way
  answer_too_large,  // the answer passed queued_answer_bytes_max
  no_output,         // the answer cannot be stored: its bucket is gone, or closed
};

std::string_view name_of(QueueFailure failure);

// What became of a request, within the transaction that makes it so.
struct Settled {
  const InvocationQueue& queue;
  const QueuedRequest& request;
  Moment at;
  std::optional<QueueFailure> failure = {};  // nothing: completed
  std::string detail = {};                   // of a failure: a sentence
  int status = 0;                            // what the instance answered; 0: nothing
  std::string content_type = {};             // of that answer
  // The answer's bytes, where there is one of at most echo_bytes_max.
  std::optional<std::string> answer = {};
};

// How full a queue is.
struct Backlog {
  std::uint64_t requests = 0;  // waiting or under way
  std::chrono::microseconds oldest{0};
};

}  // namespace slipway::invocation_queue

// Whether a queue takes what is published to a topic, by its owner's word. Asked by whoever puts a
// notification into a queue, be it a subscriber's or one for dead letters.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/events/queues.h"
#include "engine/events/topics.h"

namespace slipway::events {

// What the owner of a queue has said of a topic.
enum class Admission : std::uint8_t {
  refused,
  unsaid,  // it takes it because nothing was said: from whoever may send to it himself
  granted,
};

// Called on the store's thread. Empty: all is granted.
using AskAdmission = std::function<Admission(const Queue& queue, const TopicId& topic)>;

}  // namespace slipway::events

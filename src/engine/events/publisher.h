// Publishes to topics with few subscribers in one change with their copies: whoever looks into a
// queue once publish() is durable finds what was published.
//
// The copies are made before that change, over a snapshot, since a signature takes too long for
// it. Where the topic or its subscribers are no more what the snapshot showed, and where something
// that was published before still waits for the deliverer, it waits there too (deliverer.h): its
// subscribers get it a moment later, once each and in order, as those of large topics do.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "engine/events/copier.h"
#include "engine/events/topics.h"
#include "store/store.h"

namespace slipway::events {

// Limits of what one notification may write in the change that publishes it.
inline constexpr std::size_t copies_at_once_max = 16;
inline constexpr std::size_t copied_bytes_at_once_max = 1 << 20;  // all together
// What copies hold that were made and wait for their change: all of them, of which those of one
// topic hold half at most. A request is small, and its copies are many.
inline constexpr std::size_t copied_bytes_waiting_max = 64 << 20;

// Publishes, with the copies at once where the topic is small. Thread-safe. What it is given
// outlives it.
class Publisher {
 public:
  struct Needs {
    store::Store& store;
    const Topics& topics;
    const Copier& copier;
  };
  explicit Publisher(Needs needs) : needs_(needs) {}

  // A topic with few subscribers, as they are now.
  struct Audience {
    Topic topic;
    std::vector<Topics::Listed> subscribers;
  };
  // Null where there is no such topic, or where it has more than copies_at_once_max.
  std::shared_ptr<const Audience> audience(const TopicId& id) const;

  // A notification's copies, made ahead of the change that publishes it.
  struct Ahead {
    std::shared_ptr<const Audience> audience;  // to which the copies point
    PublishedNotification published;
    std::vector<Copy> copies;
    MemoryBudget::Share room = {};  // what they hold
  };
  // Not in a change: signs. Nothing where the copies are too much for one change, or for what waits
  // already, and where the notification lacks what its topic asks for, which publish() says.
  std::optional<Ahead> copy(const std::shared_ptr<const Audience>& audience,
                            const Notification& notification, const Moment& now) const;

  // As Topics::publish().
  Result<Published> publish(store::Transaction& tx, const TopicId& id,
                            const Notification& notification, const Ahead* ahead,
                            const Moment& now) const;

 private:
  Published write(store::Transaction& tx, const Ahead& ahead, const Moment& now) const;

  Needs needs_;
  std::shared_ptr<MemoryBudget> waiting_ = std::make_shared<MemoryBudget>(copied_bytes_waiting_max);
};

}  // namespace slipway::events

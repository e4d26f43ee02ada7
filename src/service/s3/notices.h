// Tells queues and topics what happens in buckets that are configured so.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "engine/events/admission.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"
#include "engine/objects/watcher.h"
#include "service/s3/notification.h"

namespace slipway::s3 {

// Sends within the change that it tells of: the message is there if and only if the change is. What
// a destination does not take, as it is gone or its policy says no, is lost and logged, as on AWS.
// Changes come on the store's thread alone; the rest is for any thread.
class Notices final : public objects::ObjectWatcher {
 public:
  // Limits: configurations that are kept as they were read.
  static constexpr std::size_t remembered_max = 1'000;
  static constexpr std::size_t remembered_bytes_max = 16 << 20;
  // A bucket and a destination are named in the log once within it, with how many were lost.
  static constexpr std::chrono::minutes lost_period{1};

  struct Needs {
    const events::Queues& queues;
    const events::Topics& topics;
    Random& random;
    // Whether they take what the bucket sends. Empty: all is granted.
    std::function<events::Admission(const events::Queue&, const objects::Bucket&)> queue_admission =
        {};
    std::function<events::Admission(const events::Topic&, const objects::Bucket&)> topic_admission =
        {};
  };
  // All that it needs outlives it.
  explicit Notices(Needs needs) : needs_(std::move(needs)) {}

  void changed(store::Transaction& tx, std::string_view setting,
               const objects::ObjectChange& change) override;

  // not_found where the destination is not there.
  Result<events::Admission> admission(store::Transaction& tx, const Destination& to,
                                      const objects::Bucket& from) const;

  struct Notice {
    std::string text;
    std::string_view trace = {};
  };
  Result<> send(store::Transaction& tx, const Destination& to, const objects::Bucket& from,
                Notice notice, const Moment& now) const;

 private:
  using Rules = std::vector<NotificationRule>;

  struct Lost {
    std::optional<ServerTime> said = {};
    std::uint64_t number = 0;  // since then
  };

  std::shared_ptr<const Rules> rules(std::string_view setting);
  void note_lost(const objects::ObjectChange& change, const Destination& to, const Error& why);
  Result<> send_to_queue(store::Transaction& tx, const events::QueueId& id,
                         const objects::Bucket& from, Notice notice, const Moment& now) const;
  Result<> send_to_topic(store::Transaction& tx, const events::TopicId& id,
                         const objects::Bucket& from, Notice notice, const Moment& now) const;
  events::Admission admits(const events::Queue& queue, const objects::Bucket& from) const;
  events::Admission admits(const events::Topic& topic, const objects::Bucket& from) const;

  const Needs needs_;
  // Of settings by their text; the store's thread only.
  std::unordered_map<std::string, std::shared_ptr<const Rules>> rules_;
  std::size_t bytes_ = 0;                       // of those texts
  std::unordered_map<std::string, Lost> lost_;  // by bucket and destination
};

}  // namespace slipway::s3

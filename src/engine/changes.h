// Tells who waits that something changed, so that a Describe call can be held until there is news
// without a thread standing by.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace slipway::engine {

// Says what ended a wait: a change of the topic, the deadline, or the end of the hub.
enum class WaitOutcome : std::uint8_t { changed, deadline, closed };

// Called exactly once, on any thread, also from within wait(). Returns soon: it posts.
using Waiter = std::move_only_function<void(WaitOutcome)>;

inline constexpr std::size_t waiters_max = 10'000;

// A hub of topics ("endpoint/123/us-east-1/name"). A waiter first takes sequence(), then reads the
// state, then waits for what came after: nothing that happens between is missed.
//
// Thread-safe. Deadlines are kept by whoever calls expire() about ten times a second while anybody
// waits for one (deadlines.h).
class Changes {
 public:
  // `begun` is called when somebody begins to wait for a deadline: from then on expire() is to be
  // called until it returns 0. On any thread; empty: the caller knows.
  explicit Changes(const Clock& clock, std::function<void()> begun = {});
  ~Changes();  // close()
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  // The number of the latest change of all topics.
  std::uint64_t sequence() const;

  // Something about `topic` changed and is durable: call it from Transaction::on_commit. Answers
  // every waiter of the topic, outside the lock, on the calling thread.
  void notify(std::string_view topic);

  // Calls `waiter` once the topic changes after `since`: at once where it already did, with
  // `deadline` when that passes first (at once where too many wait), with `closed` when this hub
  // closes. Only after `changed` is it of use to wait again. A deadline of Instant::max() is none.
  void wait(std::string_view topic, std::uint64_t since, Instant deadline, Waiter waiter);

  // Answers those whose deadline has passed, and returns for how many there is one to come, as it
  // was before they were told.
  std::size_t expire();

  // Answers everyone; whoever waits later is answered at once.
  void close();

  std::size_t waiting() const;

 private:
  struct Waiting {
    std::uint64_t id;
    Instant deadline;
    Waiter waiter;
  };
  struct TopicHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::vector<Waiter> take_topic(std::string_view topic);
  std::vector<Waiter> take_expired(Instant now);

  const Clock& clock_;
  const std::function<void()> begun_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t next_id_ = 0;
  // When each topic changed last. Bounded: on overflow all are forgotten, and who waits since an
  // earlier moment is answered at once.
  std::unordered_map<std::string, std::uint64_t, TopicHash, std::equal_to<>> changed_at_;
  std::uint64_t forgotten_before_ = 0;
  std::unordered_map<std::string, std::vector<Waiting>, TopicHash, std::equal_to<>> waiting_;
  std::size_t waiting_count_ = 0;                                            // in all of them
  std::multimap<Instant, std::pair<std::string, std::uint64_t>> deadlines_;  // of who has one
};

inline constexpr std::size_t remembered_topics_max = 100'000;

}  // namespace slipway::engine

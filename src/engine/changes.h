// Tells who waits that something changed, so that a Describe call can be held until there is news
// without a thread standing by.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/worker_pool.h"

namespace slipway::engine {

// Says what ended a wait: a change of the topic, the deadline, or the end of the hub.
enum class WaitOutcome : std::uint8_t { changed, deadline, closed };

// Called exactly once, on any thread, also from within wait(). Returns soon: it posts.
using Waiter = std::move_only_function<void(WaitOutcome)>;

// Limits on those who wait for somebody: all of them, and those of one owner, so that whoever comes
// after the greediest still finds a place.
inline constexpr std::size_t waiters_max = 10'000;
inline constexpr std::size_t waiters_per_owner_max = waiters_max / 2;

// A hub of topics ("endpoint/123/us-east-1/name"). A waiter first takes sequence(), then reads the
// state, then waits for what came after: nothing that happens between is missed.
//
// Where each change is for one of those who wait, as a message is, they stand in the topic's line:
// a change is told to the first of them, who has the turn until he waits again, and who leaves the
// line with it passes it on. So a change costs two looks at most (who took what there was, and who
// came after him and found nothing), however many wait, and none is lost with whoever was told.
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

  // What the first of a line holds once he was told, and his place in it. Dropped, it goes on to
  // the next. Movable, one thread at a time; the hub outlives it.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept { *this = std::move(other); }
    Turn& operator=(Turn&& other) noexcept;
    ~Turn() { pass_on(); }

   private:
    friend class Changes;
    Turn(Changes& hub, std::string_view topic, std::uint64_t id)
        : hub_(&hub), topic_(topic), id_(id) {}
    void pass_on() noexcept;

    Changes* hub_ = nullptr;
    std::string topic_;
    std::uint64_t id_ = 0;
  };
  // As Waiter; with `changed` comes the turn.
  using LineWaiter = std::move_only_function<void(WaitOutcome, Turn)>;

  // How somebody waits in a line.
  struct InLine {
    Instant deadline;
    // When there may be something without a change: the first of the line is told then.
    std::optional<Instant> look_at = {};
    TaskOwner owner = TaskOwner::nobody;
    // Of who was told and found nothing: he keeps his place.
    Turn turn = {};
  };

  // The number of the latest change of all topics.
  std::uint64_t sequence() const;

  // Something about `topic` changed and is durable: call it from Transaction::on_commit. Answers
  // every waiter of the topic but those in its line, and the first of these, outside the lock, on
  // the calling thread.
  void notify(std::string_view topic);

  // Calls `waiter` once the topic changes after `since`: at once where it already did, with
  // `deadline` when that passes first (at once where too many wait), with `closed` when this hub
  // closes. Only after `changed` is it of use to wait again. A deadline of Instant::max() is none.
  // `owner`: for whom; nobody: the server waits itself, and that has no limit here.
  void wait(std::string_view topic, std::uint64_t since, Instant deadline, Waiter waiter,
            TaskOwner owner = TaskOwner::nobody);
  // The same in the topic's line.
  void wait_in_line(std::string_view topic, std::uint64_t since, InLine place, LineWaiter waiter);

  // Answers those whose deadline has passed, and returns how many deadlines there were left before
  // they were told.
  std::size_t expire();

  // Answers everyone; whoever waits later is answered at once.
  void close();

  std::size_t waiting() const;

 private:
  struct Waiting {
    Instant deadline;
    TaskOwner owner;
    LineWaiter waiter;
  };
  using Waiters = std::map<std::uint64_t, Waiting>;  // by id: in the order in which they came
  struct Topic {
    Waiters all;   // told together
    Waiters line;  // told one after the other
    // When the first of the line is told without a change; in `deadlines_` under the id `look`.
    Instant look_at = Instant::max();
    std::uint64_t look = 0;
  };
  struct TopicHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <typename Value>
  using ByTopic = std::unordered_map<std::string, Value, TopicHash, std::equal_to<>>;
  // Who is to be told once the lock is free.
  struct Told {
    LineWaiter waiter;
    WaitOutcome outcome = WaitOutcome::changed;
    Turn turn = {};
  };

  void enter(std::string_view topic, std::uint64_t since, Waiters Topic::* where, InLine place,
             LineWaiter waiter);
  void pass_on(std::string_view topic);
  static void tell(std::vector<Told> told);

  // Under the lock.
  std::optional<WaitOutcome> outcome_at_once(std::string_view topic, std::uint64_t since,
                                             TaskOwner owner) const;
  LineWaiter take(Waiters& from, Waiters::iterator which);
  void take_first(ByTopic<Topic>::iterator topic, std::vector<Told>& told);
  void take_topic(std::string_view topic, std::vector<Told>& told);
  void take_expired(Instant now, std::vector<Told>& told);
  void look_later(ByTopic<Topic>::iterator topic, Instant look_at);
  void forget_if_empty(ByTopic<Topic>::iterator topic);

  const Clock& clock_;
  const std::function<void()> begun_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t next_id_ = 1;
  // When each topic changed last. Bounded: on overflow all are forgotten, and who waits since an
  // earlier moment is answered at once.
  ByTopic<std::uint64_t> changed_at_;
  std::uint64_t forgotten_before_ = 0;
  ByTopic<Topic> topics_;                                               // none without waiters
  std::map<std::pair<Instant, std::uint64_t>, std::string> deadlines_;  // by time and id: the topic
  std::unordered_map<TaskOwner, std::size_t> owners_;                   // how many wait for each
  std::size_t waiting_ = 0;
};

inline constexpr std::size_t remembered_topics_max = 100'000;

}  // namespace slipway::engine

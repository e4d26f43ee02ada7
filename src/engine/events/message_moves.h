// Moves what a queue of dead letters holds back to the queues that it came from, or all of it to
// one other queue, durably and a piece at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "engine/events/queues.h"
#include "engine/reconciler.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t moved_per_step_max = 200;
inline constexpr std::uint32_t moved_per_second_max = 500;
inline constexpr std::size_t moves_listed_max = 10;  // of one queue; older ones are forgotten
inline constexpr std::chrono::hours move_time_max{36};

// A task that moves a queue's messages elsewhere, for as long as it is remembered.
struct MessageMove {
  std::int64_t number = 0;  // ascending
  std::string id;           // a UUID
  QueueId source;
  std::optional<QueueId> target = {};  // nothing: each message goes where it came from
  std::uint32_t per_second = 0;        // 0: as fast as it goes
  enum class State : std::uint8_t { running, completed, cancelled, failed };
  State state = State::running;
  enum class Failure : std::uint8_t {
    none,
    no_queue,   // where a message goes is not there
    no_origin,  // a message was sent to the dead letters directly
    too_slow,   // move_time_max passed
  };
  Failure failure = Failure::none;
  std::int64_t moved = 0;
  Moment started;
  std::int64_t last = 0;  // the newest message that there was at the start: none after it is moved
};

// One key for each move that runs. Each step takes messages that were there when the move began,
// that are visible, in their order, and writes them with how far the move is in one change; a
// message that is in flight stays. A message that was moved is a new one: it has another id, was
// sent now and never received.
//
// start(), find(), list() and cancel(): in any transaction.
class MessageMoves final : public engine::Reconciler {
 public:
  // All outlive this object.
  MessageMoves(const Queues& queues, Random& random, engine::ReconcilerLoop& loop)
      : queues_(queues), random_(random), loop_(loop) {}

  // conflict, kind "moving": one of that queue runs.
  Result<MessageMove> start(store::Transaction& tx, const Queue& source,
                            const std::optional<QueueId>& target, std::uint32_t per_second,
                            const Moment& now);
  // The latest first.
  static std::vector<MessageMove> list(store::Transaction& tx, const QueueId& source,
                                       std::size_t moves_max);
  // How many messages that were there at its start are there still: as long as they are many, so
  // not for the store's writer.
  static std::int64_t left_to_move(store::Transaction& tx, const MessageMove& move);
  // What was moved stays where it is. not_found, kind "no_move", where none of that id runs.
  static Result<MessageMove> cancel(store::Transaction& tx, std::string_view id);

  std::string_view name() const override { return "events-moves"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  struct Step;

  void move_some(store::Transaction& tx, MessageMove& move, Step& step) const;

  const Queues& queues_;
  Random& random_;
  engine::ReconcilerLoop& loop_;
};

}  // namespace slipway::events

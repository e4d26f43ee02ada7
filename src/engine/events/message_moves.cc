#include "engine/events/message_moves.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/encoding.h"
#include "engine/events/rows.h"

namespace slipway::events {
namespace {

using State = MessageMove::State;
using Failure = MessageMove::Failure;

// Steps of a move with a rate.
constexpr std::uint32_t steps_per_second = 10;

constexpr std::string_view move_columns =
    "number, id, source, target, rate, state, failure, moved, started, since, last";

MessageMove move_of(const store::Rows& rows) {
  MessageMove out{
      .number = rows.integer(0),
      .id = std::string(rows.text(1)),
      .source = {std::string(rows.text(2))},
      .per_second = static_cast<std::uint32_t>(rows.integer(4)),
      .state = static_cast<State>(rows.integer(5)),
      .failure = static_cast<Failure>(rows.integer(6)),
      .moved = rows.integer(7),
      .started = {.civil = time_of(rows.integer(8)), .server = server_time_from(rows.integer(9))},
      .last = rows.integer(10)};
  if (!rows.is_null(3)) out.target = QueueId{std::string(rows.text(3))};
  return out;
}

std::optional<MessageMove> find_move(store::Transaction& tx, std::string_view column,
                                     std::string_view value) {
  auto rows = tx.query(
      fmt::format("SELECT {} FROM events_move WHERE {} = ?1", move_columns, column), value);
  if (!rows.next()) return std::nullopt;
  return move_of(rows);
}

void put_progress(store::Transaction& tx, const MessageMove& move) {
  tx.run("UPDATE events_move SET state = ?2, failure = ?3, moved = ?4 WHERE number = ?1",
         move.number, move.state, move.failure, move.moved);
}

std::optional<std::string> text_of(const std::optional<QueueId>& id) {
  if (!id) return std::nullopt;
  return id->text;
}

// Moves are started and driven on the store's writer, where nothing is counted that may be long.
std::int64_t newest_message(store::Transaction& tx) {
  auto rows = tx.query("SELECT max(seq) FROM events_message");
  return rows.next() ? rows.integer(0) : 0;
}

struct Dead {
  std::int64_t seq;
  std::string came_from;
};

// Of a strict queue only groups with nothing in flight: what is behind it stays behind it.
std::vector<Dead> dead_letters(store::Transaction& tx, const Queue& source, std::int64_t last,
                               std::size_t count_max, ServerTime now) {
  constexpr std::string_view loose =
      "SELECT m.seq, t.came_from FROM events_message m JOIN events_text t ON t.seq = m.seq "
      "WHERE m.box = ?1 AND m.visible <= ?2 AND m.seq <= ?3 ORDER BY m.visible, m.seq LIMIT ?4";
  constexpr std::string_view strict =
      "SELECT m.seq, t.came_from FROM events_message m JOIN events_text t ON t.seq = m.seq "
      "JOIN events_group g ON g.box = m.box AND g.grp = m.grp WHERE m.box = ?1 AND g.ready <= ?2 "
      "AND m.visible <= ?2 AND m.seq <= ?3 ORDER BY m.seq LIMIT ?4";
  auto rows = tx.query(source.settings.order == DeliveryOrder::strict ? strict : loose, source.box,
                       number_of(now), last, count_max);
  std::vector<Dead> out;
  while (rows.next()) out.push_back({rows.integer(0), std::string(rows.text(1))});
  return out;
}

}  // namespace

// One look at a move.
struct MessageMoves::Step {
  Queue source;
  Moment now;
  std::size_t count_max;
  std::map<QueueId, Queue> targets = {};
};

Result<MessageMove> MessageMoves::start(store::Transaction& tx, const Queue& source,
                                        const std::optional<QueueId>& target,
                                        std::uint32_t per_second, const Moment& now) {
  const auto before = list(tx, source.id, 1);
  if (!before.empty() && before.front().state == State::running)
    return fail(ErrorCode::conflict,
                fmt::format("Messages of '{}' are being moved already.", source.id.text), "moving");
  MessageMove out{.id = make_uuid(random_),
                  .source = source.id,
                  .target = target,
                  .per_second = per_second,
                  .started = now,
                  .last = newest_message(tx)};
  tx.run(
      "INSERT INTO events_move (id, source, target, rate, state, failure, moved, to_move, started, "
      "since, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?8, ?9)",
      out.id, source.id.text, text_of(target), per_second, out.state, out.failure,
      number_of(now.civil), number_of(now.server), out.last);
  out.number = tx.last_id();
  tx.run(
      "DELETE FROM events_move WHERE source = ?1 AND number NOT IN (SELECT number FROM events_move "
      "WHERE source = ?1 ORDER BY number DESC LIMIT ?2)",
      source.id.text, moves_listed_max);
  tx.on_commit([this, key = std::to_string(out.number)] { loop_.wake(*this, key); });
  return out;
}

std::vector<MessageMove> MessageMoves::list(store::Transaction& tx, const QueueId& source,
                                            std::size_t moves_max) {
  auto rows = tx.query(fmt::format("SELECT {} FROM events_move WHERE source = ?1 ORDER BY number "
                                   "DESC LIMIT ?2",
                                   move_columns),
                       source.text, moves_max);
  std::vector<MessageMove> out;
  while (rows.next()) out.push_back(move_of(rows));
  return out;
}

std::int64_t MessageMoves::left_to_move(store::Transaction& tx, const MessageMove& move) {
  auto rows = tx.query(
      "SELECT count(*) FROM events_queue q JOIN events_message m ON m.box = q.box "
      "WHERE q.id = ?1 AND m.seq <= ?2",
      move.source.text, move.last);
  return rows.next() ? rows.integer(0) : 0;
}

Result<MessageMove> MessageMoves::cancel(store::Transaction& tx, std::string_view id) {
  auto move = find_move(tx, "id", id);
  if (!move || move->state != State::running)
    return fail(ErrorCode::not_found, fmt::format("No move '{}' runs.", id), "no_move");
  move->state = State::cancelled;
  put_progress(tx, *move);
  return *std::move(move);
}

std::vector<std::string> MessageMoves::keys(store::Transaction& tx) {
  auto rows = tx.query("SELECT number FROM events_move WHERE state = ?1", State::running);
  std::vector<std::string> out;
  while (rows.next()) out.push_back(std::to_string(rows.integer(0)));
  return out;
}

engine::Wake MessageMoves::reconcile(std::string_view key, store::Transaction& tx,
                                     const Moment& now, engine::Effects&) {
  auto move = find_move(tx, "number", key);
  if (!move || move->state != State::running) return engine::Wake::never();
  const std::uint32_t rate = move->per_second;
  const auto source = queues_.find(tx, move->source);
  const auto fail_with = [&](Failure failure) {
    move->state = State::failed;
    move->failure = failure;
  };
  std::size_t count = moved_per_step_max;
  if (rate > 0) count = std::max(rate / steps_per_second, 1U);
  if (!source) {
    fail_with(Failure::no_queue);
  } else if (now.server - move->started.server > move_time_max) {
    fail_with(Failure::too_slow);
  } else {
    Step step{.source = *source, .now = now, .count_max = count};
    move_some(tx, *move, step);
  }
  put_progress(tx, *move);
  if (move->state != State::running) return engine::Wake::never();
  if (rate == 0) return engine::Wake::after({});
  return engine::Wake::after(std::chrono::microseconds(1'000'000 * count / rate));
}

// Ends where there is nothing more to move, or where one cannot be moved.
void MessageMoves::move_some(store::Transaction& tx, MessageMove& move, Step& step) const {
  const auto dead = dead_letters(tx, step.source, move.last, step.count_max, step.now.server);
  if (dead.empty()) move.state = State::completed;
  for (const auto& [seq, came_from] : dead) {
    const QueueId id = move.target.value_or(QueueId{came_from});
    auto target = step.targets.find(id);
    if (target == step.targets.end()) {
      auto found = queues_.find(tx, id);
      if (!found) {
        move.state = State::failed;
        move.failure = id.text.empty() ? Failure::no_origin : Failure::no_queue;
        return;
      }
      target = step.targets.emplace(id, *std::move(found)).first;
    }
    queues_.send_on(tx, seq, step.source, target->second, step.now);
    ++move.moved;
  }
}

}  // namespace slipway::events

// Receiving: which messages of a queue go out next, and what happens to those that may not.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "engine/events/queues.h"
#include "engine/events/receipt.h"
#include "engine/events/rows.h"

namespace slipway::events {
namespace {

using std::chrono::seconds;

bool is_strict(const Queue& queue) { return queue.settings.order == DeliveryOrder::strict; }

bool is_too_old(const Queue& queue, const MessagePlace& place, ServerTime now) {
  return place.sent.server + queue.settings.retention <= now;
}

std::vector<MessagePlace> places_of(store::Rows rows) {
  std::vector<MessagePlace> out;
  while (rows.next()) out.push_back(place_of(rows));
  return out;
}

}  // namespace

// One receive, from a queue's rows to messages.
class Queues::Receiving {
 public:
  Receiving(const Queues& queues, store::Transaction& tx, const Queue& queue,
            const ReceiveRequest& request, const Moment& now)
      : queues_(queues),
        tx_(tx),
        queue_(queue),
        wanted_(std::min(request.messages_max, receive_messages_max)),
        visible_(now.server + request.visibility.value_or(queue.settings.visibility)),
        attempt_(is_strict(queue) ? request.attempt : ""),
        at_limit_(is_strict(queue) ? ReceiveRequest::AtLimit::nothing : request.at_limit),
        now_(now),
        received_(now.server) {
    if (queue.settings.dead_letters) {
      auto found = queues.find(tx, queue.settings.dead_letters->queue);
      if (found) dead_letters_ = *std::move(found);
    }
  }

  Result<std::vector<ReceivedMessage>> run() {
    if (repeat_attempt()) return give();
    if (auto checked = queues_.check_in_flight(tx_, queue_, wanted_, now_); !checked) {
      if (at_limit_ == ReceiveRequest::AtLimit::nothing) return give();
      return std::unexpected(std::move(checked).error());
    }
    // Once more for each time that something was in the way of what can be given.
    while (taken_.size() < wanted_ && dropped_ < dropped_per_receive_max) {
      const std::size_t before = dropped_;
      is_strict(queue_) ? take_by_group() : take_visible();
      if (dropped_ == before) break;
    }
    note_attempt();
    return give();
  }

 private:
  void take_visible() {
    for (const MessagePlace& place : places_of(
             tx_.query(fmt::format("SELECT {} FROM events_message WHERE box = ?1 AND visible <= ?2 "
                                   "ORDER BY visible, seq LIMIT ?3",
                                   place_columns),
                       queue_.box, number_of(now_.server), wanted_)))
      take(place);
  }

  // Whole groups, the longest ready first; within one, in the order of sending.
  void take_by_group() {
    std::vector<std::string> groups;
    {
      auto rows = tx_.query(
          "SELECT grp FROM events_group WHERE box = ?1 AND ready <= ?2 ORDER BY ready, head "
          "LIMIT ?3",
          queue_.box, number_of(now_.server), wanted_);
      while (rows.next()) groups.emplace_back(rows.text(0));
    }
    for (const std::string& group : groups) {
      if (taken_.size() >= wanted_) return;
      for (const MessagePlace& place : places_of(tx_.query(
               fmt::format("SELECT {} FROM events_message WHERE box = ?1 AND grp = ?2 AND "
                           "grp <> '' ORDER BY seq LIMIT ?3",
                           place_columns),
               queue_.box, group, wanted_)))
        if (place.visible > now_.server || !take(place)) break;
      refresh_group(tx_, queue_.box, group);
    }
  }

  // False where no more is wanted.
  bool take(const MessagePlace& place) {
    if (std::ranges::find(taken_, place.seq, &MessagePlace::seq) != taken_.end()) return true;
    if (is_too_old(queue_, place, now_.server)) {
      erase_message(tx_, place.seq);
      ++dropped_;
      return true;
    }
    if (dead_letters_ && place.receives >= queue_.settings.dead_letters->receives_max) {
      bury(place);
      ++dropped_;
      return true;
    }
    if (taken_.size() >= wanted_) return false;
    MessagePlace& taken = taken_.emplace_back(place);
    if (taken.receives++ == 0) taken.first_received = now_.civil;
    tx_.run(
        "UPDATE events_message SET visible = ?2, receives = ?3, first_received = ?4 WHERE seq = ?1",
        taken.seq, number_of(visible_), taken.receives, number_of(taken.first_received));
    return true;
  }

  void bury(const MessagePlace& place) {
    queues_.move(tx_,
                 {.seq = place.seq,
                  .receives = place.receives,
                  .sent = place.sent,
                  .from = &queue_,
                  .to = &*dead_letters_},
                 now_);
  }

  // What this attempt was given before, where all of it is still hidden and was not received since.
  bool repeat_attempt() {
    if (attempt_.empty()) return false;
    std::string given;
    ServerTime first;
    {
      auto rows =
          tx_.query("SELECT given, at FROM events_attempt WHERE box = ?1 AND name = ?2 AND at > ?3",
                    queue_.box, attempt_, number_of(now_.server - deduplication_time));
      if (!rows.next()) return false;
      given = rows.text(0);
      first = server_time_from(rows.integer(1));
    }
    for (std::string_view rest = given; !rest.empty();) {
      std::string_view item = take_until(rest, ' ');
      const auto place = find_hidden(take_until(item, ':'), item);
      if (!place) return taken_.clear(), false;
      taken_.push_back(*place);
    }
    for (const MessagePlace& place : taken_)
      tx_.run("UPDATE events_message SET visible = ?2 WHERE seq = ?1", place.seq,
              number_of(visible_));
    if (!taken_.empty()) received_ = first;  // so that the receipts are the same too
    return !taken_.empty();
  }

  std::optional<MessagePlace> find_hidden(std::string_view seq, std::string_view receives) {
    std::int64_t number = 0;
    std::from_chars(seq.data(), seq.data() + seq.size(), number);
    const auto place = find_place(tx_, queue_.box, number);
    if (!place || place->visible <= now_.server || fmt::to_string(place->receives) != receives)
      return std::nullopt;
    return place;
  }

  void note_attempt() {
    if (attempt_.empty() || taken_.empty()) return;
    std::string given;
    for (const MessagePlace& place : taken_) {
      if (!given.empty()) given += ' ';
      given += fmt::format("{}:{}", place.seq, place.receives);
    }
    tx_.run(
        "INSERT INTO events_attempt (box, name, at, given) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET at = ?3, given = ?4",
        queue_.box, attempt_, number_of(now_.server), given);
  }

  Result<std::vector<ReceivedMessage>> give() {
    std::vector<ReceivedMessage> out;
    out.reserve(taken_.size());
    for (const MessagePlace& place : taken_) {
      TRY(ReceivedMessage message, read(place));
      out.push_back(std::move(message));
    }
    return out;
  }

  Result<ReceivedMessage> read(const MessagePlace& place) {
    auto rows = tx_.query(
        "SELECT t.id, t.body, t.attributes, t.system_attributes, t.deduplication, t.sender, "
        "t.came_from, m.grp, t.received_before FROM events_text t JOIN events_message m ON m.seq = "
        "t.seq "
        "WHERE t.seq = ?1",
        place.seq);
    if (!rows.next())
      return fail(ErrorCode::corrupted, fmt::format("Message {} has no text.", place.seq));
    TRY(Attributes attributes, unpack(rows.blob(2)));
    TRY(Attributes system_attributes, unpack(rows.blob(3)));
    return ReceivedMessage{
        .id = std::string(rows.text(0)),
        .receipt = to_text({queue_.box, place.seq, place.receives, number_of(received_)}),
        .sequence = place.seq,
        .body = std::string(rows.text(1)),
        .attributes = std::move(attributes),
        .system_attributes = std::move(system_attributes),
        .group = std::string(rows.text(7)),
        .deduplication = std::string(rows.text(4)),
        .sender = std::string(rows.text(5)),
        .came_from = std::string(rows.text(6)),
        .sent = place.sent.civil,
        .first_received = place.first_received,
        .receives = place.receives + static_cast<std::uint32_t>(rows.integer(8))};
  }

  const Queues& queues_;
  store::Transaction& tx_;
  const Queue& queue_;
  const std::size_t wanted_;
  const ServerTime visible_;
  const std::string attempt_;
  const ReceiveRequest::AtLimit at_limit_;
  const Moment now_;
  ServerTime received_;
  std::optional<Queue> dead_letters_;
  std::vector<MessagePlace> taken_;
  std::size_t dropped_ = 0;
};

Result<std::vector<ReceivedMessage>> Queues::receive(store::Transaction& tx, const Queue& queue,
                                                     const ReceiveRequest& request,
                                                     const Moment& now) const {
  return Receiving(*this, tx, queue, request, now).run();
}

// Counting is as long as what is hidden, so it is done again only when as many were received as
// could have been since the last time; at the limit, where that would be at once, after a pause.
Result<> Queues::check_in_flight(store::Transaction& tx, const Queue& queue, std::size_t messages,
                                 const Moment& now) const {
  const std::scoped_lock lock(mutex_);
  if (headroom_.size() >= headrooms_kept_max) headroom_.clear();
  auto& [headroom, count_after] = headroom_[queue.box];
  if (headroom < static_cast<std::int64_t>(messages) && count_after <= now.server) {
    headroom = in_flight_max - count_in_flight(tx, queue.box, now.server);
    count_after = now.server + in_flight_count_pause;
  }
  if (headroom <= 0)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Too many messages in flight: {}.", in_flight_max), "in_flight");
  headroom -= static_cast<std::int64_t>(messages);
  return {};
}

void Queues::move(store::Transaction& tx, const Move& move, const Moment& now) const {
  const bool strict = is_strict(*move.to);
  std::string group;
  {
    auto rows = tx.query("SELECT grp FROM events_message WHERE seq = ?1", move.seq);
    if (rows.next()) group = rows.text(0);
  }
  const MessageRow row{move.to->box, group, now.server, strict ? now : move.sent};
  const std::int64_t seq = insert_message(tx, row);
  tx.run(
      "UPDATE events_text SET seq = ?2, came_from = ?3, received_before = received_before + ?4 "
      "WHERE seq = ?1",
      move.seq, seq, move.from->id.text, move.receives);
  // Two messages that had one name at different times are two dead letters.
  if (strict) tx.run("UPDATE events_text SET deduplication = id WHERE seq = ?1", seq);
  tx.run("DELETE FROM events_message WHERE seq = ?1", move.seq);
  if (strict) begin_group(tx, row, seq);
  tell(tx, move.to->id);
}

void Queues::send_on(store::Transaction& tx, std::int64_t seq, const Queue& from, const Queue& to,
                     const Moment& now) const {
  std::string group;
  {
    auto rows = tx.query("SELECT grp FROM events_message WHERE seq = ?1", seq);
    if (rows.next()) group = rows.text(0);
  }
  const MessageRow row{to.box, group, now.server + to.settings.delay, now};
  const std::int64_t sent = insert_message(tx, row);
  tx.run(
      "UPDATE events_text SET seq = ?2, id = ?3, came_from = '', received_before = 0 "
      "WHERE seq = ?1",
      seq, sent, make_uuid(random_));
  tx.run("DELETE FROM events_message WHERE seq = ?1", seq);
  if (is_strict(from)) refresh_group(tx, from.box, group);
  if (is_strict(to)) begin_group(tx, row, sent);
  tell(tx, to.id);
}

}  // namespace slipway::events

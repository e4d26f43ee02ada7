// What the functions over this engine's tables share.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "engine/events/queues.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::events {

inline std::int64_t number_of(Timestamp time) { return time.time_since_epoch().count(); }
inline std::int64_t number_of(ServerTime time) { return to_microseconds(time); }
inline Timestamp time_of(std::int64_t number) {
  return Timestamp(std::chrono::microseconds(number));
}

// The first text after all that begin with `prefix`, which is not empty: a list ends where its
// range does.
inline std::string end_of(std::string_view prefix) {
  std::string out(prefix);
  ++out.back();
  return out;
}

// By what the tags of "account/region/name" are kept.
inline tags::TaggedThing tagged_as(std::string_view kind, std::string_view id) {
  const std::string_view account = take_until(id, '/');
  const std::string_view region = take_until(id, '/');
  return {std::string(account), std::string(region), fmt::format("{}/{}", kind, id)};
}

// A message's row without its text.
struct MessagePlace {
  std::int64_t seq = 0;
  std::uint32_t receives = 0;
  ServerTime visible;
  Moment sent;
  Timestamp first_received;
};

inline constexpr std::string_view place_columns =
    "seq, receives, visible, sent, since, first_received";

inline MessagePlace place_of(const store::Rows& rows) {
  return {.seq = rows.integer(0),
          .receives = static_cast<std::uint32_t>(rows.integer(1)),
          .visible = server_time_from(rows.integer(2)),
          .sent = {.civil = time_of(rows.integer(3)), .server = server_time_from(rows.integer(4))},
          .first_received = time_of(rows.integer(5))};
}

// The message of that number, where it is in the box still.
std::optional<MessagePlace> find_place(store::Transaction& tx, std::int64_t box, std::int64_t seq);

// What was sent to `owner` under a name within deduplication_time.
struct SentName {
  std::string_view owner;  // 'q' or 't' and a number
  std::string_view scope;
  std::string_view name;
};
std::optional<Sent> find_sent(store::Transaction& tx, const SentName& name, ServerTime now);
void note_sent(store::Transaction& tx, const SentName& name, const Sent& sent, ServerTime now);

// Received and still hidden. As long as what is hidden.
std::int64_t count_in_flight(store::Transaction& tx, std::int64_t box, ServerTime now);

// Writes anew what the group of a strict queue stands on.
void refresh_group(store::Transaction& tx, std::int64_t box, std::string_view group);

// A new message as a row; its text stands beside it.
struct MessageRow {
  std::int64_t box;
  std::string_view group;
  ServerTime visible;
  Moment sent;
};
std::int64_t insert_message(store::Transaction& tx, const MessageRow& row);
// A group that was not there begins with this message; one that was stays as it is.
void begin_group(store::Transaction& tx, const MessageRow& row, std::int64_t seq);

// Takes a message out of its queue.
void erase_message(store::Transaction& tx, std::int64_t seq);

}  // namespace slipway::events

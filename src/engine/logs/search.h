// Reads several streams of a group as one, in the order of time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/logs/log_book.h"

namespace slipway::logs {

// Limits.
inline constexpr std::uint64_t search_bytes_max = 1ULL << 30;  // of text, read for one page

// Says from which end of the time range events are given.
enum class EventOrder : std::uint8_t { oldest_first, newest_first };

// Where an event stands in a group: by time, then stream, then position in the stream.
struct EventPlace {
  Timestamp time{};
  std::string stream;
  Position position = 0;

  auto operator<=>(const EventPlace&) const = default;
};

// Which messages are wanted. `needles` may be fewer than what it asks for: they say what can be
// passed over unread.
struct MessageFilter {
  std::function<bool(std::string_view message)> matches = {};  // none: all of them
  Needles needles = {};
};

// Says what is looked for in a group's streams.
struct Search {
  std::string space;
  std::string group;
  std::vector<std::string> streams;  // which; empty: all that begin with `prefix`
  std::string prefix;
  TimeRange range;
  EventOrder order = EventOrder::oldest_first;
  std::optional<EventPlace> after;  // goes on behind this event
  std::size_t events_max = page_events_max;
  MessageFilter filter = {};
  std::uint64_t bytes_max = search_bytes_max;
};

// An event with the stream in which it was found.
struct FoundEvent {
  std::string stream;
  Event event;

  EventPlace place() const { return {event.time, stream, event.position}; }
};

// A part of what a search finds.
struct Found {
  std::vector<FoundEvent> events;  // in the order asked for
  bool complete = false;           // false: there may be more behind `last`
  EventPlace last;                 // up to where it looked, where it is not complete
};

// One page, at most page_events_max and about page_bytes_max. A stream that was named and does not
// exist is passed over.
Result<Found> search(const LogBook& book, const Search& search);

// How much a walk has read.
struct WalkedBytes {
  std::uint64_t events = 0;  // whose messages were looked at
  std::uint64_t bytes = 0;   // of messages
};

// Calls `each` for every event that a search looks for, a block at a time from the end that `order`
// says, in no order within that, until it returns false. Pages and limits do not count.
using EventVisitor = std::function<bool(const std::string& stream, Event event)>;
WalkedBytes walk(const LogBook& book, const Search& search, const EventVisitor& each);

}  // namespace slipway::logs

// Reads several streams of a group as one, in the order of time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/logs/log_book.h"

namespace slipway::logs {

// Says from which end of the time range events are given.
enum class EventOrder : std::uint8_t { oldest_first, newest_first };

// Where an event stands in a group: by time, then stream, then position in the stream.
struct EventPlace {
  Timestamp time{};
  std::string stream;
  Position position = 0;

  auto operator<=>(const EventPlace&) const = default;
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
  bool complete = false;           // false: there is more behind the last one
};

// One page, at most page_events_max and about page_bytes_max. A stream that was named and does not
// exist is passed over.
Result<Found> search(const LogBook& book, const Search& search);

}  // namespace slipway::logs

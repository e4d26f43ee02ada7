#include "engine/logs/search.h"

#include <algorithm>

namespace slipway::logs {

namespace {

constexpr std::chrono::microseconds tick{1};

bool comes_before(EventOrder order, const EventPlace& a, const EventPlace& b) {
  return order == EventOrder::oldest_first ? a < b : b < a;
}

// What of one stream can still come behind `search.after`.
TimeRange range_for(const Search& search, std::string_view stream) {
  TimeRange range = search.range;
  if (!search.after) return range;
  const Timestamp time = search.after->time;
  if (search.order == EventOrder::oldest_first) {
    const Timestamp from = stream < search.after->stream ? time + tick : time;
    range.from = std::max(from, range.from.value_or(from));
  } else {
    const Timestamp until = stream <= search.after->stream ? time + tick : time;
    range.until = std::min(until, range.until.value_or(until));
  }
  return range;
}

// The stream's next events, in the order asked for.
Result<EventPage> next_page(const LogBook& book, const Search& search, const std::string& stream) {
  const StreamName name{search.space, search.group, stream};
  const TimeRange range = range_for(search, stream);
  const bool same = search.after && search.after->stream == stream;
  if (search.order == EventOrder::oldest_first) {
    // The event at that position was given already; it comes once more and is left out.
    return book.read_after(name, same ? search.after->position : 0, range, search.events_max + 1);
  }
  const auto before = same ? std::optional(search.after->position) : std::nullopt;
  TRY(EventPage page, book.read_before(name, before, range, search.events_max));
  std::ranges::reverse(page.events);
  return page;
}

// Merges streams one by one and keeps no more than one page of them.
class Merger {
 public:
  explicit Merger(const Search& search) : search_(search) {}

  void add(const std::string& stream, EventPage page) {
    const bool cut = !page.complete && !page.events.empty();
    if (cut) cut_behind({page.events.back().time, stream, page.events.back().position});
    for (Event& event : page.events) {
      FoundEvent found{stream, std::move(event)};
      if (search_.after && !comes_before(search_.order, *search_.after, found.place())) continue;
      events_.push_back(std::move(found));
    }
    tidy();
  }

  Found take() { return {std::move(events_), complete_}; }

 private:
  // Behind it nothing is known of some stream.
  void cut_behind(const EventPlace& place) {
    complete_ = false;
    if (!horizon_ || comes_before(search_.order, place, *horizon_)) horizon_ = place;
  }

  void tidy() {
    std::ranges::sort(events_, [&](const FoundEvent& a, const FoundEvent& b) {
      return comes_before(search_.order, a.place(), b.place());
    });
    std::size_t bytes = 0;
    std::size_t kept = 0;
    for (; kept < events_.size() && kept < search_.events_max; ++kept) {
      bytes += events_[kept].event.message.size();
      if (kept > 0 && bytes > page_bytes_max) break;
      if (horizon_ && comes_before(search_.order, *horizon_, events_[kept].place())) break;
    }
    if (kept == events_.size()) return;
    if (kept > 0) cut_behind(events_[kept - 1].place());
    events_.resize(kept);
  }

  const Search& search_;
  std::vector<FoundEvent> events_;
  std::optional<EventPlace> horizon_;
  bool complete_ = true;
};

}  // namespace

Result<Found> search(const LogBook& book, const Search& search) {
  std::vector<std::string> streams = search.streams;
  if (streams.empty())
    for (const StreamInfo& stream : book.streams({search.space, search.group}, search.prefix))
      streams.push_back(stream.name);
  Merger merger(search);
  for (const std::string& stream : streams) {
    auto page = next_page(book, search, stream);
    if (page) merger.add(stream, *std::move(page));
    if (!page && page.error().kind != "no_such_stream") return std::unexpected(page.error());
  }
  return merger.take();
}

}  // namespace slipway::logs

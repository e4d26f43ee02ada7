#include "engine/logs/search.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/logs/stream_reader.h"

namespace slipway::logs {

namespace {

constexpr std::chrono::microseconds tick{1};

bool comes_before(EventOrder order, const EventPlace& a, const EventPlace& b) {
  return order == EventOrder::oldest_first ? a < b : b < a;
}

// A block that may hold what is looked for.
struct Candidate {
  const StreamView* stream = nullptr;
  const Segment* segment = nullptr;
  Block block;
};

// What can still come, of the times of `search.range` and behind `search.after`.
TimeRange range_left(const Search& search) {
  TimeRange range = search.range;
  if (!search.after) return range;
  const Timestamp time = search.after->time;
  if (search.order == EventOrder::oldest_first)
    range.from = std::max(time, range.from.value_or(time));
  else
    range.until = std::min(time + tick, range.until.value_or(time + tick));
  return range;
}

bool overlaps(const TimeRange& range, Timestamp first, Timestamp last) {
  return first <= last && (!range.from || last >= *range.from) &&
         (!range.until || first < *range.until);
}

std::vector<StreamView> views_of(const LogBook& book, const Search& search) {
  if (search.streams.empty()) return book.views({search.space, search.group}, search.prefix);
  std::vector<StreamView> views;
  for (const std::string& name : search.streams)
    if (auto view = book.view({search.space, search.group, name}))
      views.push_back(*std::move(view));
  return views;
}

// Finds records in a block's text: all of them, or where one text must be in each that is wanted,
// the lines around that alone.
class RecordFinder {
 public:
  explicit RecordFinder(const Needles& escaped) {
    for (const auto& clause : escaped)
      if (clause.size() == 1 && clause.front().size() > needle_.size()) needle_ = clause.front();
  }

  bool for_each(std::string_view text, auto each) const {
    if (needle_.empty()) return for_each_record(text, each);
    std::size_t at = 0;
    while (const void* hit =
               ::memmem(text.data() + at, text.size() - at, needle_.data(), needle_.size())) {
      const auto where = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
      const std::size_t begin = text.rfind('\n', where) + 1;  // npos + 1: the first line
      const std::size_t end = text.find('\n', where);
      if (end == text.npos) return true;
      at = end + 1;
      if (const auto record = view_record(text.substr(begin, end - begin)))
        if (!each(begin, *record)) return false;
    }
    return true;
  }

 private:
  std::string needle_;
};

// The blocks of a search, from the end that its order says, and the records in them.
class Walk {
 public:
  Walk(const LogBook& book, const Search& search)
      : search_(search),
        range_(range_left(search)),
        views_(views_of(book, search)),
        needles_(escaped(search.filter.needles)),
        finder_(needles_) {
    for (const StreamView& view : views_)
      for (const Segment& segment : view.segments) add(view, segment);
    std::ranges::sort(candidates_, [&](const Candidate& a, const Candidate& b) {
      return search.order == EventOrder::oldest_first ? a.block.first < b.block.first
                                                      : a.block.last > b.block.last;
    });
  }

  const std::vector<Candidate>& candidates() const { return candidates_; }

  // Before the first event of this block and of those behind it.
  EventPlace before(const Candidate& candidate) const {
    if (search_.order == EventOrder::oldest_first) return {candidate.block.first, {}, 0};
    return {candidate.block.last + tick, {}, 0};
  }

  // Calls `each(position, record)` for those of the time range until it returns false.
  bool for_each(const Candidate& candidate, auto each) const {
    const std::string text = block_text(*candidate.stream, *candidate.segment, candidate.block);
    return finder_.for_each(text, [&](std::size_t at, const RecordView& record) {
      if (!range_.contains(record.time)) return true;
      return each(position_of(candidate.segment->number, candidate.block.offset + at), record);
    });
  }

  // The message, where it is wanted.
  std::optional<std::string> wanted(const RecordView& record) const {
    if (!holds_needles(record.escaped)) return std::nullopt;
    const bool is_plain = !record.escaped.contains('\\');
    if (is_plain && search_.filter.matches && !search_.filter.matches(record.escaped))
      return std::nullopt;
    std::string message = is_plain ? std::string(record.escaped) : unescape(record.escaped);
    if (!is_plain && search_.filter.matches && !search_.filter.matches(message))
      return std::nullopt;
    return message;
  }

 private:
  static Needles escaped(Needles needles) {
    for (auto& clause : needles)
      for (std::string& text : clause) text = escape(text);
    return needles;
  }

  bool holds_needles(std::string_view escaped) const {
    return std::ranges::all_of(needles_, [&](const auto& clause) {
      return std::ranges::any_of(clause, [&](const std::string& text) {
        return ::memmem(escaped.data(), escaped.size(), text.data(), text.size()) != nullptr;
      });
    });
  }

  void add(const StreamView& view, const Segment& segment) {
    if (!segment.first || !overlaps(range_, *segment.first, *segment.last)) return;
    for (const Block& block : blocks_of(view, segment, needles_))
      if (overlaps(range_, block.first, block.last))
        candidates_.push_back({&view, &segment, block});
  }

  const Search& search_;
  const TimeRange range_;
  const std::vector<StreamView> views_;
  const Needles needles_;
  const RecordFinder finder_;
  std::vector<Candidate> candidates_;
};

// The first events of a search, as many as a page takes. Blocks overlap in time, so an event may
// come after one that it stands before: the page keeps the best, and what it once had no room for
// is behind its end.
class Page {
  // By which the event furthest behind is the greatest.
  auto order() const {
    return [order = search_.order](const FoundEvent& a, const FoundEvent& b) {
      return comes_before(order, a.place(), b.place());
    };
  }

 public:
  explicit Page(const Search& search)
      : search_(search), events_max_(std::min(search.events_max, page_events_max)) {}

  // Whether an event of this place has no room; then no other behind it has.
  bool is_behind_end(const EventPlace& place) const {
    return end_ && !comes_before(search_.order, place, *end_);
  }
  // Whether is_behind_end() for all events of this time, whatever their streams.
  bool is_behind_end(Timestamp time) const {
    if (!end_) return false;
    return search_.order == EventOrder::oldest_first ? time > end_->time : time < end_->time;
  }
  bool is_past(const EventPlace& place) const {
    return search_.after && !comes_before(search_.order, *search_.after, place);
  }

  void add(FoundEvent found) {
    bytes_ += found.event.message.size();
    events_.push_back(std::move(found));
    std::ranges::push_heap(events_, order());
    while (events_.size() > 1 && (events_.size() > events_max_ || bytes_ > page_bytes_max)) {
      std::ranges::pop_heap(events_, order());
      bytes_ -= events_.back().event.message.size();
      end_ = events_.back().place();
      events_.pop_back();
    }
  }

  // Nothing is known of what stands behind `place`.
  void end_before(const EventPlace& place) {
    if (is_behind_end(place)) return;
    end_ = place;
    looked_to_ = place;
  }

  Found take() && {
    std::ranges::sort(events_, order());
    const auto known = std::ranges::find_if(
        events_, [&](const FoundEvent& each) { return is_behind_end(each.place()); });
    events_.erase(known, events_.end());
    Found found{.complete = !end_};
    if (end_ && looked_to_ == end_)
      found.last = *end_;
    else if (end_)
      found.last = events_.back().place();
    found.events = std::move(events_);
    return found;
  }

 private:
  const Search& search_;
  const std::size_t events_max_;
  std::vector<FoundEvent> events_;  // a heap; the one furthest behind on top
  std::size_t bytes_ = 0;
  std::optional<EventPlace> end_;
  std::optional<EventPlace> looked_to_;
};

}  // namespace

Result<Found> search(const LogBook& book, const Search& search) {
  const Walk walk(book, search);
  Page page(search);
  std::uint64_t bytes = 0;
  for (const Candidate& candidate : walk.candidates()) {
    const EventPlace before = walk.before(candidate);
    if (page.is_behind_end(before)) break;
    if (bytes > 0 && bytes + candidate.block.bytes > search.bytes_max) {
      page.end_before(before);
      break;
    }
    bytes += candidate.block.bytes;
    walk.for_each(candidate, [&](Position position, const RecordView& record) {
      if (page.is_behind_end(record.time)) return true;
      auto message = walk.wanted(record);
      if (!message) return true;
      const EventPlace place{record.time, candidate.stream->name, position};
      if (!page.is_past(place) && !page.is_behind_end(place))
        page.add({place.stream, {record.time, record.ingested, position, *std::move(message)}});
      return true;
    });
  }
  return std::move(page).take();
}

WalkedBytes walk(const LogBook& book, const Search& search, const EventVisitor& each) {
  const Walk walk(book, search);
  WalkedBytes walked;
  for (const Candidate& candidate : walk.candidates()) {
    const bool goes_on = walk.for_each(candidate, [&](Position at, const RecordView& record) {
      ++walked.events;
      walked.bytes += record.escaped.size();
      auto message = walk.wanted(record);
      if (!message) return true;
      return each(candidate.stream->name, {record.time, record.ingested, at, *std::move(message)});
    });
    if (!goes_on) break;
  }
  return walked;
}

}  // namespace slipway::logs

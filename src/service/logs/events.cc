#include <fmt/format.h>

#include <algorithm>

#include "engine/logs/search.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/operations.h"
#include "service/logs/pages.h"
#include "service/logs/tokens.h"

namespace slipway::logs_door {

using service::PageTokens;

namespace {

// Beyond it a time in milliseconds would not fit a Timestamp.
constexpr std::int64_t milliseconds_max = 1LL << 50;

std::optional<Timestamp> from_milliseconds(std::optional<std::int64_t> time) {
  if (!time) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(std::clamp<std::int64_t>(*time, 0, milliseconds_max)));
}

// Up to endTime: GetLogEvents leaves that millisecond out, FilterLogEvents takes it in.
logs::TimeRange range_of(const api::GetLogEventsRequest& in) {
  return {from_milliseconds(in.startTime()), from_milliseconds(in.endTime())};
}
logs::TimeRange range_of(const api::FilterLogEventsRequest& in) {
  auto until = from_milliseconds(in.endTime());
  if (until) *until += std::chrono::milliseconds(1);
  return {from_milliseconds(in.startTime()), until};
}

// What of `range` the group's retention has left.
logs::TimeRange kept(logs::TimeRange range, const logs::LogGroup& group, const Call& call) {
  if (const auto from = group.kept_from(call.now()))
    range.from = std::max(*from, range.from.value_or(*from));
  return range;
}

}  // namespace

Result<api::GetLogEventsResponse> get_log_events(const LogsDoor& door, Call& call,
                                                 api::GetLogEventsRequest in) {
  TRY(const logs::GroupName group_name, group_of(call, in));
  TRY(const logs::LogGroup group, door.collect(group_name));
  const logs::StreamName name{group_name.space, group_name.group, std::string(in.logStreamName())};
  TRY_DO(door.book.view(name));
  std::optional<StreamToken> token;
  if (in.nextToken()) {
    TRY(token, stream_token(*in.nextToken()));
  }
  using Direction = StreamToken::Direction;
  const bool forward =
      token ? token->direction == Direction::forward : in.startFromHead().value_or(false);
  logs::Search search{.space = name.space, .group = name.group, .streams = {name.stream}};
  search.range = kept(range_of(in), group, call);
  search.order = forward ? logs::EventOrder::oldest_first : logs::EventOrder::newest_first;
  search.events_max = static_cast<std::size_t>(in.limit().value_or(logs::page_events_max));
  logs::EventPlace begin{.time = search.range.from.value_or(Timestamp{}), .stream = name.stream};
  if (token) search.after = begin = {token->time, name.stream, token->position};
  TRY(logs::Found found, logs::search(door.book, search));
  logs::EventPlace end = begin;
  if (!found.events.empty()) {
    if (!forward) std::ranges::reverse(found.events);
    begin = found.events.front().place();
    end = found.events.back().place();
  }
  auto out = call.output<api::GetLogEventsResponse>();
  out.events(wire::empty);
  for (const logs::FoundEvent& each : found.events) {
    out.add_events()
        .timestamp(to_milliseconds(each.event.time))
        .ingestionTime(to_milliseconds(each.event.ingested))
        .message(printable(each.event.message));
  }
  out.nextForwardToken(to_text({Direction::forward, end.time, end.position}))
      .nextBackwardToken(to_text({Direction::backward, begin.time, begin.position}));
  return out;
}

namespace {

Result<logs::Search> search_of(const Call& call, const api::FilterLogEventsRequest& in) {
  logs::Search search;
  TRY(const logs::GroupName name, group_of(call, in));
  search.space = name.space;
  search.group = name.group;
  if (!in.logStreamNames().empty() && in.logStreamNamePrefix()) {
    return invalid("Cannot specify both logStreamNames and logStreamNamePrefix.");
  }
  for (const std::string_view stream : in.logStreamNames()) search.streams.emplace_back(stream);
  search.prefix = in.logStreamNamePrefix().value_or("");
  search.range = range_of(in);
  if (!in.startFromHead().value_or(true)) search.order = logs::EventOrder::newest_first;
  const auto after = PageTokens(call.caller(), in).position_in(in.nextToken());
  if (!after) return invalid_token();
  if (!after->empty()) {
    TRY(search.after, event_place(*after));
  }
  search.events_max = static_cast<std::size_t>(in.limit().value_or(logs::page_events_max));
  return search;
}

}  // namespace

// A page holds what the pattern wants of what it had the time to read: it may be empty and still
// have a next one.
Result<api::FilterLogEventsResponse> filter_log_events(const LogsDoor& door, Call& call,
                                                       api::FilterLogEventsRequest in) {
  TRY(logs::Search search, search_of(call, in));
  TRY(const FilterPattern pattern, FilterPattern::parse(in.filterPattern().value_or("")));
  search.filter = pattern.filter();
  TRY(const logs::LogGroup group, door.collect({search.space, search.group}));
  search.range = kept(search.range, group, call);
  TRY(const logs::Found found, logs::search(door.book, search));
  TRY_DO(pattern.check_done());
  auto out = call.output<api::FilterLogEventsResponse>();
  out.events(wire::empty).searchedLogStreams(wire::empty);
  for (const logs::FoundEvent& each : found.events) {
    out.add_events()
        .logStreamName(each.stream)
        .timestamp(to_milliseconds(each.event.time))
        .ingestionTime(to_milliseconds(each.event.ingested))
        .message(printable(each.event.message))
        .eventId(event_id(each));
  }
  if (!found.complete)
    out.nextToken(PageTokens(call.caller(), in).token_behind(to_text(found.last)));
  return out;
}

Result<api::TestMetricFilterResponse> test_metric_filter(Call& call,
                                                         api::TestMetricFilterRequest in) {
  TRY(const FilterPattern pattern, FilterPattern::parse(in.filterPattern()));
  auto out = call.output<api::TestMetricFilterResponse>();
  out.matches(wire::empty);
  std::int64_t number = 0;
  for (const std::string_view message : in.logEventMessages()) {
    ++number;
    if (!pattern.matches(message)) continue;
    auto match = out.add_matches();
    match.eventNumber(number).eventMessage(message).extractedValues(wire::empty);
    for (const auto& [name, value] : pattern.extract(message))
      match.put_extractedValues(name, value);
  }
  TRY_DO(pattern.check_done());
  return out;
}

}  // namespace slipway::logs_door

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
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

// The group that a request names, by name or by ARN ("arn:...:log-group:NAME[:*]").
template <typename Input>
Result<logs::GroupName> group_of(const Call& call, const Input& in) {
  if (in.logGroupName().has_value() == in.logGroupIdentifier().has_value())
    return invalid("Exactly one of logGroupName and logGroupIdentifier must be given.");
  if (in.logGroupName()) return group_named(call, *in.logGroupName());
  return group_identified(call, *in.logGroupIdentifier());
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

// Programs print any bytes; a JSON answer takes UTF-8 alone. What is none becomes U+FFFD.
std::string printable(const std::string& message) {
  if (is_utf8(message)) return message;
  std::string out;
  for (std::size_t at = 0; at < message.size();) {
    std::size_t length = 1;
    while (length <= 4 && !is_utf8(std::string_view(message).substr(at, length))) ++length;
    const bool good = length <= 4 && at + length <= message.size();
    out += good ? message.substr(at, length) : std::string("\xef\xbf\xbd");
    at += good ? length : 1;
  }
  return out;
}

void sort_streams(std::vector<logs::StreamInfo>& streams,
                  const api::DescribeLogStreamsRequest& in) {
  if (in.orderBy() == "LastEventTime") {
    std::ranges::sort(streams, {}, [](const logs::StreamInfo& stream) {
      return std::pair(stream.last_event.value_or(stream.created), stream.name);
    });
  }
  if (in.descending().value_or(false)) std::ranges::reverse(streams);
}

// The times of a stream's events, of those that the group's retention has left.
Result<> hide_expired(const LogsDoor& door, const logs::GroupName& group, Timestamp kept_from,
                      logs::StreamInfo& stream) {
  if (!stream.first_event || *stream.first_event >= kept_from) return {};
  const logs::StreamName name{group.space, group.group, stream.name};
  TRY(const logs::EventPage page, door.book.read_after(name, 0, {.from = kept_from}, 1));
  stream.first_event.reset();
  if (page.events.empty()) stream.last_event.reset();
  if (!page.events.empty()) stream.first_event = page.events.front().time;
  return {};
}

// Drops the items up to the one that is called `name`. It may be gone since the page before was
// read: then those that stood before it by name are dropped all the same. In the order of times
// nobody knows any more where it stood, and all are shown once more.
void drop_up_to(std::vector<logs::StreamInfo>& streams, std::string_view name,
                const api::DescribeLogStreamsRequest& in) {
  if (name.empty()) return;
  const auto found = std::ranges::find(streams, name, &logs::StreamInfo::name);
  if (found != streams.end()) {
    streams.erase(streams.begin(), found + 1);
    return;
  }
  if (in.orderBy() == "LastEventTime") return;
  const bool descending = in.descending().value_or(false);
  std::erase_if(streams, [&](const logs::StreamInfo& stream) {
    return descending ? stream.name > name : stream.name < name;
  });
}

}  // namespace

Result<api::DescribeLogStreamsResponse> describe_log_streams(const LogsDoor& door, Call& call,
                                                             api::DescribeLogStreamsRequest in) {
  TRY(const logs::GroupName name, group_of(call, in));
  if (in.orderBy() == "LastEventTime" && in.logStreamNamePrefix())
    return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  TRY(const logs::LogGroup group, door.collect(name));
  auto streams = door.book.streams(name, in.logStreamNamePrefix().value_or(""));
  if (const auto from = group.kept_from(call.now()))
    for (logs::StreamInfo& stream : streams) TRY_DO(hide_expired(door, name, *from, stream));
  sort_streams(streams, in);
  const AskedPage page(call, in);
  TRY(const std::string after, page.after());
  drop_up_to(streams, after, in);
  const auto next = page.cut(streams);
  auto out = call.output<api::DescribeLogStreamsResponse>();
  out.logStreams(wire::empty);
  for (const logs::StreamInfo& stream : streams) {
    out.add_logStreams()
        .logStreamName(stream.name)
        .creationTime(to_milliseconds(stream.created))
        .firstEventTimestamp(to_milliseconds(stream.first_event))
        .lastEventTimestamp(to_milliseconds(stream.last_event))
        .lastIngestionTime(to_milliseconds(stream.last_event))
        .arn(fmt::format("{}:log-stream:{}", arn_of(call, name.group), stream.name))
        .storedBytes(0);  // AWS says 0 for streams since 2019
  }
  if (next) out.nextToken(*next);
  return out;
}

Result<api::GetLogEventsResponse> get_log_events(const LogsDoor& door, Call& call,
                                                 api::GetLogEventsRequest in) {
  TRY(const logs::GroupName group_name, group_of(call, in));
  TRY(const logs::LogGroup group, door.collect(group_name));
  const logs::StreamName name{group_name.space, group_name.group, std::string(in.logStreamName())};
  const logs::TimeRange range = kept(range_of(in), group, call);
  const auto limit = static_cast<std::size_t>(in.limit().value_or(logs::page_events_max));
  std::optional<StreamToken> token;
  if (in.nextToken()) {
    TRY(token, stream_token(*in.nextToken()));
  }
  const bool forward = token ? token->direction == StreamToken::Direction::forward
                             : in.startFromHead().value_or(false);
  const auto position = token ? std::optional(token->position) : std::nullopt;
  TRY(const logs::EventPage page,
      forward ? door.book.read_after(name, position.value_or(0), range, limit)
              : door.book.read_before(name, position, range, limit));
  auto out = call.output<api::GetLogEventsResponse>();
  out.events(wire::empty);
  for (const logs::Event& event : page.events) {
    out.add_events()
        .timestamp(to_milliseconds(event.time))
        .ingestionTime(to_milliseconds(event.time))
        .message(printable(event.message));
  }
  using Direction = StreamToken::Direction;
  out.nextForwardToken(to_text({Direction::forward, page.end}))
      .nextBackwardToken(to_text({Direction::backward, page.begin}));
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

// A page is what was read, less what the pattern leaves out: it may be empty and still have a next
// one.
Result<api::FilterLogEventsResponse> filter_log_events(const LogsDoor& door, Call& call,
                                                       api::FilterLogEventsRequest in) {
  TRY(logs::Search search, search_of(call, in));
  TRY(const FilterPattern pattern, FilterPattern::parse(in.filterPattern().value_or("")));
  TRY(const logs::LogGroup group, door.collect({search.space, search.group}));
  search.range = kept(search.range, group, call);
  TRY(const logs::Found found, logs::search(door.book, search));
  auto out = call.output<api::FilterLogEventsResponse>();
  out.events(wire::empty).searchedLogStreams(wire::empty);
  for (const logs::FoundEvent& each : found.events) {
    if (!pattern.matches(each.event.message)) continue;
    out.add_events()
        .logStreamName(each.stream)
        .timestamp(to_milliseconds(each.event.time))
        .ingestionTime(to_milliseconds(each.event.time))
        .message(printable(each.event.message))
        .eventId(
            fmt::format("{:036}{:020}", to_milliseconds(each.event.time), each.event.position));
  }
  if (!found.complete)
    out.nextToken(PageTokens(call.caller(), in).token_behind(to_text(found.events.back().place())));
  return out;
}

}  // namespace slipway::logs_door

#include "service/logs/logs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "engine/logs/collector.h"
#include "gen/logs.h"
#include "service/errors.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/group_name.h"
#include "service/logs/tokens.h"
#include "service/paging.h"

namespace slipway::logs_door {

namespace api = aws::logs;
using service::Call;
using service::PageTokens;
using service::refuse;

namespace {

constexpr std::size_t list_page_default = 50;
// Beyond it a time in milliseconds would not fit a Timestamp.
constexpr std::int64_t milliseconds_max = 1LL << 50;

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDeniedException", 400},
    {"no_such_group", "ResourceNotFoundException", 400},
    {"no_such_stream", "ResourceNotFoundException", 400},
    {"not_implemented", "InvalidParameterException", 400},
    {"invalid_argument", "InvalidParameterException", 400},
};

std::int64_t to_milliseconds(Timestamp time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

std::optional<std::int64_t> to_milliseconds(std::optional<Timestamp> time) {
  if (!time) return std::nullopt;
  return to_milliseconds(*time);
}

std::optional<Timestamp> from_milliseconds(std::optional<std::int64_t> time) {
  if (!time) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(std::clamp<std::int64_t>(*time, 0, milliseconds_max)));
}

std::string space_of(const Call& call) {
  return fmt::format("{}/{}", call.account(), call.region());
}

std::string group_arn(const Call& call, std::string_view group) {
  return call.arn("logs", fmt::format("log-group:{}", group));
}

// The group that a request names, by name or by ARN ("arn:...:log-group:NAME[:*]").
template <typename Input>
Result<std::string> group_of(const Input& in) {
  if (in.logGroupName().has_value() == in.logGroupIdentifier().has_value()) {
    return refuse("InvalidParameterException",
                  "Exactly one of logGroupName and logGroupIdentifier must be given.");
  }
  if (in.logGroupName()) return std::string(*in.logGroupName());
  return std::string(name_of_identifier(*in.logGroupIdentifier()));
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

// Which page of a list a request asks for.
struct Asked {
  PageTokens tokens;
  std::optional<std::string_view> token;
  std::optional<std::int32_t> limit;
};
template <typename Input>
Asked asked_in(const Call& call, const Input& in) {
  return {PageTokens(call.caller(), in), in.nextToken(), in.limit()};
}

// Cuts a sorted list to one page: the items behind the token's name.
template <typename Item, typename NameOf>
Result<std::optional<std::string>> cut_page(std::vector<Item>& items, const Asked& asked,
                                            NameOf name_of) {
  const auto after = asked.tokens.position_in(asked.token);
  if (!after) return invalid_token();
  if (!after->empty()) {
    const auto found = std::ranges::find(items, *after, name_of);
    if (found != items.end()) items.erase(items.begin(), found + 1);
  }
  const std::size_t page = asked.limit ? static_cast<std::size_t>(*asked.limit) : list_page_default;
  if (items.size() <= page) return std::nullopt;
  items.resize(page);
  return asked.tokens.token_behind(name_of(items.back()));
}

class Door {
 public:
  Door(logs::LogBook& book, place::Place& place) : book_(book), place_(place) {}

  Result<api::DescribeLogGroupsResponse> describe_groups(Call& call,
                                                         api::DescribeLogGroupsRequest in) const;
  Result<api::DescribeLogStreamsResponse> describe_streams(Call& call,
                                                           api::DescribeLogStreamsRequest in) const;
  Result<api::GetLogEventsResponse> get_events(Call& call, api::GetLogEventsRequest in) const;
  Result<api::FilterLogEventsResponse> filter_events(Call& call,
                                                     api::FilterLogEventsRequest in) const;

 private:
  logs::LogBook& book_;
  place::Place& place_;
};

bool matches_pattern(const api::DescribeLogGroupsRequest& in, const logs::GroupInfo& group) {
  const std::string_view pattern = in.logGroupNamePattern().value_or("");
  return std::ranges::search(
             group.name, pattern,
             [](char a, char b) {
               return std::tolower(a) == std::tolower(b);
             }).begin() != group.name.end() ||
         pattern.empty();
}

Result<api::DescribeLogGroupsResponse> Door::describe_groups(
    Call& call, api::DescribeLogGroupsRequest in) const {
  if (in.logGroupNamePrefix() && in.logGroupNamePattern()) {
    return refuse(
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  auto groups = book_.groups(space_of(call), in.logGroupNamePrefix().value_or(""));
  std::erase_if(groups, [&](const auto& group) { return !matches_pattern(in, group); });
  TRY(const auto next, cut_page(groups, asked_in(call, in),
                                [](const logs::GroupInfo& group) { return group.name; }));
  auto out = call.output<api::DescribeLogGroupsResponse>();
  out.logGroups(wire::empty);
  for (const logs::GroupInfo& group : groups) {
    const std::string arn = group_arn(call, group.name);
    out.add_logGroups()
        .logGroupName(group.name)
        .creationTime(to_milliseconds(group.created))
        .metricFilterCount(0)
        .arn(arn + ":*")
        .logGroupArn(arn)
        .logGroupClass("STANDARD")
        .storedBytes(static_cast<std::int64_t>(group.stored_bytes));
  }
  if (next) out.nextToken(*next);
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

Result<api::DescribeLogStreamsResponse> Door::describe_streams(
    Call& call, api::DescribeLogStreamsRequest in) const {
  TRY(const std::string group, group_of(in));
  if (in.orderBy() == "LastEventTime" && in.logStreamNamePrefix()) {
    return refuse("InvalidParameterException",
                  "Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  logs::collect(place_);
  TRY(auto streams, book_.streams(space_of(call), group, in.logStreamNamePrefix().value_or("")));
  sort_streams(streams, in);
  TRY(const auto next, cut_page(streams, asked_in(call, in),
                                [](const logs::StreamInfo& stream) { return stream.name; }));
  auto out = call.output<api::DescribeLogStreamsResponse>();
  out.logStreams(wire::empty);
  for (const logs::StreamInfo& stream : streams) {
    out.add_logStreams()
        .logStreamName(stream.name)
        .creationTime(to_milliseconds(stream.created))
        .firstEventTimestamp(to_milliseconds(stream.first_event))
        .lastEventTimestamp(to_milliseconds(stream.last_event))
        .lastIngestionTime(to_milliseconds(stream.last_event))
        .arn(fmt::format("{}:log-stream:{}", group_arn(call, group), stream.name))
        .storedBytes(0);  // AWS says 0 for streams since 2019
  }
  if (next) out.nextToken(*next);
  return out;
}

Result<api::GetLogEventsResponse> Door::get_events(Call& call, api::GetLogEventsRequest in) const {
  TRY(std::string group, group_of(in));
  logs::collect(place_);
  const logs::StreamName name{space_of(call), std::move(group), std::string(in.logStreamName())};
  const auto limit = static_cast<std::size_t>(in.limit().value_or(logs::page_events_max));
  std::optional<StreamToken> token;
  if (in.nextToken()) {
    TRY(token, stream_token(*in.nextToken()));
  }
  const bool forward = token ? token->direction == StreamToken::Direction::forward
                             : in.startFromHead().value_or(false);
  const auto position = token ? std::optional(token->position) : std::nullopt;
  TRY(const logs::EventPage page,
      forward ? book_.read_after(name, position.value_or(0), range_of(in), limit)
              : book_.read_before(name, position, range_of(in), limit));
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

Result<logs::Search> search_of(const Call& call, const api::FilterLogEventsRequest& in) {
  logs::Search search;
  search.space = space_of(call);
  TRY(search.group, group_of(in));
  if (!in.logStreamNames().empty() && in.logStreamNamePrefix()) {
    return refuse("InvalidParameterException",
                  "Cannot specify both logStreamNames and logStreamNamePrefix.");
  }
  for (const std::string_view stream : in.logStreamNames()) search.streams.emplace_back(stream);
  search.prefix = in.logStreamNamePrefix().value_or("");
  search.range = range_of(in);
  if (!in.startFromHead().value_or(true)) search.order = logs::Order::newest_first;
  const auto after = PageTokens(call.caller(), in).position_in(in.nextToken());
  if (!after) return invalid_token();
  if (!after->empty()) {
    TRY(search.after, event_place(*after));
  }
  search.events_max = static_cast<std::size_t>(in.limit().value_or(logs::page_events_max));
  return search;
}

// A page is what was read, less what the pattern leaves out: it may be empty and still have a next
// one.
Result<api::FilterLogEventsResponse> Door::filter_events(Call& call,
                                                         api::FilterLogEventsRequest in) const {
  TRY(const logs::Search search, search_of(call, in));
  TRY(const FilterPattern pattern, FilterPattern::parse(in.filterPattern().value_or("")));
  logs::collect(place_);
  TRY(const logs::Found found, logs::search(book_, search));
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

}  // namespace

void install(service::Registry& registry, logs::LogBook& book, place::Place& place) {
  namespace op = api::op;
  const Door door(book, place);
  registry.begin(api::schema(), errors)
      .add<op::DescribeLogGroups>([=](Call& call, api::DescribeLogGroupsRequest in) {
        return door.describe_groups(call, in);
      })
      .add<op::DescribeLogStreams>([=](Call& call, api::DescribeLogStreamsRequest in) {
        return door.describe_streams(call, in);
      })
      .add<op::FilterLogEvents>(
          [=](Call& call, api::FilterLogEventsRequest in) { return door.filter_events(call, in); })
      .add<op::GetLogEvents>(
          [=](Call& call, api::GetLogEventsRequest in) { return door.get_events(call, in); });
}

}  // namespace slipway::logs_door

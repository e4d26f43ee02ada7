#include <fmt/format.h>

#include <algorithm>

#include "engine/logs/search.h"
#include "service/logs/operations.h"
#include "service/logs/pages.h"

namespace slipway::logs_door {
namespace {

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
  const logs::Search kept{.space = group.space,
                          .group = group.group,
                          .streams = {stream.name},
                          .range = {.from = kept_from},
                          .events_max = 1};
  TRY(const logs::Found found, logs::search(door.book, kept));
  stream.first_event.reset();
  if (found.events.empty())
    stream.last_event.reset();
  else
    stream.first_event = found.events.front().event.time;
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

Result<> create_log_stream(const LogsDoor& door, Call& call, api::CreateLogStreamRequest in) {
  const logs::GroupName group = group_named(call, in.logGroupName());
  TRY_DO(door.find(group));
  return door.book.create({group.space, group.group, std::string(in.logStreamName())}, call.now());
}

Result<> delete_log_stream(const LogsDoor& door, Call& call, api::DeleteLogStreamRequest in) {
  const logs::GroupName group = group_named(call, in.logGroupName());
  TRY_DO(door.find(group));
  return door.book.remove(
      logs::StreamName{group.space, group.group, std::string(in.logStreamName())});
}

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
        .lastIngestionTime(to_milliseconds(stream.last_ingested))
        .arn(fmt::format("{}:log-stream:{}", arn_of(call, name.group), stream.name))
        .storedBytes(0);  // AWS says 0 for streams since 2019
  }
  if (next) out.nextToken(*next);
  return out;
}

}  // namespace slipway::logs_door

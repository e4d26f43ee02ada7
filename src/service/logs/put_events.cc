#include <fmt/format.h>

#include <algorithm>

#include "service/logs/operations.h"

namespace slipway::logs_door {
namespace {

// Limits, which are AWS's.
constexpr std::size_t batch_bytes_max = 1'048'576;
constexpr std::size_t event_bytes_more = 26;  // what an event counts for beside its message
constexpr std::chrono::hours batch_span_max{24};
constexpr std::chrono::days event_age_max{14};
constexpr std::chrono::hours event_ahead_max{2};

// The events of a batch that are kept, which stand in one piece, and why those around are not.
struct Kept {
  std::vector<logs::TimedMessage> events;
  std::size_t too_old = 0;             // so many at the begin, beyond AWS's limit
  std::size_t expired = 0;             // so many, beyond the group's retention
  std::optional<std::size_t> too_new;  // from here on
};

Timestamp timestamp_of(std::int64_t milliseconds) {
  constexpr std::int64_t milliseconds_max = 1LL << 50;  // beyond it, no Timestamp
  return Timestamp(std::chrono::milliseconds(std::min(milliseconds, milliseconds_max)));
}

Kept kept_of(const api::PutLogEventsRequest& in, const logs::LogGroup& group, Timestamp now) {
  Kept kept;
  const auto retained = group.kept_from(now);
  std::size_t index = 0;
  for (const auto event : in.logEvents()) {
    const Timestamp time = timestamp_of(event.timestamp());
    const std::size_t here = index++;
    const bool is_too_old = time < now - event_age_max;
    const bool is_expired = retained && time < *retained;
    if (is_too_old) kept.too_old = here + 1;
    if (is_expired) kept.expired = here + 1;
    if (is_too_old || is_expired) continue;
    if (time > now + event_ahead_max) {
      if (!kept.too_new) kept.too_new = here;
      continue;
    }
    kept.events.push_back({time, event.message()});
  }
  return kept;
}

Result<> check_batch(const api::PutLogEventsRequest& in) {
  std::size_t bytes = 0;
  std::int64_t before = 0;
  for (const auto event : in.logEvents()) {
    bytes += event.message().size() + event_bytes_more;
    if (event.timestamp() < before)
      return invalid("Log events in a single PutLogEvents request must be in chronological order.");
    before = event.timestamp();
  }
  if (bytes > batch_bytes_max)
    return invalid(
        fmt::format("Upload too large: {} bytes exceeds limit of {}", bytes, batch_bytes_max));
  return {};
}

}  // namespace

// What is too old or too new is left out and told of; the rest is on the disk when this answers.
Result<api::PutLogEventsResponse> put_log_events(const LogsDoor& door, Call& call,
                                                 api::PutLogEventsRequest in) {
  TRY_DO(check_batch(in));
  const logs::GroupName group_name = group_named(call, in.logGroupName());
  TRY(const logs::LogGroup group, door.find(group_name));
  const Kept kept = kept_of(in, group, call.now());
  if (!kept.events.empty() && kept.events.back().time - kept.events.front().time > batch_span_max)
    return invalid(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  const logs::StreamName stream{group_name.space, group_name.group,
                                std::string(in.logStreamName())};
  TRY_DO(door.book.put(stream, call.now(), kept.events));
  auto out = call.output<api::PutLogEventsResponse>();
  // Nobody needs it any more, and old clients send it back.
  out.nextSequenceToken(fmt::format("{:056}", call.now().time_since_epoch().count()));
  if (kept.too_old == 0 && kept.expired == 0 && !kept.too_new) return out;
  auto rejected = out.make_rejectedLogEventsInfo();
  if (kept.too_old > 0) rejected.tooOldLogEventEndIndex(static_cast<std::int32_t>(kept.too_old));
  if (kept.expired > 0) rejected.expiredLogEventEndIndex(static_cast<std::int32_t>(kept.expired));
  if (kept.too_new) rejected.tooNewLogEventStartIndex(static_cast<std::int32_t>(*kept.too_new));
  return out;
}

}  // namespace slipway::logs_door

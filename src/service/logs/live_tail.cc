#include "service/logs/live_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "service/answer_stream.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/group_name.h"
#include "service/logs/operations.h"
#include "wire/auth/event_stream.h"
#include "wire/document.h"

namespace slipway::logs_door {
namespace {

constexpr std::string_view json_type = "application/json";

// What one client wants to hear of.
struct Wanted {
  std::vector<logs::GroupName> groups;
  std::set<std::string> streams;
  std::vector<std::string> prefixes;  // neither: all streams
  FilterPattern pattern;

  bool wants(const std::string& stream) const {
    if (!streams.empty()) return streams.contains(stream);
    return prefixes.empty() || std::ranges::any_of(prefixes, [&](const std::string& prefix) {
             return stream.starts_with(prefix);
           });
  }
};

// Something that was logged since the last look.
struct NewEvent {
  const logs::GroupName* group = nullptr;
  std::string stream;
  logs::Event event;
};

// One session. Each look is a task of the workers, and the next one is posted when a second has
// passed: no two at once.
class LiveTail final : public service::EventStreamAnswer,
                       public std::enable_shared_from_this<LiveTail> {
 public:
  LiveTail(const LiveTails::Needs& needs, Wanted wanted, std::shared_ptr<const void> place,
           std::string account)
      : needs_(needs),
        wanted_(std::move(wanted)),
        place_(std::move(place)),
        account_(std::move(account)),
        ends_(needs.clock.monotonic() + live_tail_time_max) {
    for_each_stream([&](const logs::StreamName& name) { seen_[name] = needs_.book.end_of(name); });
  }

  // What the client hears first.
  void open_with(std::string frames) { first_ = std::move(frames); }

  void begin(service::StreamClient&& client) override {
    client_ = std::move(client);
    client_.writer.write(first_);
    wait();
  }

 private:
  void wait();
  void look();
  void for_each_stream(const auto& each) const;
  std::vector<NewEvent> new_events(bool& sampled);
  std::string update(const std::vector<NewEvent>& events, bool sampled) const;
  void fail(std::string_view exception, std::string_view message);

  const LiveTails::Needs needs_;
  const Wanted wanted_;
  const std::shared_ptr<const void> place_;
  const std::string account_;
  const Instant ends_;
  std::string first_;
  service::StreamClient client_;
  std::map<logs::StreamName, logs::Position> seen_;  // up to where
  std::size_t waiting_bytes_ = 0;
};

void LiveTail::for_each_stream(const auto& each) const {
  for (const logs::GroupName& group : wanted_.groups)
    for (const logs::StreamInfo& stream : needs_.book.streams(group, ""))
      if (wanted_.wants(stream.name)) each({group.space, group.group, stream.name});
}

void LiveTail::wait() {
  using engine::WaitOutcome;
  const Instant next = needs_.clock.monotonic() + live_tail_period;
  needs_.changes.wait("logs/live-tail", needs_.changes.sequence(), next,
                      [self = shared_from_this()](WaitOutcome outcome) {
                        if (outcome == WaitOutcome::closed) return self->client_.writer.finish();
                        self->needs_.workers.post([self] { self->look(); });
                      });
}

void LiveTail::look() {
  if (*client_.has_gone) return;
  if (needs_.clock.monotonic() >= ends_)
    return fail("SessionTimeoutException", "The session has lasted as long as one may.");
  bool sampled = false;
  const std::vector<NewEvent> events = new_events(sampled);
  if (!wanted_.pattern.check_done())
    return fail("SessionStreamingException", "A regular expression takes too long.");
  // A client that does not read misses updates, and no memory is taken for them.
  if (waiting_bytes_ <= live_tail_waiting_bytes_max)
    waiting_bytes_ = client_.writer.write(update(events, sampled));
  else
    waiting_bytes_ = client_.writer.write({});
  wait();
}

std::vector<NewEvent> LiveTail::new_events(bool& sampled) {
  std::vector<NewEvent> events;
  for (const logs::GroupName& group : wanted_.groups) {
    for (const logs::StreamInfo& stream : needs_.book.streams(group, "")) {
      if (!wanted_.wants(stream.name)) continue;
      const logs::StreamName name{group.space, group.group, stream.name};
      logs::Position& seen = seen_[name];
      while (needs_.book.end_of(name) > seen) {
        auto page = needs_.book.read_after(name, seen, {}, logs::page_events_max);
        if (!page) break;
        seen = page->end;
        for (logs::Event& event : page->events) {
          if (!wanted_.pattern.matches(event.message)) continue;
          sampled |= events.size() >= live_tail_events_max;
          if (!sampled) events.push_back({&group, stream.name, std::move(event)});
        }
        if (!sampled) continue;
        seen = std::max(seen, needs_.book.end_of(name));  // the rest is left out
      }
    }
  }
  std::ranges::sort(events, {}, [](const NewEvent& each) {
    return std::tuple(each.event.time, each.stream, each.event.position);
  });
  return events;
}

std::string LiveTail::update(const std::vector<NewEvent>& events, bool sampled) const {
  wire::Arena arena;
  api::LiveTailSessionUpdate update(arena);
  update.make_sessionMetadata().sampled(sampled);
  update.sessionResults(wire::empty);
  for (const NewEvent& each : events)
    update.add_sessionResults()
        .logStreamName(each.stream)
        .logGroupIdentifier(fmt::format("{}:{}", account_, each.group->group))
        .message(printable(each.event.message))
        .timestamp(to_milliseconds(each.event.time))
        .ingestionTime(to_milliseconds(each.event.ingested));
  std::string frame;
  wire::append_event(frame, "sessionUpdate", json_type, wire::to_json(update));
  return frame;
}

void LiveTail::fail(std::string_view exception, std::string_view message) {
  std::string frame;
  wire::append_exception(frame, exception, fmt::format(R"({{"message":"{}"}})", message));
  client_.writer.write(frame);
  client_.writer.finish();
}

Result<> check_streams(const api::StartLiveTailRequest& in) {
  const bool by_name = !in.logStreamNames().empty();
  const bool by_prefix = !in.logStreamNamePrefixes().empty();
  if (by_name && by_prefix)
    return invalid("Only one of logStreamNames or logStreamNamePrefixes can be provided.");
  if ((by_name || by_prefix) && in.logGroupIdentifiers().size() > 1)
    return invalid(
        "logStreamNames and logStreamNamePrefixes can only be used with a single log group.");
  return {};
}

Result<Wanted> wanted_by(const LogsDoor& door, const Call& call,
                         const api::StartLiveTailRequest& in) {
  TRY_DO(check_streams(in));
  TRY(FilterPattern pattern, FilterPattern::parse(in.logEventFilterPattern().value_or("")));
  Wanted wanted{.pattern = std::move(pattern)};
  for (const std::string_view identifier : in.logGroupIdentifiers()) {
    if (!identifier.starts_with("arn:") || identifier.ends_with('*'))
      return invalid("Each of logGroupIdentifiers must be the ARN of a log group, without \":*\".");
    const logs::GroupName group = group_identified(call, identifier);
    TRY_DO(door.find(group));
    wanted.groups.push_back(group);
  }
  for (const std::string_view name : in.logStreamNames()) wanted.streams.emplace(name);
  for (const std::string_view each : in.logStreamNamePrefixes()) wanted.prefixes.emplace_back(each);
  return wanted;
}

// What a client hears first: that it is heard, and what of.
std::string first_frames(const Call& call, const api::StartLiveTailRequest& in,
                         std::string_view session) {
  api::LiveTailSessionStart start(call.arena());
  start.requestId(call.request_id()).sessionId(session);
  for (const std::string_view each : in.logGroupIdentifiers()) start.add_logGroupIdentifiers(each);
  start.logStreamNames(wire::empty).logStreamNamePrefixes(wire::empty);
  for (const std::string_view each : in.logStreamNames()) start.add_logStreamNames(each);
  for (const std::string_view each : in.logStreamNamePrefixes())
    start.add_logStreamNamePrefixes(each);
  start.logEventFilterPattern(in.logEventFilterPattern().value_or(""));
  std::string frames;
  wire::append_event(frames, "initial-response", json_type, "{}");
  wire::append_event(frames, "sessionStart", json_type, wire::to_json(start));
  return frames;
}

}  // namespace

std::shared_ptr<const void> LiveTails::admit() {
  if (open_->fetch_add(1) >= live_tails_max) {
    open_->fetch_sub(1);
    return nullptr;
  }
  return {open_.get(), [open = open_](const void*) { open->fetch_sub(1); }};
}

Result<api::StartLiveTailResponse> start_live_tail(const LogsDoor& door, Call& call,
                                                   api::StartLiveTailRequest in) {
  if (!call.http())
    return fail(ErrorCode::not_implemented, "A live tail has a client who reads it.");
  TRY(Wanted wanted, wanted_by(door, call, in));
  auto place = door.live_tails->admit();
  if (!place)
    return refuse("LimitExceededException",
                  fmt::format("There are {} live tail sessions already.", live_tails_max));
  const auto tail = std::make_shared<LiveTail>(door.live_tails->needs(), std::move(wanted),
                                               std::move(place), call.account());
  tail->open_with(first_frames(call, in, make_uuid(call.random())));
  call.leave<service::EventStreamPointer>(tail);
  return call.output<api::StartLiveTailResponse>();
}

}  // namespace slipway::logs_door

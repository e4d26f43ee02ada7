#include "engine/invocation_queue/queue.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "base/log.h"
#include "engine/invocation_queue/queue_rows.h"

namespace slipway::invocation_queue {
namespace {

// How an object's content type stands among its properties.
constexpr std::string_view content_type_property = "content-type";

std::string key_of(InvocationQueueId id) { return std::to_string(id); }

InvocationQueueId id_of(std::string_view key) {
  InvocationQueueId id = 0;
  std::from_chars(key.data(), key.data() + key.size(), id);
  return id;
}

Result<objects::SealedBody> seal_text(objects::Objects& objects, std::string_view text) {
  objects::Upload upload = objects.begin();
  TRY_DO(upload.write(std::as_bytes(std::span(text))));
  return upload.seal();
}

// How many suspects may be under way at once, where under one of them so many instances ended. A
// full instance's requests are tried in groups, and then alone those of the group that failed:
// groups of the square root take the fewest tries.
std::size_t suspects_max(unsigned broken, std::uint32_t concurrency) {
  if (broken + 1 >= deliveries_max) return 1;
  return static_cast<std::size_t>(std::ceil(std::sqrt(concurrency)));
}

objects::PutOptions typed(std::string_view content_type) {
  objects::PutOptions options;
  if (!content_type.empty())
    options.attributes.properties.emplace_back(content_type_property, content_type);
  return options;
}

}  // namespace

std::string_view name_of(QueueFailure failure) {
  switch (failure) {
    case QueueFailure::expired: return "expired";
    case QueueFailure::closed: return "closed";
    case QueueFailure::no_input: return "no_input";
    case QueueFailure::input_too_large: return "input_too_large";
    case QueueFailure::refused: return "refused";
    case QueueFailure::timeout: return "timeout";
    case QueueFailure::broken: return "broken";
    case QueueFailure::answer_too_large: return "answer_too_large";
    case QueueFailure::no_output: return "no_output";
  }
  return "unknown";
}

Result<> RequestQueues::accept(store::Transaction& tx, const InvocationQueue& queue,
                               QueuedRequest request) {
  State& state = state_of(tx, queue.id);
  if (state.rows >= queued_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("{} requests wait already; the queue takes no more.", state.rows),
                "queue_full");
  for (const objects::ObjectName* name :
       {&request.output, request.failure ? &*request.failure : nullptr})
    if (name && (name->key.empty() || name->key.size() > objects::key_bytes_max))
      return fail(ErrorCode::invalid_argument,
                  fmt::format("The name of the result, '{}', is none: it has 1 to {} bytes.",
                              name->key, objects::key_bytes_max),
                  "key_too_long");
  insert_request(tx, queue.id, request);
  tx.on_commit([this, id = queue.id, expires = request.expires] {
    State& accepted = states_[id];
    ++accepted.rows;
    // Where nothing can be sent now, room wakes the queue, or the first expiry.
    if (!is_starved(id) || expires < accepted.next_expiry) wake(id);
  });
  return {};
}

std::optional<Backlog> InvocationQueues::backlog(store::Transaction& tx, std::string_view fleet,
                                                 ServerTime now) {
  const auto queue = load_open_queue(tx, fleet);
  if (!queue) return std::nullopt;
  Backlog backlog{.requests = static_cast<std::uint64_t>(count_requests(tx, queue->id))};
  if (const auto oldest = oldest_request(tx, queue->id)) backlog.oldest = now - *oldest;
  return backlog;
}

void RequestQueues::look_again() {
  std::set<InvocationQueueId> starved;
  {
    const std::lock_guard lock(starved_mutex_);
    starved = starved_;
  }
  for (const InvocationQueueId id : starved) wake(id);
}

bool RequestQueues::is_starved(InvocationQueueId id) {
  const std::lock_guard lock(starved_mutex_);
  return starved_.contains(id);
}
void RequestQueues::set_starved(InvocationQueueId id) {
  const std::lock_guard lock(starved_mutex_);
  starved_.insert(id);
}
void RequestQueues::unset_starved(InvocationQueueId id) {
  const std::lock_guard lock(starved_mutex_);
  starved_.erase(id);
}

void RequestQueues::wake(InvocationQueueId id) { needs_.loop.wake(*this, key_of(id)); }

// Counted once after a start; whatever this transaction itself changes comes on top, on commit.
RequestQueues::State& RequestQueues::state_of(store::Transaction& tx, InvocationQueueId id) {
  const auto known = states_.find(id);
  if (known != states_.end()) return known->second;
  State& state = states_[id];
  state.rows = count_requests(tx, id);
  return state;
}

// ---- One look at a queue ----

// Settles what cannot be sent any more, sends what there is room for, says when to look again.
class RequestQueues::Run {
 public:
  Run(RequestQueues& owner, store::Transaction& tx, InvocationQueue queue, const Moment& now,
      engine::Effects& effects)
      : owner_(owner),
        tx_(tx),
        queue_(std::move(queue)),
        state_(owner.state_of(tx, queue_.id)),
        now_(now),
        instant_(owner.needs_.clock.monotonic()),
        effects_(effects) {}

  engine::Wake go() {
    if (queue_.state == InvocationQueue::State::closed) return end();
    expire();
    if (!more_) send();
    return next_look();
  }

 private:
  engine::Wake end();
  void expire();
  void send();
  engine::Wake next_look();
  struct Candidate {
    std::int64_t number = 0;
    unsigned broken = 0;
    enum class Turn : std::uint8_t { in_order, last } turn = Turn::in_order;
  };
  std::vector<Candidate> candidates(std::size_t count_max);
  std::vector<Candidate> suspects(std::size_t count_max) const;
  void prepare(std::int64_t number, unsigned broken);
  bool open_input(QueuedRequest& request, objects::Content& content);
  void fail(const QueuedRequest& request, QueueFailure failure, std::string detail);

  RequestQueues& owner_;
  store::Transaction& tx_;
  const InvocationQueue queue_;
  State& state_;
  const Moment now_;
  const Instant instant_;
  engine::Effects& effects_;
  std::size_t settled_ = 0;
  bool more_ = false;  // to do at once, in another run
  std::vector<Sending> sendings_;
};

void RequestQueues::Run::fail(const QueuedRequest& request, QueueFailure failure,
                              std::string detail) {
  ++settled_;
  owner_.settle(tx_,
                {.queue = queue_,
                 .request = request,
                 .at = now_,
                 .failure = failure,
                 .detail = std::move(detail)},
                std::nullopt);
  tx_.on_commit([&state = state_, number = request.number] { state.waiting.erase(number); });
}

// What is under way may still end well; the queue ends with its last request.
engine::Wake RequestQueues::Run::end() {
  for (const std::int64_t number :
       numbers_after(tx_, queue_.id, 0, settled_per_run_max + state_.sent.size())) {
    if (state_.sent.contains(number)) continue;
    if (const auto request = load_request(tx_, number, WithBody::no))
      fail(*request, QueueFailure::closed, "The queue was closed before its turn came.");
  }
  owner_.unset_starved(queue_.id);
  if (settled_ > 0) return engine::Wake::after({});
  if (!state_.sent.empty()) return engine::Wake::never();
  delete_queue(tx_, queue_.id);
  tx_.on_commit([&owner = owner_, id = queue_.id] { owner.states_.erase(id); });
  return engine::Wake::never();
}

void RequestQueues::Run::expire() {
  constexpr std::string_view why = "No instance was free for it in time.";
  for (const std::int64_t number : expired_numbers(tx_, queue_.id, state_.sent_up_to, now_.server))
    if (const auto request = load_request(tx_, number, WithBody::no))
      fail(*request, QueueFailure::expired, std::string(why));
  for (const auto& [number, waiting] : state_.waiting) {
    if (settled_ >= settled_per_run_max) break;
    if (waiting.sent.expires > now_.server) continue;
    if (const auto request = load_request(tx_, number, WithBody::no))
      fail(*request, QueueFailure::expired, std::string(why));
  }
  more_ = settled_ >= settled_per_run_max;
}

// Returns which requests are sent next, `count_max` at most, in that order.
//
// A request of the queue is in one of three places, and never in two: under way (state_.sent); back
// from a try that failed, until it is sent again (state_.waiting); or never sent, and these are the
// rows whose number is above state_.sent_up_to, because numbers ascend and requests are first sent
// in their order. So one that is under way is not sent beside itself, and none is passed over.
//
// The order is that of their numbers, which is that of their acceptance: whatever waits for another
// try is older than all that were never sent. Suspects stand out of it. While one is patient it
// goes behind everybody; after that it goes ahead of everybody, so that it has its turn also where
// new requests never end. Of them suspects() lets only few through, whichever place they have.
std::vector<RequestQueues::Run::Candidate> RequestQueues::Run::candidates(std::size_t count_max) {
  const std::vector<Candidate> suspected = suspects(count_max);
  std::vector<Candidate> list;
  const auto add_suspects = [&](Candidate::Turn turn) {
    for (const Candidate& each : suspected)
      if (list.size() < count_max && each.turn == turn) list.push_back(each);
  };
  add_suspects(Candidate::Turn::in_order);
  for (const auto& [number, waiting] : state_.waiting)
    if (waiting.sent.broken == 0 && waiting.not_before <= instant_ && list.size() < count_max)
      list.push_back({.number = number});
  if (list.size() < count_max)
    for (const std::int64_t number :
         numbers_after(tx_, queue_.id, state_.sent_up_to, count_max - list.size()))
      list.push_back({.number = number});
  add_suspects(Candidate::Turn::last);
  return list;
}

// Returns the suspects that may be under way beside those that are.
//
// If an instance ends under several suspects at once, each of them counts as the cause, though one
// was. So the bound follows the one that has had most such tries (`worst`), under way or next: the
// more instances ended, the smaller the group in which it is tried, until its last try, which is
// alone. `under_way` and `worst` count those that were added here as if they were sent already.
std::vector<RequestQueues::Run::Candidate> RequestQueues::Run::suspects(
    std::size_t count_max) const {
  std::vector<Candidate> list;
  std::size_t under_way = 0;
  unsigned worst = 0;
  const auto count = [&](unsigned broken) {
    under_way += broken > 0 ? 1 : 0;
    worst = std::max(worst, broken);
  };
  const auto is_suspect = [](const auto& waiting) { return waiting.second.sent.broken > 0; };
  if (std::ranges::none_of(state_.waiting, is_suspect)) return list;
  for (const auto& [number, sent] : state_.sent) count(sent.broken);
  for (const auto& [number, waiting] : state_.waiting) {
    const unsigned broken = waiting.sent.broken;
    if (broken == 0 || waiting.not_before > instant_ || list.size() == count_max) continue;
    if (under_way >= suspects_max(std::max(worst, broken), queue_.settings.concurrency)) continue;
    count(broken);
    using Turn = Candidate::Turn;
    list.push_back({.number = number,
                    .broken = broken,
                    .turn = waiting.yields_until > instant_ ? Turn::last : Turn::in_order});
  }
  return list;
}

// Marked as starved while it looks for room: whatever frees some meanwhile wakes the queue again.
void RequestQueues::Run::send() {
  owner_.set_starved(queue_.id);
  const bool full = owner_.completing_ >= completing_max;
  const std::size_t room =
      full ? 0 : owner_.needs_.sender.room(queue_.fleet, queue_.settings.concurrency);
  const std::size_t count_max = std::min(room, sent_per_run_max);
  // One more than there is room for: whether something is left behind.
  const auto list = candidates(count_max + 1);
  std::int64_t sent_up_to = state_.sent_up_to;
  std::size_t handled = 0;
  for (const auto& [number, broken, turn] : list) {
    if (sendings_.size() == count_max) break;
    prepare(number, broken);
    sent_up_to = std::max(sent_up_to, number);
    ++handled;
  }
  const bool left_behind = handled < list.size();
  more_ = left_behind ? room > count_max : list.size() > count_max;
  if (!left_behind || more_) owner_.unset_starved(queue_.id);
  if (handled == 0) return;
  std::vector<std::pair<std::int64_t, Sent>> sent;
  for (const Sending& each : sendings_)
    sent.emplace_back(each.number,
                      Sent{.broken = each.broken, .expires = each.delivery.request.expires});
  tx_.on_commit([&state = state_, sent_up_to, sent = std::move(sent)] {
    state.sent_up_to = std::max(state.sent_up_to, sent_up_to);
    for (const auto& [number, each] : sent) {
      state.waiting.erase(number);
      state.sent[number] = each;
    }
  });
  effects_.add([&owner = owner_, id = queue_.id, sendings = std::move(sendings_)]() mutable {
    owner.send(id, std::move(sendings));
  });
}

// Makes the request ready to be sent, or settles it for want of its input.
void RequestQueues::Run::prepare(std::int64_t number, unsigned broken) {
  auto request = load_request(tx_, number, WithBody::yes);
  if (!request) return;  // settled in this very transaction
  objects::Content content;
  if (request->input) {
    if (!open_input(*request, content)) return;
  } else {
    content.length = request->body.size();
    content.bytes = std::exchange(request->body, {});
  }
  sendings_.push_back(
      {.number = number,
       .broken = broken,
       .delivery = {
           .fleet = queue_.fleet, .request = *std::move(request), .content = std::move(content)}});
}

bool RequestQueues::Run::open_input(QueuedRequest& request, objects::Content& content) {
  if (const auto open = owner_.needs_.door.may_read(tx_, request); !open) {
    fail(request, QueueFailure::no_input, open.error().message);
    return false;
  }
  const auto object = objects::find(tx_, *request.input);
  if (!object) {
    fail(request, QueueFailure::no_input, object.error().message);
    return false;
  }
  if (object->size > queued_input_bytes_max) {
    fail(request, QueueFailure::input_too_large,
         fmt::format("The input has {} bytes; {} are allowed.", object->size,
                     queued_input_bytes_max));
    return false;
  }
  auto opened = owner_.needs_.objects.content(tx_, *object);
  if (!opened) {
    fail(request, QueueFailure::no_input, opened.error().message);
    return false;
  }
  content = *std::move(opened);
  if (request.content_type.empty())
    for (const auto& [name, value] : object->properties)
      if (name == content_type_property) request.content_type = value;
  return true;
}

engine::Wake RequestQueues::Run::next_look() {
  if (more_) return engine::Wake::after({});
  engine::Wake wake = engine::Wake::never();
  const auto expiry = next_expiry(tx_, queue_.id, state_.sent_up_to);
  state_.next_expiry = expiry.value_or(ServerTime::max());
  if (expiry) wake = wake.sooner(engine::Wake::after(*expiry - now_.server));
  // One whose time has come and that was not sent waits for room.
  for (const auto& [number, waiting] : state_.waiting) {
    wake = wake.sooner(engine::Wake::after(waiting.sent.expires - now_.server));
    if (waiting.not_before > instant_)
      wake = wake.sooner(engine::Wake::after(
          std::chrono::ceil<std::chrono::microseconds>(waiting.not_before - instant_)));
  }
  return wake;
}

std::vector<std::string> RequestQueues::keys(store::Transaction& tx) {
  std::vector<std::string> keys;
  for (const InvocationQueueId id : all_queues(tx)) keys.push_back(key_of(id));
  return keys;
}

engine::Wake RequestQueues::reconcile(std::string_view key, store::Transaction& tx,
                                      const Moment& now, engine::Effects& effects) {
  auto queue = load_queue(tx, id_of(key));
  if (!queue) return engine::Wake::never();
  if (needs_.routes != nullptr) InvocationQueues::bring_up_to_date(tx, *queue, *needs_.routes);
  return Run(*this, tx, *std::move(queue), now, effects).go();
}

// ---- Under way ----

void RequestQueues::send(InvocationQueueId id, std::vector<Sending> sendings) {
  for (Sending& sending : sendings)
    needs_.sender.deliver(std::move(sending.delivery),
                          [this, id, number = sending.number](Delivered delivered) {
                            arrived(id, number, std::move(delivered));
                          });
}

// The instance is free at once; the result follows with a commit that is shared.
void RequestQueues::arrived(InvocationQueueId id, std::int64_t number, Delivered delivered) {
  ++completing_;
  if (is_starved(id)) wake(id);
  struct Kept {
    Delivered delivered;
    std::optional<DeliveryError> again = {};
  };
  auto kept = std::make_shared<Kept>(Kept{std::move(delivered)});
  needs_.store.write_async(
      [this, id, number, kept](store::Transaction& tx) -> Result<> {
        if (!kept->delivered) kept->again = kept->delivered.error().error;
        const State& state = states_[id];
        const auto sent = state.sent.find(number);
        const unsigned broken = sent == state.sent.end() ? 0 : sent->second.broken;
        if (kept->again == DeliveryError::unavailable) return {};
        if (kept->again == DeliveryError::broken && broken + 1 < deliveries_max) return {};
        kept->again.reset();
        return finish(tx, id, number, kept->delivered);
      },
      [this, id, number, kept](Result<> outcome) {
        if (!outcome) {
          log_error("invocation_queue", "a result cannot be kept; its request is sent again",
                    {{"request", std::to_string(number)}, {"cause", outcome.error().message}});
          kept->again = DeliveryError::unavailable;
        }
        finished(id, number, kept->again);
      });
}

namespace {

QueueFailure failure_of(DeliveryError error) {
  switch (error) {
    case DeliveryError::timeout: return QueueFailure::timeout;
    case DeliveryError::answer_too_large: return QueueFailure::answer_too_large;
    case DeliveryError::unavailable:
    case DeliveryError::broken: return QueueFailure::broken;
  }
  std::unreachable();
}

}  // namespace

Result<> RequestQueues::finish(store::Transaction& tx, InvocationQueueId id, std::int64_t number,
                               Delivered& delivered) {
  const auto queue = load_queue(tx, id);
  const auto request = load_request(tx, number, WithBody::no);
  if (!queue || !request) return {};
  Settled settled{.queue = *queue, .request = *request, .at = needs_.clock.moment()};
  if (!delivered) {
    settled.failure = failure_of(delivered.error().error);
    settled.detail = delivered.error().detail;
    settle(tx, std::move(settled), std::nullopt);
    return {};
  }
  settled.status = delivered->status;
  settled.content_type = std::move(delivered->content_type);
  settled.answer = std::move(delivered->echo);
  if (delivered->status < 200 || delivered->status >= 300) settled.failure = QueueFailure::refused;
  settle(tx, std::move(settled), std::move(delivered->body));
  return {};
}

void RequestQueues::finished(InvocationQueueId id, std::int64_t number,
                             const std::optional<DeliveryError>& again) {
  State& state = states_[id];
  bool suspects_turn = false;
  if (const auto sent = state.sent.find(number); sent != state.sent.end()) {
    suspects_turn = sent->second.broken > 0 && !state.waiting.empty();
    if (again == DeliveryError::broken) ++sent->second.broken;
    const Instant now = needs_.clock.monotonic();
    if (again)
      state.waiting[number] = {.not_before = now + delivery_retry_delay,
                               .yields_until = now + suspect_patience,
                               .sent = sent->second};
    state.sent.erase(sent);
  }
  if (completing_.fetch_sub(1) == completing_max) look_again();
  const bool ends = state.sent.empty() && state.rows == 0;  // a closed queue
  if (again || suspects_turn || ends) wake(id);
}

// ---- Results ----

void RequestQueues::settle(store::Transaction& tx, Settled settled,
                           std::optional<objects::SealedBody> body) {
  Result<> stored;
  if (!settled.failure) stored = store_result(tx, settled, *std::move(body));
  if (!stored) {
    body.reset();
    settled.failure = QueueFailure::no_output;
    settled.detail = fmt::format("The result cannot be stored as '{}' in bucket '{}': {}",
                                 settled.request.output.key, settled.request.output.bucket,
                                 stored.error().message);
    settled.status = 0;
    settled.answer.reset();
  }
  if (settled.failure) store_failure(tx, settled, std::move(body));
  needs_.door.announce(tx, settled);
  delete_request(tx, settled.request.number);
  tx.on_commit([this, id = settled.queue.id] { --states_[id].rows; });
}

// Looks for the bucket first: a put that is refused has written nothing.
Result<> RequestQueues::store_result(store::Transaction& tx, const Settled& settled,
                                     objects::SealedBody body) {
  const objects::ObjectName& name = settled.request.output;
  TRY_DO(needs_.door.may_store(tx, settled.request, name));
  TRY_DO(objects::find_bucket(tx, name.bucket));
  TRY_DO(needs_.objects.put(tx, name, std::move(body), typed(settled.content_type)));
  return {};
}

// What the instance said, or else the door's words.
void RequestQueues::store_failure(store::Transaction& tx, const Settled& settled,
                                  std::optional<objects::SealedBody> body) {
  if (!settled.request.failure) return;
  std::string_view content_type = settled.content_type;
  if (!body) {
    auto text = seal_text(needs_.objects, needs_.door.failure_text(settled));
    if (text) body = *std::move(text);
    content_type = "text/plain";
  }
  const objects::ObjectName& name = *settled.request.failure;
  if (body && needs_.door.may_store(tx, settled.request, name) &&
      objects::find_bucket(tx, name.bucket) &&
      needs_.objects.put(tx, name, *std::move(body), typed(content_type)))
    return;
  log_warning("invocation_queue", "a failure cannot be stored",
              {{"bucket", name.bucket}, {"key", name.key}});
}

}  // namespace slipway::invocation_queue

#include "service/work.h"

#include <algorithm>

#include "base/log.h"
#include "service/answer_stream.h"
#include "service/decode.h"
#include "service/gate.h"
#include "wire/codec.h"

namespace slipway::service {
namespace {

Error too_late() {
  return fail(ErrorCode::unavailable, "What this answer waits for did not come in time.").error();
}

}  // namespace

void Work::start(const ServiceContext& context, Begin begin) {
  std::unique_ptr<Work> work(new Work(context, std::move(begin)));
  const TaskOwner owner = owner_of(work->caller_);
  work->lane().post([work = std::move(work)]() mutable { run_safely(std::move(work), run); },
                    owner);
}

WorkerPool& Work::lane() const {
  switch (entry_.mode) {
    case Mode::file: return context_.lanes.files;
    case Mode::bulk: return context_.lanes.bulk;
    default: return context_.lanes.control;
  }
}

Work::Work(const ServiceContext& context, Begin begin)
    : context_(context),
      request_(std::move(begin.request)),
      responder_(std::move(begin.responder)),
      route_(begin.route),
      entry_(begin.entry),
      caller_(std::move(begin.caller)),
      request_id_(std::move(begin.request_id)),
      hold_until_(context.call.clock.monotonic() + waiter_hold_max),
      begun_(context.call.clock.monotonic()) {}

void Work::post_again(std::unique_ptr<Work> work, void (*step)(std::unique_ptr<Work>)) {
  WorkerPool& workers = work->context_.lanes.control;
  const TaskOwner owner = owner_of(work->caller_);
  workers.post([work = std::move(work), step]() mutable { run_safely(std::move(work), step); },
               owner);
}

// What throws past handle() is a bug of the frame or its codecs; it costs this answer alone: the
// responder goes with the work and sends 500.
void Work::run_safely(std::unique_ptr<Work> work, void (*step)(std::unique_ptr<Work>)) {
  const std::string_view operation = work->route_.operation->name;
  const std::string request_id = work->request_id_;  // outlives the work
  const LogRequest about(request_id);
  try {
    step(std::move(work));
  } catch (const std::exception& bug) {
    log_error("service", "a request threw",
              {{"operation", std::string(operation)}, {"what", bug.what()}});
  }
}

void Work::run(std::unique_ptr<Work> work) {
  work->page_fields_ = page_fields(work->context_, work->route_, work->request_.head());
  const auto input = decode_input(work->route_, work->request_, work->arena_);
  if (!input) return work->answer_error(input.error());
  work->input_ = *input;
  if (const Result<> room = find_room(work->context_.checks(), work->entry_); !room)
    return work->answer_error(room.error());
  switch (work->entry_.mode) {
    case Mode::read: return run_read(std::move(work));
    case Mode::write: work->prepare(); return run_write(std::move(work));
    default: return run_alone(std::move(work));
  }
}

void Work::run_read(std::unique_ptr<Work> work) {
  const std::uint64_t since = work->context_.changes.sequence();
  work->since_ = since;
  HttpCall call(work->context_.call, work->caller_, work->request_.head(), work->request_id_,
                work->arena_);
  Result<wire::Node> outcome = work->context_.store.read([&](store::Transaction& tx) {
    call.set_transaction(&tx);
    return work->handle(call);
  });
  if (outcome) work->poll_ = call.take_poll();
  if (work->poll_) return poll(std::move(work));
  if (outcome && !call.awaited().empty() && work->may_hold())
    return hold(std::move(work), call.awaited(), since);
  work->beside_ = call.take_beside();
  work->answer(std::move(outcome));
}

// Nothing is made for strangers, nor for who may not do it: the change says so, and asks again.
void Work::prepare() {
  if (!entry_.prepare || caller_.proof != Proof::signature || caller_.unsigned_refusal) return;
  HttpCall call(context_.call, caller_, request_.head(), request_id_, arena_);
  Gate gate(context_.authorizer, context_.store, call, *route_.operation, input_);
  if (gate.pass()) prepared_ = entry_.prepare(call, input_);
}

void Work::run_write(std::unique_ptr<Work> work) {
  Work& self = *work;
  self.context_.store.write_async(
      [&self](store::Transaction& tx) -> Result<> {
        const LogRequest about(self.request_id_);
        HttpCall call(self.context_.call, self.caller_, self.request_.head(), self.request_id_,
                      self.arena_);
        call.set_transaction(&tx);
        call.leave(std::move(self.prepared_));
        self.since_ = self.context_.changes.sequence();
        TRY(self.output_, self.handle(call));
        self.beside_ = call.take_beside();
        self.poll_ = call.take_poll();
        return {};
      },
      [work = std::move(work)](Result<> outcome) mutable {
        work->outcome_ = std::move(outcome);
        run_safely(std::move(work), answer_write);
      });
}

void Work::answer_write(std::unique_ptr<Work> work) {
  if (!work->outcome_) return work->answer_error(work->outcome_.error());
  if (work->poll_ && !work->is_too_late()) return poll(std::move(work));
  work->answer(work->output_);
}

void Work::poll(std::unique_ptr<Work> work) {
  if (work->entry_.mode == Mode::read && work->is_too_late()) return work->answer_error(too_late());
  if (!work->gone_) {
    work->gone_ = std::make_shared<std::atomic<bool>>(false);
    work->responder_.on_closed([gone = work->gone_] { *gone = true; });
  }
  engine::Changes& changes = work->context_.changes;
  const Call::Poll wanted = *std::exchange(work->poll_, {});
  const std::uint64_t since = work->since_;
  const TaskOwner owner = owner_of(work->caller_);
  const Instant until = work->begun_ + wanted.time_max;
  if (work->entry_.mode == Mode::read) {
    return changes.wait(
        wanted.topic, since, until,
        [work = std::move(work), until](engine::WaitOutcome outcome) mutable {
          polled(std::move(work), outcome, until);
        },
        owner);
  }
  engine::Changes::InLine place{.deadline = until, .owner = owner, .turn = std::move(work->turn_)};
  if (wanted.look_again) place.look_at = work->context_.call.clock.monotonic() + *wanted.look_again;
  changes.wait_in_line(wanted.topic, since, std::move(place),
                       [work = std::move(work), until](engine::WaitOutcome outcome,
                                                       engine::Changes::Turn turn) mutable {
                         work->turn_ = std::move(turn);
                         polled(std::move(work), outcome, until);
                       });
}

// Told before its time, it has no place among those who wait: it would ask again and again.
void Work::polled(std::unique_ptr<Work> work, engine::WaitOutcome outcome, Instant until) {
  using engine::WaitOutcome;
  const bool crowded =
      outcome == WaitOutcome::deadline && work->context_.call.clock.monotonic() < until;
  if (outcome == WaitOutcome::closed || crowded) return answer_unready(std::move(work));
  post_again(std::move(work), poll_again);
}

// What would be given to a client that has gone would be lost to the others: its turn goes on.
void Work::poll_again(std::unique_ptr<Work> work) {
  if (*work->gone_) return;
  if (work->entry_.mode == Mode::read) return run_read(std::move(work));
  run_write(std::move(work));
}

// When the server ends, or too many wait: what a change has made goes out as it is, and a look that
// waits has nothing to show.
void Work::answer_unready(std::unique_ptr<Work> work) {
  if (work->entry_.mode == Mode::read) return work->answer_error(too_late());
  work->answer(work->output_);
}

bool Work::is_too_late() const {
  return context_.call.clock.monotonic() >= begun_ + poll_->time_max;
}

void Work::run_alone(std::unique_ptr<Work> work) {
  HttpCall call(work->context_.call, work->caller_, work->request_.head(), work->request_id_,
                work->arena_);
  Result<wire::Node> outcome = work->handle(call);
  work->beside_ = call.take_beside();
  if (const auto stream = call.take_left<EventStreamPointer>(); stream && outcome)
    return work->answer_as_stream(**stream, *outcome);
  work->answer(std::move(outcome));
}

Result<wire::Node> Work::handle(Call& call) {
  return service::handle(context_.checks(), entry_, call, input_);
}

bool Work::may_hold() const {
  return context_.holding == Holding::on && is_waiter(request_.headers().get("user-agent")) &&
         context_.call.clock.monotonic() < hold_until_;
}

void Work::hold(std::unique_ptr<Work> work, const std::string& topic, std::uint64_t since) {
  const ServiceContext& context = work->context_;
  const Instant until = work->hold_until_;
  using engine::WaitOutcome;
  const TaskOwner owner = owner_of(work->caller_);
  context.changes.wait(
      topic, since, until,
      [work = std::move(work)](WaitOutcome outcome) mutable {
        if (outcome != WaitOutcome::changed) work->hold_until_ = {};  // this answer is the last
        post_again(std::move(work), run_read);
      },
      owner);
}

void Work::answer(Result<wire::Node> outcome) {
  if (!outcome) return answer_error(outcome.error());
  net::Response response =
      to_response(wire::encode_response(*route_.operation, route_.protocol, *outcome, request_id_));
  put_beside(std::move(beside_), response);
  name_in_log(response.body);
  add_fields(page_fields_, response);
  responder_.send(std::move(response));
}

void Work::answer_as_stream(EventStreamAnswer& stream, const wire::Node& output) {
  net::Response response =
      to_response(wire::encode_response(*route_.operation, route_.protocol, output, request_id_));
  put_beside(std::move(beside_), response);
  add_fields(page_fields_, response);
  response.headers.set("Content-Type", "application/vnd.amazon.eventstream");
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  responder_.on_closed([gone] { *gone = true; });
  stream.begin({responder_.start(response.status, std::move(response.headers)), gone});
}

// Files are opened as they are sent, on the loop: what is found wrong with one is this request's.
void Work::name_in_log(net::Body& body) const {
  net::FileSequence* const files = body.sequence();
  if (!files) return;
  files->next = [id = request_id_, next = std::move(files->next)]() mutable {
    const LogRequest about(id);
    return next();
  };
}

void Work::answer_error(const Error& error) {
  net::Response response = error_response(error, route_, entry_.errors, request_id_);
  add_fields(page_fields_, response);
  responder_.send(std::move(response));
}

}  // namespace slipway::service

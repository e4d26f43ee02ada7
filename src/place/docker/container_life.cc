#include "place/docker/container_life.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace slipway::place {

namespace {

constexpr std::string_view stopped_early = "It was stopped before it began.";
constexpr std::uint64_t bytes_per_mib = 1 << 20;

std::unexpected<Error> refusal_of(const EngineAnswer& answer) {
  const bool gone = answer.status == 404;
  return slipway::fail(gone ? ErrorCode::not_found : ErrorCode::unavailable,
                       message_of(answer.body));
}

}  // namespace

ContainerLife::ContainerLife(const ContainerNeeds& needs, ContainerNotes notes)
    : needs_(needs),
      notes_(std::move(notes)),
      log_(needs.log, notes_.key, notes_.labels, notes_.log) {}

ContainerLife::~ContainerLife() {
  for (const net::TimerId timer : {timers_.look, timers_.force, timers_.drain})
    needs_.loop.cancel(timer);
  if (stream_.call != 0) engine_->cancel(stream_.call);
}

std::string ContainerLife::path(std::string_view rest) const {
  return fmt::format("/containers/{}{}", needs_.names.container(notes_.key), rest);
}

// What cannot be noted is told none the less: the next server asks the engine.
void ContainerLife::note() {
  notes_.log = log_.marks();
  if (const auto written = needs_.notes.write(notes_); !written)
    log_warning("place", written.error().message);
}

void ContainerLife::tell(Observation observation) const {
  observation.key = notes_.key;
  needs_.sink(std::move(observation));
}

net::TimerId ContainerLife::later(std::chrono::microseconds delay, void (ContainerLife::*act)()) {
  return needs_.loop.after(delay, [this, act]() noexcept { (this->*act)(); });
}

void ContainerLife::begin(EngineClient& engine, const EngineMachine& machine, InstanceSpec spec) {
  engine_ = &engine;
  machine_ = machine;
  spec_ = std::move(spec);
  auto progress = here([this](std::string sentence) {
    if (phase_ == Phase::waiting) tell({.kind = Kind::preparing, .reason = std::move(sentence)});
  });
  auto done = here([this](const Result<>& present) {
    if (phase_ != Phase::waiting) return;
    if (!present) return fail(present.error().message);
    make();
  });
  needs_.images.make_present(engine, machine, spec_.image, std::move(progress), std::move(done));
}

void ContainerLife::fail(std::string reason, Left left) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  notes_.failure = reason;
  note();
  tell({.kind = Kind::start_failed, .reason = std::move(reason)});
  needs_.over(notes_.key, left);
}

void ContainerLife::make() {
  phase_ = Phase::making;
  engine_->call(
      {.method = "POST",
       .path = fmt::format("/containers/create?name={}", needs_.names.container(notes_.key)),
       .body = create_document(notes_.key, spec_, needs_.names, machine_)},
      here([this](Result<EngineAnswer> answer) { on_made(std::move(answer)); }));
}

// A name that is taken is this key's: an earlier server, or a request whose answer was lost, made
// it. Engines say so in several ways, so that the container itself is asked for.
void ContainerLife::on_made(Result<EngineAnswer> answer) {
  if (answer && answer->is_good()) return start();
  const std::string why = answer ? message_of(answer->body) : answer.error().message;
  inspect([this, why](const Result<ContainerState>& state) {
    if (!state)
      return fail(fmt::format("The container engine made no container of it: {}", why),
                  Left::container);
    if (state->status == ContainerState::Status::created) return start();
    take(*state, Kind::adopted);
  });
}

void ContainerLife::start() {
  if (stop_) return fail(std::string(stopped_early), Left::container);
  phase_ = Phase::starting;
  engine_->call({.method = "POST", .path = path("/start")},
                here([this](Result<EngineAnswer> answer) { on_started(std::move(answer)); }));
}

void ContainerLife::on_started(Result<EngineAnswer> answer) {
  if (answer && !answer->is_good())
    return fail(fmt::format("The container engine did not start it: {}", message_of(answer->body)),
                Left::container);
  const std::string why = answer ? "it answered nothing" : answer.error().message;
  inspect([this, why](const Result<ContainerState>& state) {
    if (!state || state->status == ContainerState::Status::created)
      return fail(fmt::format("The container engine did not start it: {}",
                              state ? why : state.error().message),
                  Left::container);
    take(*state, Kind::started);
  });
}

void ContainerLife::resume(EngineClient& engine, const ContainerState& state) {
  engine_ = &engine;
  take(state, Kind::adopted);
}

// It was started, and runs or has run. One that ended is told to have been adopted only where it
// was not known before to run.
void ContainerLife::take(const ContainerState& state, Kind kind) {
  spec_ = {};
  state_ = state;
  const bool ended = state.status == ContainerState::Status::ended;
  notes_.ran = true;
  phase_ = Phase::running;
  note();
  if (!ended || kind == Kind::started)
    tell({.kind = kind,
          .labels = notes_.labels,
          .addresses = state.addresses,
          .tail = kind == Kind::adopted ? log_.tail() : std::string()});
  if (ended) return end(state);
  follow_log();
  await_end();
  if (stop_) stop(*stop_);
}

void ContainerLife::tell_again() const {
  if (phase_ != Phase::running) return;
  tell({.kind = Kind::started, .labels = notes_.labels, .addresses = state_.addresses});
}

void ContainerLife::stop(std::chrono::milliseconds grace) {
  if (phase_ == Phase::waiting) return fail(std::string(stopped_early));
  stop_ = std::min(grace, stop_.value_or(grace));
  if (phase_ != Phase::running) return;
  if (!std::exchange(notes_.asked, true)) note();
  needs_.loop.cancel(timers_.force);
  if (grace <= std::chrono::milliseconds(0)) return force();
  signal("SIGTERM");
  timers_.force = later(*stop_, &ContainerLife::force);
}

void ContainerLife::force() {
  timers_.force = later(force_period, &ContainerLife::force);
  signal("SIGKILL");
}

// One that has ended cannot be signalled, which is fine.
void ContainerLife::signal(std::string_view name) {
  engine_->call({.method = "POST", .path = path(fmt::format("/kill?signal={}", name))},
                here([](const Result<EngineAnswer>&) {}));
}

void ContainerLife::follow_log() {
  stream_.whole = false;
  stream_.paused = false;
  log_.restart();
  auto take_part = [this](std::string_view bytes) {
    auto fed = log_.feed(bytes);
    if (log_.is_due()) needs_.printed();
    if (log_.is_full() && !std::exchange(stream_.paused, true)) engine_->pause(stream_.call);
    return fed;
  };
  stream_.call =
      engine_->stream({.path = path(fmt::format(
                           "/logs?follow=1&stdout=1&stderr=1&timestamps=1&since={}", log_.since())),
                       .time_limit = engine_wait_time},
                      {.take = std::move(take_part),
                       .done = here([this](const Result<>& outcome) { on_log_end(outcome); })});
}

// While it runs, the log is followed again after the next look at the container.
void ContainerLife::on_log_end(const Result<>& outcome) {
  stream_.call = 0;
  stream_.whole = outcome.has_value();
  if (phase_ == Phase::ending) return settle();
  look_later();
}

void ContainerLife::await_end() {
  engine_->call({.method = "POST", .path = path("/wait"), .time_limit = engine_wait_time},
                here([this](const Result<EngineAnswer>& answer) {
                  if (phase_ != Phase::running) return;
                  if (!answer || !answer->is_good()) return look_later();
                  look();
                }));
}

void ContainerLife::look_later() {
  if (timers_.look != 0 || phase_ != Phase::running) return;
  timers_.look = later(engine_retry.after(++lost_looks_), &ContainerLife::look);
}

// Looks whether it still runs, and watches on.
void ContainerLife::look() {
  needs_.loop.cancel(std::exchange(timers_.look, 0));
  inspect([this](const Result<ContainerState>& state) {
    if (phase_ != Phase::running) return;
    if (!state && state.error().code == ErrorCode::not_found) return end({});  // removed by others
    if (!state) return look_later();
    if (state->status == ContainerState::Status::ended) return end(*state);
    lost_looks_ = 0;
    if (stream_.call == 0) follow_log();
    await_end();
  });
}

void ContainerLife::inspect(std::move_only_function<void(Result<ContainerState>)> then) {
  engine_->call({.path = path("/json")},
                here([this, then = std::move(then)](Result<EngineAnswer> answer) mutable {
                  if (!answer) return then(std::unexpected(std::move(answer.error())));
                  if (answer->is_good()) return then(state_of(answer->body, needs_.names));
                  then(refusal_of(*answer));
                }));
}

// Tells its end once the log's is there.
void ContainerLife::end(const ContainerState& state) {
  phase_ = Phase::ending;
  state_ = state;
  if (!state.exit_code || stream_.whole) return settle();
  if (stream_.call == 0) follow_log();
  timers_.drain = later(log_drain_time, &ContainerLife::settle);
}

void ContainerLife::settle() {
  phase_ = Phase::over;
  if (stream_.call != 0) engine_->cancel(std::exchange(stream_.call, 0));
  // Engines say so too where a child was ended and the program went on to a good end.
  if (state_.out_of_memory && state_.exit_code.value_or(0) != 0) {
    std::string reason = fmt::format("it took more memory than its limit of {} MiB, and was ended",
                                     state_.memory_bytes_max / bytes_per_mib);
    log_.add_line(fmt::format("slipway: {}", reason));
    tell({.kind = Kind::over_memory, .reason = std::move(reason)});
  }
  log_.offer(LogPart::Follows::nothing);
  notes_.end = exit_of(state_);
  notes_.end->asked = notes_.asked;
  note();
  tell({.kind = Kind::exited, .labels = notes_.labels, .exit = *notes_.end, .tail = log_.tail()});
  needs_.over(notes_.key, Left::container);
}

void ContainerLife::push() {
  if (phase_ != Phase::running && phase_ != Phase::ending) return;
  const auto printed = log_.offer(LogPart::Follows::more_may);
  if (stream_.paused && stream_.call != 0 && !log_.is_full()) {
    stream_.paused = false;
    engine_->resume(stream_.call);
  }
  note();
  if (printed == ContainerLog::Printed::more) tell({.kind = Kind::printed, .tail = log_.tail()});
  if (log_.is_due()) needs_.printed();
}

}  // namespace slipway::place

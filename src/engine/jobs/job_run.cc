#include "engine/jobs/job_run.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace slipway::jobs {

namespace {

void take_in(JobSight& sight, place::Observation&& observation) {
  using Kind = place::Observation::Kind;
  SeenAttempt& seen = sight[observation.key];
  switch (observation.kind) {
    case Kind::preparing:
      if (seen.state == SeenAttempt::State::unknown) seen.state = SeenAttempt::State::preparing;
      return;
    case Kind::started:
    case Kind::adopted:
      if (seen.state != SeenAttempt::State::ended) seen.state = SeenAttempt::State::running;
      return;
    case Kind::over_memory: seen.over_limit = std::move(observation.reason); return;
    case Kind::start_failed:
      seen.no_start = observation.reason.empty() ? "It was not started." : observation.reason;
      [[fallthrough]];
    case Kind::exited:
      seen.state = SeenAttempt::State::ended;
      seen.exit = observation.exit;
      seen.tail = std::move(observation.tail);
      return;
    case Kind::printed:
    case Kind::adoption_done: return;
  }
}

void take_in(JobSight& sight, InputReport&& report) {
  const auto seen = sight.find(report.key);
  if (seen == sight.end() || report.input >= seen->second.inputs.size()) return;
  seen->second.inputs[report.input] = std::move(report.outcome);
}

}  // namespace

void take_in(JobSight& sight, JobReport&& report) {
  std::visit([&](auto&& one) { take_in(sight, std::move(one)); }, std::move(report));
}

JobRun::JobRun(const Around& around, const JobId& id, JobSight& sight, store::Transaction& tx,
               const Moment& now, engine::Effects& effects)
    : around_(around), id_(id), sight_(sight), tx_(tx), now_(now), effects_(effects) {}

engine::Wake JobRun::run() {
  if (auto row = load_job(tx_, id_)) {
    row_ = *std::move(row);
    if (row_.number != 0 && row_.state != JobState::waiting) key_ = key_of(id_, row_.number);
    if (row_.state == JobState::waiting) wait();
    if (row_.state == JobState::starting || row_.state == JobState::running) attend();
    if (changed_) {
      save_progress(tx_, id_, row_);
      effects_.add(
          [&changes = around_.needs.changes, topic = topic_of(id_)] { changes.notify(topic); });
    }
  }
  end_orphans();
  return wake_;
}

const SeenAttempt& JobRun::seen() const {
  static const SeenAttempt nothing;
  const auto found = sight_.find(key_);
  return found == sight_.end() ? nothing : found->second;
}

// ---- before an attempt ----

void JobRun::wait() {
  if (row_.stop == JobRow::Stop::asked) return finish({.kind = Outcome::Kind::stopped});
  if (now_.server < row_.not_before) {
    wake_ = engine::Wake::after(row_.not_before - now_.server);
    return;
  }
  begin_attempt();
}

// The key stands in the row before anything is started under it.
void JobRun::begin_attempt() {
  row_.number = next_number(tx_);
  ++row_.attempt;
  row_.state = JobState::starting;
  row_.began.reset();
  row_.started.reset();
  row_.ending = Ending::none;
  row_.over_limit.clear();
  row_.contents.clear();
  key_ = key_of(id_, row_.number);
  changed_ = true;
}

// ---- an attempt ----

void JobRun::attend() {
  wake_ = engine::Wake::after(job_look_again);
  const SeenAttempt& seen = this->seen();
  if (!seen.over_limit.empty() && row_.over_limit.empty()) {
    row_.over_limit = seen.over_limit;  // a later server hears of the end alone
    changed_ = true;
  }
  switch (seen.state) {
    case SeenAttempt::State::unknown: return attend_to_start();
    case SeenAttempt::State::ended: return take_end(seen);
    case SeenAttempt::State::preparing: return judge();
    case SeenAttempt::State::running: break;
  }
  if (row_.state == JobState::starting) {
    row_.state = JobState::running;
    row_.began = now_.server;
    row_.started = now_.civil;
    changed_ = true;
  }
  judge();
}

// Nothing was seen of it. Before the place has told what a former server left, what runs looks like
// what nobody started.
void JobRun::attend_to_start() {
  if (!around_.adoption_done) return;
  if (seen().start_asked) return judge();
  if (row_.state == JobState::running) return take_interruption(seen());  // the place lost it
  if (row_.stop == JobRow::Stop::asked) return finish({.kind = Outcome::Kind::stopped});
  if (has_inputs()) start();
}

bool JobRun::has_inputs() {
  const auto& inputs = seen().inputs;
  if (inputs.size() != row_.spec.inputs.size()) {
    fetch_inputs();
    return false;
  }
  std::vector<std::string> contents;
  for (const auto& input : inputs) {
    if (!input) return false;
    if (!*input) {
      take_failure({.kind = Outcome::Kind::never_started, .reason = input->error().message});
      return false;
    }
    contents.push_back((*input)->content);
  }
  if (contents == row_.contents) return true;
  row_.contents = std::move(contents);
  changed_ = true;
  return true;
}

// Whether it is to end, and if so, that it does. Asked again with each look: a place that was asked
// before does nothing.
void JobRun::judge() {
  const auto deadline = row_.began && row_.spec.time_max.count() > 0
                            ? std::optional(*row_.began + row_.spec.time_max)
                            : std::nullopt;
  Ending ending = row_.ending;
  if (ending == Ending::none && row_.stop == JobRow::Stop::asked) ending = Ending::stopped;
  if (ending == Ending::none && deadline && now_.server >= *deadline) ending = Ending::timed_out;
  if (ending != row_.ending) {
    row_.ending = ending;
    changed_ = true;
  }
  if (ending != Ending::none) return stop(key_, row_.spec.stop_grace);
  if (deadline) wake_ = wake_.sooner(engine::Wake::after(*deadline - now_.server));
}

// ---- the end of an attempt ----

void JobRun::take_end(const SeenAttempt& seen) {
  using Kind = Outcome::Kind;
  Outcome outcome{.exit = seen.exit, .reason = row_.over_limit, .tail = seen.tail};
  // What came to its end before it heard that it should.
  if (seen.no_start.empty() && seen.exit.status == 0 && !seen.exit.asked) return finish(outcome);
  if (row_.ending != Ending::none) {
    outcome.kind = row_.ending == Ending::stopped ? Kind::stopped : Kind::timed_out;
    return finish(std::move(outcome));
  }
  if (!seen.no_start.empty()) {
    outcome.kind = Kind::never_started;
    outcome.reason = seen.no_start;
    return take_failure(std::move(outcome));
  }
  outcome.kind = row_.over_limit.empty() ? Kind::failed : Kind::out_of_memory;
  const bool is_known = seen.exit.status || seen.exit.signal;
  if (row_.over_limit.empty() && (seen.exit.asked || !is_known)) return take_interruption(seen);
  take_failure(std::move(outcome));
}

void JobRun::take_failure(Outcome outcome) {
  ++row_.failures;
  changed_ = true;
  if (row_.stop == JobRow::Stop::no && row_.failures < row_.spec.attempts_max) return begin_again();
  finish(std::move(outcome));
}

// A former server ended it with itself, or the machine did.
void JobRun::take_interruption(const SeenAttempt& seen) {
  if (row_.stop == JobRow::Stop::no && row_.spec.interrupted == JobSpec::Interrupted::begin_again)
    return begin_again();
  finish({.kind = row_.stop == JobRow::Stop::asked ? Outcome::Kind::stopped
                                                   : Outcome::Kind::interrupted,
          .exit = seen.exit,
          .tail = seen.tail});
}

// The instance of the attempt that ended is nobody's now, and end_orphans() forgets it.
void JobRun::begin_again() {
  row_.state = JobState::waiting;
  row_.not_before = now_.server + row_.spec.retry_delay;
  key_ = {};
  changed_ = true;
  wake_ = engine::Wake::after(row_.spec.retry_delay);
}

void JobRun::finish(Outcome outcome) {
  row_.state = JobState::ended;
  row_.ended = now_.civil;
  changed_ = true;
  wake_ = engine::Wake::never();
  effects_.add([id = id_.text, kind = outcome.kind] {
    log_info("engine", "a job has ended", {{"job", id}, {"outcome", std::string(name_of(kind))}});
  });
  row_.outcome = std::move(outcome);
}

// Of a job that was removed, or an earlier attempt: of the latest, what it left stays.
void JobRun::end_orphans() {
  for (const auto& [key, seen] : sight_) {
    if (key == key_) continue;
    const bool never_was = seen.state == SeenAttempt::State::unknown && !seen.start_asked;
    if (never_was || seen.state == SeenAttempt::State::ended)
      forget(key);
    else
      stop(key, std::chrono::milliseconds(0));
  }
}

// ---- effects ----

// Asked for anew with each attempt, and after a crash: what lies here already is not read again.
void JobRun::fetch_inputs() {
  effects_.add([&needs = around_.needs, &sight = sight_, key = key_, inputs = row_.spec.inputs,
                fetched = around_.fetched] {
    sight[key].inputs.assign(inputs.size(), std::nullopt);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      needs.artifacts.fetch(inputs[i].artifact, [fetched, key, i](artifacts::FetchOutcome outcome) {
        fetched({.key = key, .input = i, .outcome = std::move(outcome)});
      });
  });
}

void JobRun::start() {
  place::InstanceSpec spec = row_.spec.program;
  std::string& stream = spec.labels.log_stream;
  if (row_.attempt > 1 && !stream.empty()) stream += "-" + std::to_string(row_.attempt);
  for (std::size_t i = 0; i < row_.spec.inputs.size(); ++i) {
    const JobInput& input = row_.spec.inputs[i];
    const std::string directory = (*seen().inputs[i])->directory.string();
    spec.mounts.push_back({.host_path = directory, .inside = input.inside});
    const bool is_inside = !spec.image.empty() && !input.inside.empty();
    if (!input.variable.empty())
      spec.environment[input.variable] = is_inside ? input.inside : directory;
  }
  effects_.add([&place = around_.needs.place, &sight = sight_, key = key_, spec = std::move(spec)] {
    place.start(key, spec);
    sight[key].start_asked = true;
  });
}

void JobRun::stop(const place::InstanceKey& key, std::chrono::milliseconds grace) {
  effects_.add([&place = around_.needs.place, key, grace] { place.stop(key, grace); });
}

void JobRun::forget(const place::InstanceKey& key) {
  effects_.add([&place = around_.needs.place, &sight = sight_, key] {
    place.forget(key);
    sight.erase(key);
  });
}

}  // namespace slipway::jobs

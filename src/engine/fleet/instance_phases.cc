#include "engine/fleet/instance_phases.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "base/text.h"

namespace slipway::fleet {

namespace {

using State = ObservedInstance::State;
using Health = ObservedInstance::Health;

// What is asked of the instances of a variant, which may be gone.
Probe probe_of(const Variant* variant) {
  return variant == nullptr ? Probe() : variant->program.contract.probe;
}

std::string with_log(std::string text, const ObservedInstance& seen) {
  const std::string_view log =
      last_part(seen.tail, reason_bytes_max - std::min(reason_bytes_max, text.size() + 32));
  return log.empty() ? text : fmt::format("{} Its last log lines:\n{}", text, log);
}

}  // namespace

InstancePhases::InstancePhases(RunState& run, FleetEffects& effects, const FleetOptions& options,
                               WantedCounts& counts)
    : run_(run), effects_(effects), options_(options), counts_(counts) {}

void InstancePhases::take_note() {
  for (InstanceRecord& instance : run_.row.record.instances) take_note_of(instance);
}

void InstancePhases::take_note_of(InstanceRecord& instance) {
  const ObservedInstance& seen = run_.observed.of(key_of(run_.id, instance));
  if (seen.state == State::ended) return take_note_of_end(instance, seen);
  // A place that has reported everything, and was not asked in this process, knows nothing of it.
  const bool never_was = seen.state == State::unknown && run_.adoption_done && !seen.start_asked;
  if (never_was && !instance.is_alive()) return take_note_of_end(instance, seen);
  if (never_was && instance.phase == Phase::healthy) {
    if (counts_.follows_requests(instance)) return take_note_of_end(instance, {.end_asked = true});
    instance.enter(Phase::starting, run_.now);
  }
  if (instance.phase == Phase::starting) return take_note_of_starting(instance, seen);
  if (instance.phase == Phase::healthy) return take_note_of_healthy(instance, seen);
}

void InstancePhases::take_note_of_starting(InstanceRecord& instance, const ObservedInstance& seen) {
  instance.since =
      run_.observed.coming_up_since(key_of(run_.id, instance), instance.since, run_.now);
  if (seen.health == Health::healthy) return instance.enter(Phase::healthy, run_.now);
  const Variant* const variant = run_.plans.variant_of(instance);
  const auto patience = variant ? variant->program.startup_timeout : std::chrono::seconds(0);
  if (run_.now - instance.since < patience) return run_.wake_at(instance.since + patience);
  stop_failed(instance,
              fmt::format("The instance of variant '{}' did not {} within {} s.", instance.variant,
                          words_of(probe_of(variant)).demand, patience.count()),
              seen);
}

void InstancePhases::take_note_of_healthy(InstanceRecord& instance, const ObservedInstance& seen) {
  if (seen.health == Health::healthy) return;
  const bool silent =
      seen.health == Health::unknown && seen.watched && run_.now - seen.watched_at >= silent_max;
  if (seen.health == Health::unhealthy || silent) {
    const std::string_view cause =
        seen.health_reason.empty() ? "it did not answer" : std::string_view(seen.health_reason);
    const Probe probe = probe_of(run_.plans.variant_of(instance));
    return stop_failed(instance,
                       fmt::format("The instance of variant '{}' stopped {}: {}.", instance.variant,
                                   words_of(probe).habit, cause),
                       seen);
  }
  if (seen.watched) run_.wake_at(seen.watched_at + silent_max);
}

void InstancePhases::take_note_of_end(InstanceRecord& instance, const ObservedInstance& seen) {
  if (instance.phase == Phase::ended) return;
  // What was stopped while it was wanted ended with a former server.
  if (instance.is_alive() && !seen.end_asked)
    count_failure(
        instance,
        with_log(fmt::format("The instance of variant '{}' {}{}.", instance.variant, seen.end,
                             instance.phase == Phase::starting ? " before it was healthy" : ""),
                 seen));
  if (instance.is_alive() && !seen.start_asked) counts_.forget_requests_of(instance);
  instance.enter(Phase::ended, run_.now);
  if (seen.watched) effects_.unwatch(key_of(run_.id, instance));
}

void InstancePhases::stop_failed(InstanceRecord& instance, std::string cause,
                                 const ObservedInstance& seen) {
  count_failure(instance, with_log(std::move(cause), seen));
  instance.enter(Phase::stopping, run_.now);
}

void InstancePhases::count_failure(const InstanceRecord& instance, std::string reason) {
  VariantRecord& variant = run_.row.record.of(instance.generation, instance.variant);
  const bool was_sound =
      instance.phase == Phase::healthy && run_.now - instance.since >= sound_life;
  variant.failures = was_sound ? 1 : variant.failures + 1;
  variant.not_before = run_.now + delay_after_failure(instance, reason, variant.failures);
  log_warning("fleet", reason,
              {{"instance", key_of(run_.id, instance).text},
               {"failures", fmt::format("{}", variant.failures)}});
  run_.failures[instance.variant_id()] = std::move(reason);
}

// The first failure is mended at once, further ones later and later; where instances follow
// requests only a little later, since it is its requests that ask for each try.
std::chrono::microseconds InstancePhases::delay_after_failure(const InstanceRecord& instance,
                                                              const std::string& reason,
                                                              unsigned failures) {
  using std::chrono::microseconds;
  const auto delay_up_to = [&](microseconds most) {
    return Backoff{.first = options_.restart_delay_min, .most = most}.after(failures - 1);
  };
  if (!counts_.follows_requests(instance)) return delay_up_to(options_.restart_delay_max);
  if (instance.phase == Phase::starting && failures >= options_.start_failures_max)
    effects_.give_up(counts_.limiter(instance.generation, *run_.plans.variant_of(instance)),
                     reason);
  return delay_up_to(elastic_restart_delay_max);
}

void InstancePhases::stop_drained() {
  for (InstanceRecord& instance : run_.row.record.instances) {
    if (instance.phase != Phase::draining) continue;
    const bool held = !run_.observed.of(key_of(run_.id, instance)).route.expired();
    if (!held || run_.now - instance.since >= options_.drain_max)
      instance.enter(Phase::stopping, run_.now);
    else
      run_.wake_at(instance.since + options_.drain_max);
  }
}

}  // namespace slipway::fleet

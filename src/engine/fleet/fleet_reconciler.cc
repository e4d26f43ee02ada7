#include "engine/fleet/fleet_reconciler.h"

#include <set>
#include <utility>

#include "engine/fleet/decisions.h"
#include "engine/fleet/fleet_run.h"
#include "engine/fleet/observed_fleet.h"
#include "engine/fleet/record.h"

namespace slipway::fleet {

namespace {

void take_in(ObservedFleet& observed, place::Observation&& observation) {
  using Kind = place::Observation::Kind;
  ObservedInstance& seen = observed.instances[observation.key];
  switch (observation.kind) {
    case Kind::preparing:
      if (seen.state == ObservedInstance::State::unknown)
        seen.state = ObservedInstance::State::preparing;
      return;
    case Kind::started:
    case Kind::adopted:
      if (seen.state == ObservedInstance::State::ended) return;
      seen.was_prepared = seen.state == ObservedInstance::State::preparing;
      seen.state = ObservedInstance::State::running;
      seen.addresses = std::move(observation.addresses);
      if (observation.kind == Kind::adopted) seen.tail = quotable(std::move(observation.tail));
      return;
    case Kind::start_failed:
      seen.tail = quotable(std::move(observation.tail));
      seen.state = ObservedInstance::State::ended;
      seen.end = "could not be started (" + observation.reason + ")";
      return;
    case Kind::exited:
      seen.state = ObservedInstance::State::ended;
      seen.tail = quotable(std::move(observation.tail));
      seen.end = observation.exit.describe();
      seen.end_asked = observation.exit.asked;
      return;
    case Kind::printed:
      if (seen.state != ObservedInstance::State::ended)
        seen.tail = quotable(std::move(observation.tail));
      return;
    case Kind::over_memory:
    case Kind::adoption_done: return;
  }
}

void take_in(ObservedFleet& observed, HealthReport&& report) {
  const auto seen = observed.instances.find(report.key);
  if (seen == observed.instances.end()) return;
  const bool fine = report.health == HealthReport::Health::healthy;
  seen->second.health =
      fine ? ObservedInstance::Health::healthy : ObservedInstance::Health::unhealthy;
  seen->second.health_reason = std::move(report.reason);
}

void take_in(ObservedFleet& observed, FetchReport&& report) {
  const auto fetch = observed.fetches.find(report.id);
  if (fetch != observed.fetches.end()) fetch->second.outcome = std::move(report.outcome);
}

}  // namespace

void take_in(ObservedFleet& observed, Report&& report) {
  std::visit([&](auto&& one) { take_in(observed, std::move(one)); }, std::move(report));
}

class FleetReconciler::Impl {
 public:
  Impl(FleetReconciler& self, FleetNeeds needs, FleetOptions options)
      : self_(self), needs_(needs), options_(std::move(options)) {
    needs_.loop.add(self_);
    needs_.routes.set_incomplete();
  }

  // Every fleet of a start is published once before the table is complete.
  void expect(const std::vector<std::string>& ids) {
    bool none = false;
    {
      const std::lock_guard lock(mutex_);
      expected_.insert(ids.begin(), ids.end());
      none = expected_.empty();
    }
    if (none) needs_.routes.set_complete();
  }
  // After the effects of a reconcile. Before the place has reported what still runs, a fleet may
  // look emptier than it is, and is woken by the report.
  void looked_at(const FleetId& id, bool all_reported) {
    if (!all_reported) return;
    if (const auto observed = observed_.find(id);
        observed != observed_.end() && observed->second.empty())
      forget(id);
    expect_no_more(id);
  }
  void give_up_on(const FleetId& id) {
    if (is_adoption_done()) expect_no_more(id);
  }

  void post(const FleetId& id, Report report) {
    {
      const std::lock_guard lock(mutex_);
      reports_[id].push_back(std::move(report));
    }
    wake(id);
  }
  routing::RouteTable& routes() { return needs_.routes; }
  const DecisionBook& decisions() const { return decisions_; }
  void wake(const FleetId& id) { needs_.loop.wake(self_, id.text); }
  void tell_changed(const FleetId& id) { needs_.changes.notify(topic_of(id)); }

  void observe(place::Observation observation) {
    if (observation.kind == place::Observation::Kind::adoption_done) return end_adoption();
    if (observation.kind == place::Observation::Kind::over_memory)
      return needs_.routes.note_ending(observation.key, std::move(observation.reason));
    // A key of another engine is none of ours; one that is broken belongs to nobody.
    const auto id = fleet_of(observation.key);
    if (!id) return;
    if (observation.kind == place::Observation::Kind::printed)
      return note_printed(*id, std::move(observation));
    follow(*id, std::move(observation));
  }

  engine::Wake reconcile(const FleetId& id, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) {
    const FleetRun::Around around{.needs = needs_,
                                  .options = options_,
                                  .adoption_done = take_in_reports(id),
                                  .look_again = [this, id] { wake(id); }};
    const FleetEffects::Around outside{
        .needs = needs_,
        .options = options_,
        .fetched = [this, id](FetchReport report) { post(id, std::move(report)); },
        .look_again = around.look_again,
        .starting = [this](const place::InstanceKey& key,
                           Probe probe) { expect_start(key, std::move(probe)); },
        .decisions = decisions_};
    ObservedFleet& observed = observed_[id];
    FleetEffects fleet_effects(outside, observed, effects);
    engine::Wake wake = FleetRun(around, id, observed, fleet_effects, tx, now).run();
    effects.add([this, id, all = around.adoption_done] { looked_at(id, all); });
    return wake;
  }

 private:
  // For the next look at the fleet, whenever that is: of each instance the newest.
  void note_printed(const FleetId& id, place::Observation observation) {
    const std::lock_guard lock(mutex_);
    if (known_.contains(id)) printed_[id][observation.key] = std::move(observation);
  }

  // An instance that was just started is watched from here on, not only from its next reconcile:
  // somebody may wait for it.
  void follow(const FleetId& id, place::Observation observation) {
    using Kind = place::Observation::Kind;
    const Kind kind = observation.kind;
    const place::InstanceKey key = observation.key;
    const place::Addresses addresses = observation.addresses;
    const auto probe = kind == Kind::preparing ? std::nullopt : take_probe(key);
    post(id, std::move(observation));
    if (kind == Kind::started && probe) needs_.prober.watch(key, {addresses, *probe});
    if (kind == Kind::exited) needs_.prober.unwatch(key);
  }
  void expect_start(const place::InstanceKey& key, Probe probe) {
    const std::lock_guard lock(mutex_);
    starting_.insert_or_assign(key, std::move(probe));
  }
  // Returns nullopt of an instance that this process did not start, or heard of before.
  std::optional<Probe> take_probe(const place::InstanceKey& key) {
    const std::lock_guard lock(mutex_);
    auto starting = starting_.extract(key);
    return starting ? std::optional(std::move(starting.mapped())) : std::nullopt;
  }

  bool is_adoption_done() {
    const std::lock_guard lock(mutex_);
    return adoption_done_;
  }
  void expect_no_more(const FleetId& id) {
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      last = expected_.erase(id.text) > 0 && expected_.empty();
    }
    if (last) needs_.routes.set_complete();
  }

  void end_adoption() {
    std::set<FleetId> known;
    {
      const std::lock_guard lock(mutex_);
      adoption_done_ = true;
      known = known_;
    }
    for (const FleetId& id : known) wake(id);
  }

  void forget(const FleetId& id) {
    observed_.erase(id);
    const std::lock_guard lock(mutex_);
    known_.erase(id);
    printed_.erase(id);
  }

  // Returns whether the place had reported everything before these reports were taken.
  bool take_in_reports(const FleetId& id) {
    std::vector<Report> reports;
    std::map<place::InstanceKey, place::Observation> printed;
    bool adoption_done = false;
    {
      const std::lock_guard lock(mutex_);
      known_.insert(id);
      adoption_done = adoption_done_;
      if (const auto found = reports_.find(id); found != reports_.end()) {
        reports = std::move(found->second);
        reports_.erase(found);
      }
      if (auto found = printed_.extract(id); !found.empty()) printed = std::move(found.mapped());
    }
    ObservedFleet& observed = observed_[id];
    for (Report& report : reports) take_in(observed, std::move(report));
    for (auto& [key, observation] : printed)
      if (observed.instances.contains(key)) take_in(observed, std::move(observation));
    return adoption_done;
  }

  FleetReconciler& self_;
  const FleetNeeds needs_;
  const FleetOptions options_;
  DecisionBook decisions_;

  std::mutex mutex_;
  std::map<FleetId, std::vector<Report>> reports_;  // guarded by mutex_
  // Guarded by mutex_.
  std::map<FleetId, std::map<place::InstanceKey, place::Observation>> printed_;
  std::set<FleetId> known_;         // guarded by mutex_
  std::set<std::string> expected_;  // guarded by mutex_
  bool adoption_done_ = false;      // guarded by mutex_
  // How those are probed that were asked for and not heard of yet. Guarded by mutex_.
  std::map<place::InstanceKey, Probe> starting_;

  // Touched by reconciles and their effects alone, which never run at once.
  std::map<FleetId, ObservedFleet> observed_;
};

FleetReconciler::FleetReconciler(FleetNeeds needs, FleetOptions options)
    : impl_(std::make_unique<Impl>(*this, needs, std::move(options))) {}
// Routes that go later have nobody to tell.
FleetReconciler::~FleetReconciler() { impl_->routes().on_drained({}); }

void FleetReconciler::observe(place::Observation observation) {
  impl_->observe(std::move(observation));
}

void FleetReconciler::observe(HealthReport report) {
  if (const auto id = fleet_of(report.key)) impl_->post(*id, std::move(report));
}

void FleetReconciler::observe_drained(const place::InstanceKey& key) {
  if (const auto id = fleet_of(key)) impl_->wake(*id);
}

void FleetReconciler::wake(const FleetId& id) {
  impl_->tell_changed(id);
  impl_->wake(id);
}

std::vector<std::string> FleetReconciler::keys(store::Transaction& tx) { return all_ids(tx); }

void FleetReconciler::start_with(const std::vector<std::string>& keys) { impl_->expect(keys); }

const DecisionBook& FleetReconciler::decisions() const { return impl_->decisions(); }

engine::Wake FleetReconciler::reconcile(std::string_view key, store::Transaction& tx,
                                        const Moment& now, engine::Effects& effects) {
  const FleetId id{std::string(key)};
  try {
    return impl_->reconcile(id, tx, now, effects);
  } catch (...) {
    impl_->give_up_on(id);  // one broken record must not hold up the others' requests
    throw;
  }
}

}  // namespace slipway::fleet

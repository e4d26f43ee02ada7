#include "engine/jobs/job_reconciler.h"

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "engine/jobs/job_rows.h"
#include "engine/jobs/job_run.h"

namespace slipway::jobs {

class JobReconciler::Impl {
 public:
  Impl(JobReconciler& self, Needs needs) : self_(self), needs_(needs) { needs_.loop.add(self_); }

  void wake(const JobId& id) { needs_.loop.wake(self_, id.text); }
  void tell_changed(const JobId& id) { needs_.changes.notify(topic_of(id)); }

  void observe(place::Observation observation) {
    using Kind = place::Observation::Kind;
    if (observation.kind == Kind::adoption_done) return end_adoption();
    const auto id = job_of(observation.key);
    if (!id) return;
    const bool printed = observation.kind == Kind::printed;
    if (!observation.tail.empty()) {
      const std::lock_guard lock(mutex_);
      tails_[*id] = observation.tail;
    }
    if (!printed) post(*id, std::move(observation));
  }
  void post(const JobId& id, JobReport report) {
    {
      const std::lock_guard lock(mutex_);
      reports_[id].push_back(std::move(report));
    }
    wake(id);
  }

  std::string tail(const JobId& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = tails_.find(id);
    return found == tails_.end() ? std::string() : found->second;
  }

  engine::Wake reconcile(const JobId& id, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) {
    JobSight& sight = sights_[id];
    const JobRun::Around around{
        .needs = needs_,
        .adoption_done = take_in_reports(id, sight),
        .fetched = [this, id](InputReport report) { post(id, std::move(report)); }};
    engine::Wake wake = JobRun(around, id, sight, tx, now, effects).run();
    effects.add([this, id] { forget_where_nothing_is_left(id); });
    return wake;
  }

 private:
  // Returns whether the place had told all that a former server left before these reports.
  bool take_in_reports(const JobId& id, JobSight& sight) {
    std::vector<JobReport> reports;
    bool adoption_done = false;
    {
      const std::lock_guard lock(mutex_);
      adoption_done = adoption_done_;
      if (!adoption_done) waiting_.insert(id);
      if (auto found = reports_.extract(id); !found.empty()) reports = std::move(found.mapped());
    }
    for (JobReport& report : reports) take_in(sight, std::move(report));
    return adoption_done;
  }

  void end_adoption() {
    std::set<JobId> waiting;
    {
      const std::lock_guard lock(mutex_);
      adoption_done_ = true;
      waiting.swap(waiting_);
    }
    for (const JobId& id : waiting) wake(id);
  }

  void forget_where_nothing_is_left(const JobId& id) {
    const auto sight = sights_.find(id);
    if (sight == sights_.end() || !sight->second.empty()) return;
    sights_.erase(sight);
    const std::lock_guard lock(mutex_);
    tails_.erase(id);
  }

  JobReconciler& self_;
  const Needs needs_;

  mutable std::mutex mutex_;
  std::map<JobId, std::vector<JobReport>> reports_;  // guarded by mutex_
  std::map<JobId, std::string> tails_;               // guarded by mutex_
  std::set<JobId> waiting_;                          // guarded by mutex_: for adoption
  bool adoption_done_ = false;                       // guarded by mutex_

  // Touched by reconciles and their effects alone, which never run at once.
  std::map<JobId, JobSight> sights_;
};

JobReconciler::JobReconciler(Needs needs) : impl_(std::make_unique<Impl>(*this, needs)) {}
JobReconciler::~JobReconciler() = default;

void JobReconciler::observe(place::Observation observation) {
  impl_->observe(std::move(observation));
}

void JobReconciler::wake(const JobId& id) {
  impl_->tell_changed(id);
  impl_->wake(id);
}

std::string JobReconciler::tail(const JobId& id) const { return impl_->tail(id); }

std::vector<std::string> JobReconciler::keys(store::Transaction& tx) { return open_jobs(tx); }

engine::Wake JobReconciler::reconcile(std::string_view key, store::Transaction& tx,
                                      const Moment& now, engine::Effects& effects) {
  return impl_->reconcile({std::string(key)}, tx, now, effects);
}

}  // namespace slipway::jobs

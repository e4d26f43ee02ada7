// Makes each job end.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/changes.h"
#include "engine/jobs/jobs.h"
#include "engine/reconciler.h"
#include "place/place.h"

namespace slipway::jobs {

// While a job's instance starts, runs or is being ended, a look this often would mend what was
// missed.
inline constexpr std::chrono::seconds job_look_again{30};

// Starts an attempt, ends it in time or when that is asked for, begins another one where it failed
// and may, and notes what came of the job.
//
// A function of (stored job, observations, now): it may run at any time, twice, or after a crash.
// Each attempt has a key "job/<id>/<number>" whose number is never used again, and stands in the
// row before its instance is started: a start repeated after a crash finds the instance that runs.
// What runs under a key that is no job's latest attempt is ended and forgotten.
class JobReconciler final : public engine::Reconciler {
 public:
  // Everything outlives this object, but nothing may report to it any more when it goes: end the
  // loop, the place and the artifacts' workers first. Adds itself to `loop`.
  struct Needs {
    place::Place& place;
    artifacts::Artifacts& artifacts;
    engine::ReconcilerLoop& loop;
    engine::Changes& changes;
  };
  explicit JobReconciler(Needs needs);
  ~JobReconciler() override;

  // From any thread: what the place reports. Keys of other engines are none of ours.
  void observe(place::Observation observation);
  // From any thread: a job was changed (the hook of Jobs). Tells Changes too.
  void wake(const JobId& id);
  // The last lines that the job's latest attempt printed while this process watched it. From any
  // thread.
  std::string tail(const JobId& id) const;

  std::string_view name() const override { return "jobs"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::jobs

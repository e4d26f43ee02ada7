// Jobs, joined: their reconciler, and what doors and other engines ask for.
#pragma once

#include "engine/jobs/job_reconciler.h"
#include "engine/jobs/jobs.h"
#include "server/foundation.h"
#include "server/place_engine.h"

namespace slipway::server {

// The assembly of the job engine.
class JobEngine {
 public:
  // All outlive this object. Adds its reconciler.
  JobEngine(Foundation& base, PlaceEngine& places, artifacts::Artifacts& artifacts)
      : reconciler_({.place = places.place(),
                     .artifacts = artifacts,
                     .loop = *base.reconcilers,
                     .changes = base.changes}),
        jobs_(base.clock, [this](const jobs::JobId& id) { reconciler_.wake(id); }) {
    places.on_observation(
        [this](place::Observation seen) { reconciler_.observe(std::move(seen)); });
  }

  const jobs::Jobs& jobs() const { return jobs_; }
  const jobs::JobReconciler& reconciler() const { return reconciler_; }

 private:
  jobs::JobReconciler reconciler_;
  jobs::Jobs jobs_;
};

}  // namespace slipway::server

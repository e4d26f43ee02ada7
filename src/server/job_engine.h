// Jobs, joined: their reconciler, and what doors and other engines ask for.
#pragma once

#include "engine/jobs/job_reconciler.h"
#include "engine/jobs/jobs.h"

namespace slipway::server {

class JobEngine {
 public:
  // All outlive this object; the loop and the place must have ended before it goes.
  JobEngine(const jobs::JobReconciler::Needs& needs, const Clock& clock)
      : reconciler_(needs), jobs_(clock, [this](const jobs::JobId& id) { reconciler_.wake(id); }) {}

  const jobs::Jobs& jobs() const { return jobs_; }
  jobs::JobReconciler& reconciler() { return reconciler_; }
  const jobs::JobReconciler& reconciler() const { return reconciler_; }

 private:
  jobs::JobReconciler reconciler_;
  jobs::Jobs jobs_;
};

}  // namespace slipway::server

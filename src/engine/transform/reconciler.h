// Makes each transform job end: brings its instances up, lets its run work, takes them down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/changes.h"
#include "engine/fleet/fleet.h"
#include "engine/reconciler.h"
#include "engine/transform/run.h"

namespace slipway::transform {

// A run that could not do its work, for no fault of its job, is followed by another after so long.
inline constexpr std::chrono::seconds transform_retry_delay{2};

// A function of (stored job, its fleet's status, its run, now): it may run at any time, twice, or
// after a crash. The rows of files say what is done; a run that a crash ended begins again with the
// others.
class TransformReconciler final : public engine::Reconciler {
 public:
  // Everything outlives this object; `runs` reports to wake().
  struct Needs {
    fleet::Fleets& fleets;
    TransformRuns& runs;
    engine::ReconcilerLoop& loop;
    engine::Changes& changes;
  };
  // Adds itself to the loop.
  explicit TransformReconciler(Needs needs);

  // From any thread: a door changed the job (the hook of Transforms), or its run has ended.
  void wake(const TransformId& id);

  std::string_view name() const override { return "transform"; }
  std::vector<std::string> keys(store::Transaction& tx) override { return open_transforms(tx); }
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  struct Look;
  engine::Wake begin(Look& look);
  engine::Wake await_instances(Look& look);
  engine::Wake work(Look& look);
  engine::Wake end_as_asked(Look& look);
  engine::Wake end(Look& look, TransformState state);
  engine::Wake fail(Look& look, Fault fault, std::string_view reason);
  void save(Look& look);
  void forget_run(Look& look);

  const Needs needs_;
};

}  // namespace slipway::transform

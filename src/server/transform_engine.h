// Batch transform, joined: its instances, runs, reconciler and log.
#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include "engine/fleet/fleet.h"
#include "engine/logs/log_book.h"
#include "engine/objects/objects.h"
#include "engine/transform/instances.h"
#include "engine/transform/reconciler.h"
#include "server/foundation.h"
#include "service/errands.h"

namespace slipway::server {

// Owns the parts; adds their reconciler to the loop. A line of a
// job's log may come from any of its run's threads.
class TransformEngine {
 public:
  // Everything outlives this object; the loop must have ended before it goes.
  struct Needs {
    Foundation& base;
    objects::Objects& objects;
    fleet::Fleets& fleets;
    routing::RouteTable& routes;
    logs::LogBook& log_book;
    service::LaterErrands errands;  // for reading the input and storing the output
  };
  explicit TransformEngine(const Needs& needs);

  // Ends what runs; jobs go on with the next start. Call when the reconcilers have ended.
  void stop() { runs_.stop_all(); }

  transform::Transforms& jobs() { return jobs_; }
  // From any thread: what the jobs' instances were asked so far.
  std::vector<routing::VariantCounters> counters() const { return instances_.counters(); }

 private:
  void log(const transform::TransformId& job, std::string_view line);

  logs::LogBook& log_book_;
  const Clock& clock_;
  std::mutex log_mutex_;      // a line's place in its stream is taken and used under it
  bool log_refused_ = false;  // the book took nothing the last time: said once
  transform::RoutedInstances instances_;
  transform::TransformRuns runs_;
  transform::TransformReconciler reconciler_;
  transform::Transforms jobs_;
};

}  // namespace slipway::server

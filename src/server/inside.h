// A running server shows its inside to the root alone: its fleets, its reconcilers, its threads,
// how much its log says, and why an endpoint is as it is.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/fleet/decisions.h"
#include "engine/fleet/fleet.h"
#include "engine/reconciler.h"
#include "service/pages.h"
#include "store/store.h"

namespace slipway::server {

// A queue that threads work off.
struct QueueLength {
  std::string name;  // of the threads, as the kernel has it
  std::size_t waiting = 0;
};

// All of it outlives the pages; the functions are called from any thread.
struct Inside {
  struct Pool {
    std::string name;  // of its threads
    const WorkerPool& workers;
  };
  store::Store& store;
  const Clock& clock;
  const fleet::Fleets& fleets;
  const fleet::DecisionBook& decisions;
  const engine::ReconcilerLoop& reconcilers;
  std::string account;
  std::vector<Pool> pools;
  std::function<std::vector<QueueLength>()> loops;
};

// /_slipway/fleets, reconcilers, threads, log-level and why.
std::vector<service::ServerPage> inside_pages(const Inside& inside);

}  // namespace slipway::server

// Every engine of the server stands on the foundation: the disk, time and chance, the store, and
// the threads that all of them share.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/disk_room.h"
#include "base/random.h"
#include "base/worker_pool.h"
#include "engine/changes.h"
#include "engine/deadlines.h"
#include "engine/reconciler.h"
#include "net/loop.h"
#include "server/lifecycle.h"
#include "server/options.h"
#include "store/store.h"

namespace slipway::server {

// An assembly: its members are for the engines' assemblies to use, and for nobody to replace.
// Destroyed after all of them.
struct Foundation {
  // Makes the data directory, where there is none, and takes back what was kept of a full disk.
  static Result<std::unique_ptr<Foundation>> open(const ServeOptions& options);
  ~Foundation() { bulk_loop.stop(); }  // also of a server that did not start: it looks at members

  // The rest, which waits for the disk. It ends when nobody posts, writes or decides any more: the
  // workers run what was posted to its end, and what the writer was given is durable.
  Result<> open_store(ServerLifecycle& life);

  // Begins what recurs: a note of the time for the next start.
  void begin();

  const ServeOptions options;
  DiskRoom disk;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<store::Store> store;
  // Whatever asks instances, subscribers and programs and may come in masses: never an I/O loop.
  net::LoopThread bulk_loop{"bulk-loop"};
  engine::Deadlines deadlines{bulk_loop.loop()};
  engine::Changes changes{clock, deadlines.watch([this] { return changes.expire(); })};
  WorkerPool artifacts;  // fetching, unpacking, digesting
  WorkerPool control;    // what is quick
  WorkerPool puts;       // small bodies, which wait for no file
  WorkerPool files;      // what waits for files
  WorkerPool bulk;       // what moves as many bytes as its client likes
  std::unique_ptr<engine::ReconcilerLoop> reconcilers;

 private:
  explicit Foundation(const ServeOptions& options);
  void end();
  void keep_time();
  void note_time();
};

}  // namespace slipway::server

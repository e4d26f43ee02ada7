// What bodies need now and then: the mark beside them, the quarantine, the slow look at each.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "engine/objects/body_mark.h"
#include "engine/objects/body_removals.h"
#include "engine/objects/scrub.h"

namespace slipway::objects {

// Has a thread of its own from start() to its end.
class BodyKeeper {
 public:
  struct Needs {
    store::Store& store;
    BodyRemovals& removals;
    const Clock& clock;
  };
  BodyKeeper(const Needs& needs, BodyMark mark, std::string database)
      : needs_(needs),
        mark_(std::move(mark)),
        database_(std::move(database)),
        scrubber_(needs.store, needs.removals, needs.clock) {}
  ~BodyKeeper() { stop(); }

  void start();
  // Brings the mark up to date once more. Idempotent.
  void stop();

  // A body was made or removed, durably. Any thread.
  void note_change() { changed_ = true; }

 private:
  void run();
  void update_mark();
  void scrub_for_a_second();

  const Needs needs_;
  BodyMark mark_;
  const std::string database_;
  Scrubber scrubber_;
  std::atomic<bool> changed_ = true;
  Instant scrub_at_;
  Instant empty_at_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace slipway::objects

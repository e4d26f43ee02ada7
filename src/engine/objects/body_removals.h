// When files of bodies go: once no row names them and nobody reads them any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/worker_pool.h"
#include "engine/objects/body_files.h"
#include "engine/objects/file.h"

namespace slipway::objects {

// What is to be removed once a transaction is durable: all files of one body, or, where `body` is
// 0, files that no reader can have been given.
struct DoomedBody {
  std::int64_t body = 0;
  std::vector<std::string> files;
};

// Removes files of bodies, on a thread of its own, and not while somebody has a lease of their
// body. Thread-safe.
class BodyRemovals {
 public:
  // `files` outlives the object; `root` is their folder. unavailable: it takes no lock.
  static Result<std::unique_ptr<BodyRemovals>> open(BodyFiles& files,
                                                    const std::filesystem::path& root);

  BodyFiles& files() const { return files_; }

  // Returns at once. A leased body goes when its last lease ends. While another process holds
  // `<root>/removal.lock` (a backup links what it found), nothing goes.
  void remove(DoomedBody doomed);
  // Tries again what could not go, on the thread that removes; returns at once.
  void retry();

  // conflict "body_gone" where the body's files are being removed: look for the object again.
  Result<> lease(std::int64_t body);
  void end_lease(std::int64_t body);

  // Runs tasks one after the other on the thread that removes.
  void post(Task task) { reaper_.post(std::move(task)); }
  // Removes what it was told to, then ends the thread. Idempotent.
  void stop() { reaper_.stop(); }

 private:
  // How a body is used that somebody reads, or that goes.
  struct Lease {
    std::size_t holders = 0;
    std::vector<std::string> doomed_files = {};
    bool removing = false;
  };

  BodyRemovals(BodyFiles& files, File lock) : files_(files), lock_(std::move(lock)) {}

  void post_removal(DoomedBody doomed);
  void remove_now(DoomedBody doomed);

  BodyFiles& files_;
  const File lock_;
  std::mutex mutex_;
  std::map<std::int64_t, Lease> leases_;  // by body; guarded by mutex_
  std::vector<DoomedBody> held_back_;     // the thread that removes
  std::atomic<bool> holds_back_ = false;  // whether there is any
  WorkerPool reaper_{1, WorkerPool::Priority::normal, "body-reaper"};
};

// Ends its lease when the last copy of the pointer goes.
class BodyLease {
 public:
  BodyLease(BodyRemovals& removals, std::int64_t body) : removals_(removals), body_(body) {}
  BodyLease(const BodyLease&) = delete;
  BodyLease& operator=(const BodyLease&) = delete;
  ~BodyLease() { removals_.end_lease(body_); }

  BodyFiles& files() const { return removals_.files(); }

 private:
  BodyRemovals& removals_;
  std::int64_t body_;
};

}  // namespace slipway::objects

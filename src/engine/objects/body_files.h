// The files that hold bodies, under names that this class draws: `<root>/3f/3f9c...` (32 hex
// digits). Knows nothing of rows. Files that no row names go to `<root>/quarantine` before they are
// removed for good: the rows might be wrong.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/disk_room.h"
#include "base/random.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "engine/objects/file.h"

namespace slipway::objects {

// What is to be removed once a transaction is durable: all files of one body, or, where `body` is
// 0, files that no reader can have been given.
struct DoomedBody {
  std::int64_t body = 0;
  std::vector<std::string> files;
};

// Thread-safe.
class BodyFiles {
 public:
  static constexpr std::size_t folders = 256;
  static constexpr unsigned hashing_threads_max = 16;

  // `random` and `disk` outlive this object.
  static Result<std::unique_ptr<BodyFiles>> open(const std::filesystem::path& root, Random& random,
                                                 Disk& disk);

  // What is asked before a body's bytes are written; outlives this object. Before the first body.
  void use(const DiskRoom& room) { room_ = &room; }
  // unavailable "disk_full": what is left of the disk is kept for deletions.
  Result<> admit(std::uint64_t bytes) const {
    return room_ != nullptr ? room_->admit_bytes(bytes) : Result<>{};
  }

  struct Created {
    std::string name;
    File file;
  };
  Result<Created> create();
  // A second name of the bytes behind `name`, which then live as long as either. not_implemented
  // where the file system has no such thing, or no more of them.
  Result<std::string> link(std::string_view name);

  Disk& disk() const { return disk_; }

  // Whether one more upload may hash on a thread of its own; given back by end_hashing().
  bool begin_hashing() {
    if (hashing_.fetch_add(1) < hashing_threads_max) return true;
    hashing_.fetch_sub(1);
    return false;
  }
  void end_hashing() { hashing_.fetch_sub(1); }

  // Makes the file's name durable; its bytes are the caller's affair.
  Result<> sync_folder(std::string_view name);

  // not_found where there is no such file.
  Result<File> open_for_reading(std::string_view name) const;

  std::string path(std::string_view name) const;
  bool holds_any() const;  // bodies, of whatever age

  struct Facts {
    std::uint64_t bytes = 0;
    std::int64_t changed_at_ns = 0;
  };
  // not_found where there is no such file.
  Result<Facts> facts(std::string_view name) const;

  // Returns at once; a thread of this object removes. A leased body goes when its last lease ends.
  // While another process holds `<root>/removal.lock` (a backup links what it found), nothing goes.
  void remove(DoomedBody doomed);
  // What could not go is tried again, on the thread that removes.
  void retry_removals();

  // Damage is told to the log once, and remembered until the file changes.
  void note_damage(std::string_view name, std::string_view object);
  bool is_damaged(std::string_view name, const Facts& facts) const;

  // conflict "body_gone" where the body's files are being removed: look for the object again.
  Result<> lease(std::int64_t body);
  void end_lease(std::int64_t body);

  // Runs tasks one after the other on the thread that removes.
  void post(Task task) { reaper_.post(std::move(task)); }
  void stop() { reaper_.stop(); }

  // The names of files in folder `index` that were there before this object was opened.
  std::vector<std::string> old_names(std::size_t index) const;

  // On the thread that removes, or before it has work.
  void put_into_quarantine(const std::vector<std::string>& names);
  std::vector<std::string> quarantined() const;
  void take_out_of_quarantine(const std::string& name);
  // Removes what has been there for that long.
  void empty_quarantine(std::chrono::seconds age_min);

 private:
  BodyFiles(const std::filesystem::path& root, Random& random, Disk& disk);

  struct Lease {
    std::size_t holders = 0;
    std::vector<std::string> doomed_files = {};
    bool removing = false;
  };

  int folder_fd(std::string_view name) const;
  void remove_now(DoomedBody doomed);
  void unlink(const std::string& name);
  Result<> open_folders();

  std::filesystem::path root_;
  Random& random_;
  const DiskRoom* room_ = nullptr;
  Disk& disk_;
  std::array<File, folders> folder_fds_;
  File quarantine_;
  File removal_lock_;
  std::int64_t opened_at_ns_ = 0;  // by the file system's clock

  mutable std::mutex mutex_;
  std::map<std::int64_t, Lease> leases_;  // by body; guarded by mutex_
  // When the damaged file was last changed, by name; guarded by mutex_.
  std::map<std::string, std::int64_t, std::less<>> damaged_;
  std::vector<DoomedBody> held_back_;  // the thread that removes
  std::atomic<unsigned> hashing_ = 0;
  WorkerPool reaper_{1};
};

// Ends its lease when the last copy of the pointer goes.
class BodyLease {
 public:
  BodyLease(BodyFiles& files, std::int64_t body) : files_(files), body_(body) {}
  BodyLease(const BodyLease&) = delete;
  BodyLease& operator=(const BodyLease&) = delete;
  ~BodyLease() { files_.end_lease(body_); }

  BodyFiles& files() const { return files_; }

 private:
  BodyFiles& files_;
  std::int64_t body_;
};

}  // namespace slipway::objects

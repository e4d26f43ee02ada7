// The files that hold bodies, under names that this class draws: `<root>/3f/3f9c...` (32 hex
// digits). Knows nothing of rows, nor of how long a file is needed: body_removals.h. Files that no
// row names go to `<root>/quarantine` before they are removed for good: the rows might be wrong.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/disk_room.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/objects/file.h"

namespace slipway::objects {

// Makes, opens and removes the files. Thread-safe.
class BodyFiles {
 public:
  static constexpr std::size_t folders = 256;
  static constexpr unsigned hashing_threads_max = 16;

  // `random` and `disk` outlive this object. Folders are made, and opened, when they are needed.
  static Result<std::unique_ptr<BodyFiles>> open(const std::filesystem::path& root, Random& random,
                                                 Disk& disk);
  ~BodyFiles();

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

  // A file that is not there is fine; one that cannot be removed is for the sweep of the next
  // start, and the log says so. What was known of its damage is forgotten.
  void unlink(const std::string& name);

  // Damage is told to the log once, and remembered until the file changes.
  void note_damage(std::string_view name, std::string_view object);
  bool is_damaged(std::string_view name, const Facts& facts) const;

  // The names of files in folder `index` that were there before this object was opened.
  std::vector<std::string> old_names(std::size_t index) const;

  // --- The quarantine: one thread at a time. ---

  // Both times are of the server's line; a file carries in its own time of change when it came.
  void put_into_quarantine(const std::vector<std::string>& names, ServerTime now);
  // Removes what came until then.
  void empty_quarantine(ServerTime came_by);
  std::vector<std::string> quarantined() const;
  void take_out_of_quarantine(const std::string& name);

 private:
  BodyFiles(const std::filesystem::path& root, Random& random, Disk& disk);

  // The folder of a body, open for as long as this object lives. -1 with errno where it cannot be
  // opened: ENOENT where it is not there.
  int folder_fd(std::string_view name) const;
  // Makes it where it is not there; its own name is durable then.
  Result<int> folder_to_write(std::string_view name);
  std::filesystem::path folder_path(std::size_t index) const;
  Result<> open_folders();

  std::filesystem::path root_;
  Random& random_;
  const DiskRoom* room_ = nullptr;
  Disk& disk_;
  File top_;
  File quarantine_;
  mutable std::array<std::atomic<int>, folders> folder_fds_;  // -1: not opened yet
  std::mutex making_;
  // Whether the names of all folders are durable. False at first: the process that made them may
  // have died before its sync.
  std::atomic<bool> names_durable_ = false;
  std::int64_t opened_at_ns_ = 0;  // by the file system's clock

  mutable std::mutex mutex_;
  // When the damaged file was last changed, by name; guarded by mutex_.
  std::map<std::string, std::int64_t, std::less<>> damaged_;
  std::atomic<unsigned> hashing_ = 0;
};

}  // namespace slipway::objects

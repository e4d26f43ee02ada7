// For tests: a disk that fails once, at the call that a test names, and that forgets at a power cut
// what was never synced.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/random.h"

namespace slipway {

// This disk lets everything reach the real one at once, and keeps what was there before until a
// sync. cut_power() takes back of the rest what the seed says: bytes in pages of 4 KiB, names from
// the last backwards, as a journalling file system loses them. After a sync that failed, the bytes
// of that file are lost with the power even where a later sync succeeds.
//
// Thread-safe. Files are told apart by their path: one process at a time.
class FaultyDisk final : public Disk {
 public:
  enum class Fault : std::uint8_t { none, error, full };  // EIO, ENOSPC

  struct Plan {
    std::uint64_t seed = 1;
    std::uint64_t failing_step = 0;  // counted from 1; 0: nothing fails
    Fault fault = Fault::error;
    std::uint64_t dying_step = 0;  // the power goes with this call; 0: with cut_power()
  };

  // Removed files lie in `graves` until the names are synced: an empty folder on the same disk.
  FaultyDisk(std::filesystem::path graves, Plan plan);

  // Calls so far: a run without a fault tells how many a test can let fail.
  std::uint64_t steps() const;
  // Names the failing step ("sync slipway.db-wal"); empty while it was not reached.
  std::string failed() const;

  // Nothing reaches the disk after this; every call fails.
  void cut_power();
  bool has_power() const;

  int create(const DiskName& at) override;
  ssize_t write(int file, std::string_view bytes, off_t offset) override;
  int sync_bytes(int file) override;
  int sync_names(int folder) override;
  int rename(const DiskNames& names) override;
  int link(const DiskNames& names) override;
  int unlink(const DiskName& at) override;
  int sync_all(int file) override;
  int make_folder(const DiskName& at) override;
  int link_to(std::string_view target, const DiskName& at) override;

  // --- For code that writes by itself, such as SQLite: asked before, told after. ---

  // 0, or the errno that the call is to fail with. Counts as a step.
  int before_change(const std::filesystem::path& file);
  int before_sync(const std::filesystem::path& file);
  void created(const std::filesystem::path& file);
  void synced(const std::filesystem::path& file);  // and its name with it
  int remove(const std::filesystem::path& file);
  void synced_names(const std::filesystem::path& folder);

 private:
  // A change of names that no sync made durable.
  struct NameChange {
    enum class Kind : std::uint8_t { made, removed, moved };
    Kind kind = Kind::made;
    std::filesystem::path path;
    std::filesystem::path from = {};  // removed: its grave; moved: where it was
  };
  // Says what the disk holds of a file that was written to.
  struct Unsynced {
    std::string bytes;
    bool lost = false;  // a sync of it failed
  };

  template <typename Make>
  int make_name(std::string_view what, const DiskName& at, Make make);
  void move_unsynced(const std::filesystem::path& from, const std::filesystem::path& to);
  int step(std::string_view what, const std::filesystem::path& path);
  void die();
  void forget_bytes(const std::filesystem::path& file);
  void keep_bytes(const std::filesystem::path& file);
  void bury(const std::filesystem::path& file);
  void take_back(const NameChange& change);
  void lose_bytes(const std::filesystem::path& file, const Unsynced& unsynced);

  const std::filesystem::path graves_;
  const Plan plan_;
  mutable std::mutex mutex_;
  SeededRandom random_;
  std::uint64_t steps_ = 0;
  std::string failed_;
  bool dead_ = false;
  std::map<std::filesystem::path, Unsynced> unsynced_;
  std::vector<NameChange> names_;
};

}  // namespace slipway

// Folders of one root that are made once, and compared with what they held then when they are used.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/disk.h"
#include "base/fd.h"
#include "base/result.h"
#include "engine/artifacts/artifact_manifest.h"
#include "engine/artifacts/shared_files.h"

namespace slipway::artifacts {

// A disk with less than this free, of 100 parts, is short.
inline constexpr unsigned disk_free_percent_min = 5;

// Keeps <root>/<content>/, where equal content has an equal name. A folder of that name is
// complete, read-only and on the disk: it is made as a draft, synced and renamed. Beside it lies
// <content>.files, the list of what it held then (artifact_manifest.h): sums are compared when this
// process is first asked for it, sizes whenever it is asked again. Thread-safe.
class SealedFolders {
 public:
  struct Kind {
    std::string name;     // of one of them, in messages: "artifact"
    std::string damaged;  // the log's line about one that is not what was made
    Listed listed = Listed::sources;
    Disk* disk = &kernel_disk();  // that they are put on; outlives them
    // Whether what two of them have alike is one file on the disk (shared_files.h).
    enum class Files : std::uint8_t { own, shared } files = Files::own;
  };

  // Makes the root, and removes what a former process left half-made.
  SealedFolders(std::filesystem::path root, Kind kind);

  // Whether what nothing needs should go before more is made.
  bool disk_is_short() const;
  std::filesystem::path path_of(const std::string& content) const { return root_ / content; }
  // Where it is made; swept at the next start.
  std::filesystem::path draft_of(const std::string& content) const;

  // Between the two, a content is the caller's to look at, to make and to drop, and nobody removes
  // it; a second caller waits in begin().
  void begin(const std::string& content);
  void end(const std::string& content);

  // Whether it lies there as it was made; from then on find() knows it. False too where it was to
  // stop before that was known.
  bool is_sound(const std::string& content, const std::stop_token& stop);
  // Lets go of what lies there, before it is made anew.
  void drop(const std::string& content);
  // To be opened before the first byte of a draft is written, so that no failed write is missed.
  Fd open_disk() const;
  // Makes the draft that folder, read-only for everybody; a draft that does not become one is
  // removed. unavailable: the disk, or it was to stop.
  Result<> keep(const std::string& content, const Fd& disk, const std::stop_token& stop);

  // Where a content lies that was sound, or kept, since this process began. From memory.
  std::optional<std::filesystem::path> find(const std::string& content);

  // Removes a content that nothing needs. Whoever had found it just now finds it gone. Removes a
  // tree: on a worker thread.
  void remove(const std::string& content);
  // Removes contents that are not in `used`, not begun and not found by this process within
  // `age_min`, the least recently found first, until what is kept beside them is at most
  // `spare_bytes_max`. Walks the tree: on a worker thread, now and then.
  void collect(const std::set<std::string>& used, std::uint64_t spare_bytes_max,
               std::chrono::seconds age_min);

 private:
  std::filesystem::path list_of(const std::string& content) const;
  // Once less on the disk what another of them has.
  void share(const std::filesystem::path& draft, const std::stop_token& stop);
  // Takes its name from a content at once, so that a half-removed one is never found; what it is
  // called now is the caller's to remove, without the lock.
  std::filesystem::path put_aside(const std::string& content);
  // When it was last found, as far as this process knows. Under the lock.
  Instant found_at(const std::string& content) const;

  const std::filesystem::path root_;
  const Kind kind_;
  std::optional<SharedFiles> shared_;  // where the kind has it so
  std::mutex mutex_;
  std::condition_variable free_;
  std::set<std::string> busy_;  // guarded by mutex_
  // The contents that are as they were made, as far as this process saw, and when each was last
  // found: an age is no matter of the machine's calendar. Guarded by mutex_.
  std::map<std::string, Instant> sound_;
  std::atomic<std::uint64_t> put_aside_count_ = 0;
};

}  // namespace slipway::artifacts

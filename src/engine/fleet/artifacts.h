// Models on this machine's disk: fetched and unpacked once per content, shared by all instances.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/disk_room.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "engine/fleet/plan.h"
#include "engine/fleet/sealed_folders.h"

namespace slipway::fleet {

// Limits of one artifact, and the disk that it is put on.
struct ArtifactLimits {
  std::uint64_t fetched_bytes_max = 20ULL << 30;  // as stored
  // An archive may unpack to this much whatever it has, and beyond to so many times what was read
  // of it: weights shrink to a half or a third, and what shrinks to a hundredth is no model.
  std::uint64_t unpacked_bytes_free = 1ULL << 30;
  std::uint64_t unpacked_ratio_max = 100;
  // Whose reserve of the disk is left alone; outlives the cache. None: without limit.
  const DiskRoom* room = nullptr;
  Disk* disk = &kernel_disk();  // outlives the cache
  std::uint64_t entries_max = 100'000;
  std::size_t name_bytes_max = 1024;
};

// One stored object of an artifact.
struct ArtifactEntry {
  std::string uri;      // what open() takes
  std::string name;     // relative to the artifact, '/' between parts; from outside, so unchecked
  std::string version;  // changes with the content (an ETag, a digest)
  std::uint64_t bytes = 0;
};

class ArtifactReader {
 public:
  virtual ~ArtifactReader() = default;
  // Fills the front of `out`; returns how much, 0 at the end.
  virtual Result<std::size_t> read(std::span<char> out) = 0;
};

// Where artifacts come from: S3 in the server, a folder in tests. Blocks; called on worker threads,
// several at once.
class ArtifactSource {
 public:
  virtual ~ArtifactSource() = default;
  // What stands under the artifact's uri now; its message names the uri where there is nothing.
  // permission_denied where its reader may not read it, in the words of its kind: a whole sentence.
  virtual Result<std::vector<ArtifactEntry>> list(const Artifact& artifact) = 0;
  virtual Result<std::unique_ptr<ArtifactReader>> open(const ArtifactEntry& entry) = 0;
};

// An artifact that is on the disk, complete.
struct FetchedArtifact {
  std::string content;              // names the content: equal content, equal name
  std::filesystem::path directory;  // read-only for everybody
};
using FetchDone = std::function<void(Result<FetchedArtifact>)>;

// What the reconciler asks for artifacts. ArtifactCache is the real one, SimulatedArtifacts the
// test's.
class Artifacts {
 public:
  virtual ~Artifacts() = default;
  // Calls `done` once, on any thread.
  virtual void fetch(const Artifact& artifact, FetchDone done) = 0;
  // As fetch(), for an artifact that came to `content` before: where that still lies here as it was
  // made it is the answer, whatever stands at the source now.
  virtual void fetch_again(const Artifact& artifact, const std::string& content,
                           FetchDone done) = 0;
  // Where a content lies that was fetched, or fetched again, since this process began. Answers from
  // memory: it is asked on the store's writer and on event loops.
  virtual std::optional<std::filesystem::path> find(const std::string& content) = 0;
};

// Unpacks `archive` (tar, plain or compressed by gzip) below `into`, an empty directory. Refuses,
// and what it wrote so far is the caller's to remove: absolute paths, "..", links that point out,
// devices, more than the limits: invalid_argument or limit_exceeded, the message names the entry.
// unavailable: the disk, or it was to stop.
Result<> unpack_archive(ArtifactReader& archive, const std::filesystem::path& into,
                        const ArtifactLimits& limits, const std::stop_token& stop = {});

// Keeps artifacts below one directory (sealed_folders.h). What is damaged is fetched anew.
class ArtifactCache final : public Artifacts {
 public:
  // `source` and `pool` outlive this object; `pool` is stopped before. Removes what a former
  // process left half-made.
  ArtifactCache(std::filesystem::path root, ArtifactSource& source, WorkerPool& pool,
                ArtifactLimits limits = {});

  void fetch(const Artifact& artifact, FetchDone done) override;
  void fetch_again(const Artifact& artifact, const std::string& content, FetchDone done) override;
  std::optional<std::filesystem::path> find(const std::string& content) override {
    return folders_.find(content);
  }

  // As those of SealedFolders.
  void remove(const std::string& content) { folders_.remove(content); }
  void collect(const std::set<std::string>& used, std::uint64_t spare_bytes_max,
               std::chrono::seconds age_min = std::chrono::hours(1)) {
    folders_.collect(used, spare_bytes_max, age_min);
  }

  // What is being fetched or checked ends soon, as unavailable, and what is asked for later at
  // once; what lies on the disk stays. From any thread.
  void stop() { stop_.request_stop(); }

  // Called on a worker's thread before something is fetched onto a disk that is nearly full; may
  // collect(). To be set before the first fetch.
  void on_short_disk(std::function<void()> relieve) { relieve_ = std::move(relieve); }

 private:
  using Obtain = std::move_only_function<Result<FetchedArtifact>()>;

  void post(Obtain obtain, FetchDone done);
  Result<> make(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                const std::string& content);
  Result<FetchedArtifact> obtain(const Artifact& artifact);
  Result<> fill(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                const std::filesystem::path& into);

  ArtifactSource& source_;
  WorkerPool& pool_;
  const ArtifactLimits limits_;
  std::function<void()> relieve_;
  std::stop_source stop_;
  SealedFolders folders_;
};

}  // namespace slipway::fleet

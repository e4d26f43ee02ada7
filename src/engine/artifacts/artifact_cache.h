// Artifacts on this machine's disk: fetched and unpacked once per content, shared by all instances.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/worker_pool.h"
#include "engine/artifacts/artifact.h"
#include "engine/artifacts/artifact_source.h"
#include "engine/artifacts/sealed_folders.h"
#include "engine/artifacts/unpack.h"

namespace slipway::artifacts {

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
  using Obtain = std::move_only_function<FetchOutcome()>;

  void post(Obtain obtain, FetchDone done);
  Result<> make(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                const std::string& content);
  FetchOutcome obtain(const Artifact& artifact);
  Result<> fill(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                const std::filesystem::path& into);

  ArtifactSource& source_;
  WorkerPool& pool_;
  const ArtifactLimits limits_;
  std::function<void()> relieve_;
  std::stop_source stop_;
  SealedFolders folders_;
};

}  // namespace slipway::artifacts

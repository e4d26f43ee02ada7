// Reports are what a process place tells of its instances, as observations on its sink.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "place/place.h"
#include "place/process/process_place.h"
#include "place/process/run_directory.h"

namespace slipway::place {

// A place's root by a path that leaves room for more in a socket's address: the root's own, or,
// where that is long, one through a descriptor of this process.
class ShortRoot {
 public:
  explicit ShortRoot(const std::filesystem::path& root);
  const std::string& path() const { return path_; }

 private:
  Fd directory_;  // none where the root's own path is short
  std::string path_;
};

// Tells what becomes of instances. The place's thread only.
class Reports {
 public:
  // Both references outlive this object.
  Reports(const ProcessPlaceOptions& options, const ShortRoot& root, ObservationSink sink);

  // `kind`: started or adopted.
  void running(const InstanceKey& key, const RunDirectory& directory, Observation::Kind kind) const;
  void never_ran(const InstanceKey& key, std::string reason) const;
  void printed(const InstanceKey& key, const RunDirectory& directory) const;
  void passed_limit(const InstanceKey& key, const std::string& reason) const;
  void exited(const InstanceKey& key, const RunDirectory& directory, const Exit& exit) const;
  // Notes the end of one that was not known to have ended, and tells it: as its keeper noted it, or
  // as `otherwise` where the keeper was ended itself.
  void end_seen(const InstanceKey& key, const RunDirectory& directory, const Exit& otherwise) const;
  void adoption_done() const;

  // Returns what was noted with the key; of an instance of an older release, what is noted nowhere.
  Labels labels_of(const InstanceKey& key, const RunDirectory& directory) const;

 private:
  Addresses addresses_of(const RunDirectory& directory) const;

  const ProcessPlaceOptions& options_;
  const ShortRoot& root_;
  const ObservationSink sink_;
};

}  // namespace slipway::place

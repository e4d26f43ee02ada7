// Where artifacts come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/artifacts/artifact.h"

namespace slipway::artifacts {

// One stored object of an artifact.
struct ArtifactEntry {
  std::string uri;      // what open() takes
  std::string name;     // relative to the artifact, '/' between parts; from outside, so unchecked
  std::string version;  // changes with the content (an ETag, a digest)
  std::uint64_t bytes = 0;
};

// Reads one stored object from its beginning to its end.
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

}  // namespace slipway::artifacts

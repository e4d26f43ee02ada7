// What is fetched: files by the name of their source, and then by the name of their content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace slipway::artifacts {

// Files that instances see, named by where they come from.
struct Artifact {
  enum class Form : std::uint8_t {
    tar_gz,  // `uri` is an archive, unpacked
    object,  // `uri` is one file, kept under its own name
    prefix,  // every object below `uri`, kept under its relative name
  };
  std::string uri;
  Form form = Form::tar_gz;
  // For whom it is read, in the door's words. Empty: nobody is asked whether he may.
  std::string reader = {};

  bool operator==(const Artifact&) const = default;
};

// An artifact that is on the disk, complete.
struct FetchedArtifact {
  std::string content;              // names the content: equal content, equal name
  std::filesystem::path directory;  // read-only for everybody
};
using FetchOutcome = Result<FetchedArtifact>;
using FetchDone = std::function<void(FetchOutcome)>;

// Fetches artifacts and unpacks them, once per content. ArtifactCache is the real one; tests have
// others.
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

}  // namespace slipway::artifacts

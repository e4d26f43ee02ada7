// Whether bodies are still what was written: all of them, one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/objects/body_removals.h"
#include "store/store.h"

namespace slipway::objects {

// A body file as its row describes it.
struct StoredFile {
  std::int64_t body = 0;
  std::uint32_t number = 0;  // among the body's
  std::uint64_t bytes = 0;
  std::string name;
  std::string etag;
  std::string sums;  // empty: from before there were sums
};

// The next file after that place, in the order of bodies; nothing at the end.
struct ScrubPlace {
  std::int64_t body = 0;
  std::uint32_t number = 0;
};
std::optional<StoredFile> next_file(store::Transaction& tx, const ScrubPlace& after);

// "s3://bucket/key", or of which upload the body is.
std::string owner_of_body(store::Transaction& tx, std::int64_t body);

// What reading a file to its end found. `sums` are those of what was read.
struct FileVerdict {
  enum class Kind : std::uint8_t { sound, damaged, missing };
  Kind kind = Kind::sound;
  std::string sums;
};
// Compares with the sums or, where there are none, with an ETag that is an MD5.
FileVerdict examine(const std::string& path, const StoredFile& stored);

// Walks over the bodies of a running server. One thread at a time.
class Scrubber {
 public:
  // All outlive this object.
  Scrubber(store::Store& store, BodyRemovals& removals, const Clock& clock)
      : store_(store), removals_(removals), clock_(clock) {}

  // Examines the next file and returns how many bytes it had; nothing at the end, and the next call
  // begins anew. Damage goes to the log. A body without sums gets those of its bytes, which its row
  // shows to have been made later.
  Result<std::optional<std::uint64_t>> step();

 private:
  Result<> keep_sums(const StoredFile& stored, const std::string& sums);

  store::Store& store_;
  BodyRemovals& removals_;
  const Clock& clock_;
  ScrubPlace place_;
};

}  // namespace slipway::objects

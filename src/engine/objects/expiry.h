// When objects of a bucket go by themselves: rules, and what they say of one object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/objects/types.h"

namespace slipway::objects {

// A number of days is over at the midnight (UTC) after it: an object of Tuesday morning with three
// days goes with the end of Friday. What is beyond the end of a timestamp is over at that end.
Timestamp end_of(Timestamp begin, std::chrono::days term);

// Which objects a rule speaks of: those for which all of it holds. A delete marker has no bytes and
// no tags.
struct ExpiryFilter {
  std::string prefix = {};
  Pairs tags = {};
  std::optional<std::uint64_t> larger_than = {};
  std::optional<std::uint64_t> smaller_than = {};

  bool takes(const Object& object) const;
};

// Versions that are not the latest go so long after a newer one came, but for the newest `kept`.
struct OldVersions {
  std::chrono::days term{0};
  std::uint32_t kept = 0;
};

// Another storage class for a version that has one of those in `from`: none is moved back.
struct StorageMove {
  std::optional<std::chrono::days> term = {};  // as for what goes
  std::optional<Timestamp> date = {};
  std::uint32_t kept = 0;  // of old versions
  std::string to;
  std::vector<std::string> from;
  std::uint64_t bytes_min = 0;  // of a version that is moved

  Timestamp at(Timestamp begin) const;
};

// What goes, or is moved, of the objects that the filter takes. What is not set says nothing.
struct ExpiryRule {
  std::string id;
  ExpiryFilter filter = {};
  // Of the latest version: so long after it came, or at a point in time.
  std::optional<std::chrono::days> term = {};
  std::optional<Timestamp> date = {};
  // Delete markers without an older version go at once; with a term, after it.
  enum class LoneMarkers : std::uint8_t { stay, go } lone_markers = LoneMarkers::stay;
  std::optional<OldVersions> old_versions = {};
  std::optional<std::chrono::days> uploads = {};  // unfinished ones, so long after they began

  std::vector<StorageMove> moves = {};      // of the latest version
  std::vector<StorageMove> old_moves = {};  // of all others

  // When the latest version, or a lone delete marker, goes by this rule.
  std::optional<Timestamp> expires(const Object& latest) const;
};

using ExpiryRules = std::vector<ExpiryRule>;

// What a rule decided, and when it takes place.
struct Expiry {
  Timestamp at;
  const ExpiryRule* rule;
};

// The first that takes place, for the latest version of a key; of an unfinished upload. A delete
// marker is taken for lone.
std::optional<Expiry> expiry_of(const ExpiryRules& rules, const Object& latest);
std::optional<Expiry> expiry_of(const ExpiryRules& rules, const Multipart& upload);

// How far a version is to be moved by now; null where it stays. `newer` is how many newer ones its
// key has, of which the next came at `replaced`.
struct VersionStanding {
  std::int64_t newer = 0;
  Timestamp replaced = {};
};
const StorageMove* move_of(const ExpiryRules& rules, const Object& object,
                           const VersionStanding& standing, Timestamp now);

// The prefixes of all rules, but for those that begin with another: where to look.
std::vector<std::string> prefixes_of(const ExpiryRules& rules);

}  // namespace slipway::objects

// What the objects engine says of buckets, objects and uploads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "wire/auth/checksum.h"

namespace slipway::objects {

// Named texts in the order given. The engine keeps them and does not read them: a door's headers
// and metadata, tags.
using Pairs = std::vector<std::pair<std::string, std::string>>;

// Whether a write to a key keeps what was there. `never` until first enabled, and never again
// after.
enum class Versioning : std::uint8_t { never, enabled, suspended };

// A bucket as its row has it.
struct Bucket {
  std::int64_t id = 0;
  std::string name;
  std::string account;
  std::string region;
  Timestamp created;
  Versioning versioning = Versioning::never;
};

// The name of an object, or of one version of it: `version` absent means the latest. "null" is the
// version that a write made while versioning was not enabled.
struct ObjectName {
  std::string bucket;
  std::string key;
  std::optional<std::string> version = {};
};

inline constexpr std::string_view null_version = "null";

using ChecksumKind = wire::Checksum::Algorithm;

// `composite`: the checksum of the parts' checksums, its value ends in "-N".
enum class ChecksumScope : std::uint8_t { full_object, composite };

// A checksum as clients say it, of the whole object or of the checksums of its parts.
struct ObjectChecksum {
  ChecksumKind kind = ChecksumKind::crc64nvme;
  ChecksumScope scope = ChecksumScope::full_object;
  std::string base64;
};

// One version of an object, or a delete marker (then only key, version, latest and modified speak).
struct Object {
  std::string bucket;
  std::string key;
  std::string version;
  bool latest = true;
  bool delete_marker = false;
  std::uint64_t size = 0;
  std::string etag;  // hex MD5, "-N" after it where made of parts; without quotes
  Timestamp modified;
  std::optional<ObjectChecksum> checksum;
  std::uint32_t parts = 0;  // 0: written as one
  std::string storage_class;
  Pairs properties;
  Pairs tags;
  std::int64_t body = 0;  // the engine's own name of the bytes
};

// What a caller gives with new bytes.
struct ObjectSettings {
  std::string storage_class = "STANDARD";
  Pairs properties = {};
  Pairs tags = {};
};

// What must hold of the latest version, checked in the transaction that writes. The error is
// `precondition_failed`; with `etag` and no object it is `not_found`.
struct WriteCondition {
  enum class Presence : std::uint8_t { any, must_be_absent, must_exist };
  Presence presence = Presence::any;
  std::optional<std::string> etag = {};  // without quotes
};

// One page of a listing in UTF-8 byte order.
struct ListQuery {
  std::string bucket;
  std::string prefix = {};
  std::string delimiter = {};
  std::string after = {};  // a key, or a common prefix that a former page ended with
  std::uint32_t entries_max = 1000;
};

// One page of a listing: objects and prefixes, each in the order of their names.
struct ListPage {
  std::vector<Object> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next;  // `after` of the next page where truncated
};

// The same over every version. `after_version` names a version of the key `after`; without it the
// page begins behind all versions of that key.
struct VersionQuery {
  std::string bucket;
  std::string prefix = {};
  std::string delimiter = {};
  std::string after = {};
  std::string after_version = {};
  std::uint32_t entries_max = 1000;
};

// One page of a listing of versions: by key, the newest first.
struct VersionPage {
  std::vector<Object> versions;  // delete markers among them
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key;
  std::string next_version;  // empty where the page ended with a common prefix
};

// What a removal did. `version` names the version that was removed or the marker that was made.
struct Removal {
  enum class Kind : std::uint8_t { nothing, removed, removed_marker, marker_made };
  Kind kind = Kind::nothing;
  std::string version;
};

// Names an upload in parts: the id alone is not enough, as a stranger could guess at keys.
struct MultipartName {
  std::string bucket;
  std::string key;
  std::string upload;
};

// An upload in parts that is under way.
struct Multipart {
  MultipartName name;
  Timestamp started;
  ObjectSettings attributes;
  std::optional<ChecksumKind> checksum_kind;  // absent: the client asked for none
  ChecksumScope checksum_scope = ChecksumScope::full_object;
};

// A part that was put, and that its upload holds.
struct Part {
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  std::string etag;
  std::optional<ObjectChecksum> checksum;
  Timestamp modified;
};

// A part as the completing client names it.
struct PartReference {
  std::uint32_t number = 0;
  std::string etag;
  std::optional<std::string> checksum_base64 = {};
};

// Which parts of an upload: those with higher numbers than `after_number`.
struct PartQuery {
  MultipartName name;
  std::uint32_t after_number = 0;
  std::uint32_t entries_max = 1000;
};

// One page of parts, by number; `next` is the `after_number` of the next.
struct PartPage {
  std::vector<Part> parts;
  bool truncated = false;
  std::uint32_t next = 0;
};

// Which uploads in parts of a bucket: as in a listing of objects, by key and then by upload.
struct MultipartQuery {
  std::string bucket;
  std::string prefix = {};
  std::string delimiter = {};
  std::string after_key = {};
  std::string after_upload = {};
  std::uint32_t entries_max = 1000;
};

// One page of uploads in parts; `next_*` are the `after_*` of the next.
struct MultipartPage {
  std::vector<Multipart> uploads;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key;
  std::string next_upload;
};

}  // namespace slipway::objects

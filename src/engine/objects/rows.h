// The rows behind objects: what the other files of this folder share. Not for other rooms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "engine/objects/types.h"
#include "store/store.h"

namespace slipway::objects {

// A number never given before: it orders versions of a key and names bodies.
std::int64_t next_number(store::Transaction& tx);

// 32 characters that carry `number` in their last 11, so that a version is found without an index.
std::string make_version(Random& random, std::int64_t number);
// nullopt where `version` is not of that form.
std::optional<std::int64_t> number_of_version(std::string_view version);
// Whether make_version made it. Of a version that is there this is not asked. Those that were given
// by servers of former days carry no check: of them the number alone is looked at.
bool was_given(store::Transaction& tx, std::string_view version);
// invalid_argument "bad_version" for a version that was never given, which is more than not found.
std::unexpected<Error> no_such_version(store::Transaction& tx, const ObjectName& name);

// An object and its place among the versions of its key.
struct VersionRow {
  Object object;
  std::int64_t number = 0;
};

// The columns of objects_version that read_version reads, in its order, after `key` and `seq`.
#define SLIPWAY_VERSION_COLUMNS                                                            \
  "key,seq,version,marker,size,etag,modified,checksum_kind,checksum_scope,checksum,parts," \
  "storage_class,properties,tags,body"

VersionRow read_version(const store::Rows& rows, std::string_view bucket);

std::optional<VersionRow> latest_row(store::Transaction& tx, const Bucket& bucket,
                                     std::string_view key);
std::optional<VersionRow> version_row(store::Transaction& tx, const Bucket& bucket,
                                      const ObjectName& name);

void insert_version(store::Transaction& tx, const Bucket& bucket, const VersionRow& row);

std::unexpected<Error> no_such_key(const ObjectName& name);

// The smallest text that is greater than every text that begins with `prefix`; nullopt where there
// is none.
std::optional<std::string> text_after(std::string_view prefix);

// The part of `key` up to and with the delimiter that follows the prefix; empty where there is
// none.
std::string_view common_prefix(std::string_view key, std::string_view prefix,
                               std::string_view delimiter);

Result<> check_key(std::string_view key);

}  // namespace slipway::objects

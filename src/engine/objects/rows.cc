#include "engine/objects/rows.h"

#include <fmt/format.h>

#include <array>

#include "engine/objects/objects.h"
#include "engine/objects/pairs.h"
#include "engine/tags/tags.h"

namespace slipway::objects {
namespace {

constexpr std::size_t version_length = 32;
constexpr std::size_t number_digits = 11;  // 62^11 > 2^63
constexpr std::size_t check_digits = 6;    // over all others; they stand first

// FNV-1a: tells a version id that was once given from one that somebody made up or mistyped.
std::string check_of(std::string_view rest) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : rest) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::string digits(check_digits, alphabet_base62[0]);
  for (char& digit : digits) {
    digit = alphabet_base62[hash % 62];
    hash /= 62;
  }
  return digits;
}

std::string number_in_base62(std::int64_t number) {
  std::string digits(number_digits, alphabet_base62[0]);
  auto rest = static_cast<std::uint64_t>(number);
  for (std::size_t i = number_digits; rest > 0; rest /= 62)
    digits[--i] = alphabet_base62[rest % 62];
  return digits;
}

constexpr std::string_view tables = R"sql(
CREATE TABLE objects_bucket(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
  created INTEGER NOT NULL, versioning INTEGER NOT NULL DEFAULT 0);
CREATE TABLE objects_setting(
  bucket INTEGER NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY(bucket, name)) WITHOUT ROWID;
CREATE TABLE objects_counter(value INTEGER NOT NULL);
INSERT INTO objects_counter VALUES(0);
-- Every version of every object; the newest of a key comes first.
CREATE TABLE objects_version(
  bucket INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, version TEXT NOT NULL,
  marker INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
  checksum_kind INTEGER, checksum_scope INTEGER, checksum TEXT, parts INTEGER NOT NULL,
  storage_class TEXT NOT NULL, properties BLOB NOT NULL, tags BLOB NOT NULL, body INTEGER NOT NULL,
  PRIMARY KEY(bucket, key, seq DESC)) WITHOUT ROWID;
-- The bytes of a body, in pieces that are either a file or, where small, in the row.
CREATE TABLE objects_segment(
  body INTEGER NOT NULL, number INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,
  file TEXT, bytes BLOB, etag TEXT NOT NULL, checksum_kind INTEGER, checksum TEXT,
  modified INTEGER NOT NULL, PRIMARY KEY(body, number)) WITHOUT ROWID;
CREATE UNIQUE INDEX objects_segment_file ON objects_segment(file) WHERE file IS NOT NULL;
-- How many versions more than one hold a body. No row: one.
CREATE TABLE objects_share(body INTEGER PRIMARY KEY, more INTEGER NOT NULL);
-- Uploads in parts. `completed` names the version that came of it, for a client that asks twice.
CREATE TABLE objects_upload(
  body INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, bucket INTEGER NOT NULL, key TEXT NOT NULL,
  started INTEGER NOT NULL, storage_class TEXT NOT NULL, properties BLOB NOT NULL,
  tags BLOB NOT NULL, checksum_kind INTEGER, checksum_scope INTEGER NOT NULL, completed TEXT);
CREATE INDEX objects_upload_open ON objects_upload(bucket, key, body) WHERE completed IS NULL;
)sql";

// What tells damage. `sums` are body_sums.h's; `sums_made` is when, where that was after the bytes
// were written. The name of the database ties it to the mark beside the bodies (body_mark.h).
constexpr std::string_view sums = R"sql(
ALTER TABLE objects_segment ADD COLUMN sums BLOB;
ALTER TABLE objects_segment ADD COLUMN sums_made INTEGER;
CREATE TABLE objects_state(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO objects_state VALUES('database', lower(hex(randomblob(16))));
)sql";

// Open uploads whose object was removed since they were begun.
constexpr std::string_view removals =
    "CREATE TABLE objects_upload_removal(body INTEGER PRIMARY KEY)";

// What keeps versions from being removed; most have none.
constexpr std::string_view locks = R"sql(
CREATE TABLE objects_lock(
  bucket INTEGER NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, mode INTEGER, until INTEGER,
  hold INTEGER, PRIMARY KEY(bucket, key, version)) WITHOUT ROWID;
)sql";

// The last version id that was given without a check.
constexpr std::string_view former_versions =
    "INSERT INTO objects_state SELECT 'former_versions', value FROM objects_counter";

// Which buckets have a setting.
constexpr std::string_view settings =
    "CREATE INDEX objects_setting_by_name ON objects_setting(name, bucket)";

constexpr std::string_view buckets_of_accounts =
    "CREATE INDEX objects_bucket_by_account ON objects_bucket(account, name)";

constexpr std::array<store::Migration, 8> steps{{tags::table,
                                                 {"objects", 1, tables},
                                                 {"objects", 2, sums},
                                                 {"objects", 3, settings},
                                                 {"objects", 4, buckets_of_accounts},
                                                 {"objects/removals", 1, removals},
                                                 {"objects/locks", 1, locks},
                                                 {"objects/versions", 1, former_versions}}};

std::int64_t microseconds(Timestamp time) { return time.time_since_epoch().count(); }

}  // namespace

std::span<const store::Migration> migrations() { return steps; }

std::int64_t next_number(store::Transaction& tx) {
  auto rows = tx.query("UPDATE objects_counter SET value=value+1 RETURNING value");
  rows.next();
  return rows.integer(0);
}

std::string make_version(Random& random, std::int64_t number) {
  const std::string rest =
      make_token(random, version_length - check_digits - number_digits, alphabet_base62) +
      number_in_base62(number);
  return check_of(rest) + rest;
}

bool was_given(store::Transaction& tx, std::string_view version) {
  const auto number = number_of_version(version);
  if (!number) return false;
  if (version.starts_with(check_of(version.substr(check_digits)))) return true;
  auto rows =
      tx.query("SELECT CAST(value AS INTEGER) FROM objects_state WHERE name='former_versions'");
  return rows.next() && *number > 0 && *number <= rows.integer(0);
}

std::optional<std::int64_t> number_of_version(std::string_view version) {
  if (version.size() != version_length) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : version.substr(version_length - number_digits)) {
    const std::size_t digit = alphabet_base62.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number * 62 + digit;
  }
  return static_cast<std::int64_t>(number);
}

VersionRow read_version(const store::Rows& rows, std::string_view bucket) {
  VersionRow row;
  Object& object = row.object;
  object.bucket = bucket;
  object.key = rows.text(0);
  row.number = rows.integer(1);
  object.version = rows.text(2);
  object.delete_marker = rows.integer(3) != 0;
  object.size = static_cast<std::uint64_t>(rows.integer(4));
  object.etag = rows.text(5);
  object.modified = Timestamp(std::chrono::microseconds(rows.integer(6)));
  if (!rows.is_null(7))
    object.checksum =
        ObjectChecksum{static_cast<ChecksumKind>(rows.integer(7)),
                       static_cast<ChecksumScope>(rows.integer(8)), std::string(rows.text(9))};
  object.parts = static_cast<std::uint32_t>(rows.integer(10));
  object.storage_class = rows.text(11);
  object.properties = decode_pairs(rows.blob(12));
  object.tags = decode_pairs(rows.blob(13));
  object.body = rows.integer(14);
  return row;
}

std::optional<VersionRow> latest_row(store::Transaction& tx, const Bucket& bucket,
                                     std::string_view key) {
  auto rows = tx.query("SELECT " SLIPWAY_VERSION_COLUMNS
                       " FROM objects_version WHERE bucket=?1 AND key=?2 ORDER BY seq DESC LIMIT 1",
                       bucket.id, key);
  if (!rows.next()) return std::nullopt;
  return read_version(rows, bucket.name);
}

namespace {

std::optional<VersionRow> null_version_row(store::Transaction& tx, const Bucket& bucket,
                                           std::string_view key) {
  auto rows = tx.query("SELECT " SLIPWAY_VERSION_COLUMNS
                       " FROM objects_version WHERE bucket=?1 AND key=?2 AND version='null'",
                       bucket.id, key);
  if (!rows.next()) return std::nullopt;
  return read_version(rows, bucket.name);
}

std::optional<VersionRow> numbered_row(store::Transaction& tx, const Bucket& bucket,
                                       const ObjectName& name) {
  const auto number = number_of_version(*name.version);
  if (!number) return std::nullopt;
  auto rows = tx.query("SELECT " SLIPWAY_VERSION_COLUMNS
                       " FROM objects_version WHERE bucket=?1 AND key=?2 AND seq=?3 AND version=?4",
                       bucket.id, name.key, *number, *name.version);
  if (!rows.next()) return std::nullopt;
  return read_version(rows, bucket.name);
}

}  // namespace

std::optional<VersionRow> version_row(store::Transaction& tx, const Bucket& bucket,
                                      const ObjectName& name) {
  auto row = *name.version == null_version ? null_version_row(tx, bucket, name.key)
                                           : numbered_row(tx, bucket, name);
  if (!row) return row;
  auto newest = tx.query(
      "SELECT seq FROM objects_version WHERE bucket=?1 AND key=?2 ORDER BY seq DESC LIMIT 1",
      bucket.id, name.key);
  row->object.latest = newest.next() && newest.integer(0) == row->number;
  return row;
}

void insert_version(store::Transaction& tx, const Bucket& bucket, const VersionRow& row) {
  const Object& object = row.object;
  std::optional<ChecksumKind> kind;
  std::optional<ChecksumScope> scope;
  std::optional<std::string_view> value;
  if (object.checksum) {
    kind = object.checksum->kind;
    scope = object.checksum->scope;
    value = object.checksum->base64;
  }
  const std::string properties = encode_pairs(object.properties);
  const std::string tags = encode_pairs(object.tags);
  tx.run("INSERT INTO objects_version(bucket," SLIPWAY_VERSION_COLUMNS
         ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)",
         bucket.id, object.key, row.number, object.version, object.delete_marker, object.size,
         object.etag, microseconds(object.modified), kind, scope, value, object.parts,
         object.storage_class, store::SqlBlob{properties}, store::SqlBlob{tags}, object.body);
}

std::unexpected<Error> no_such_key(const ObjectName& name) {
  return fail(ErrorCode::not_found,
              fmt::format("bucket '{}' has no object '{}'", name.bucket, name.key), "no_such_key");
}

std::unexpected<Error> no_such_version(store::Transaction& tx, const ObjectName& name) {
  if (*name.version != null_version && !was_given(tx, *name.version))
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a version id", *name.version),
                "bad_version");
  return fail(ErrorCode::not_found,
              fmt::format("object '{}' of bucket '{}' has no version '{}'", name.key, name.bucket,
                          name.version.value_or("")),
              "no_such_version");
}

std::optional<std::string> text_after(std::string_view prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
    prefix.remove_suffix(1);
  if (prefix.empty()) return std::nullopt;
  std::string next(prefix);
  next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

std::string_view common_prefix(std::string_view key, std::string_view prefix,
                               std::string_view delimiter) {
  if (delimiter.empty()) return {};
  const std::size_t found = key.find(delimiter, prefix.size());
  if (found == std::string_view::npos) return {};
  return key.substr(0, found + delimiter.size());
}

Result<> check_key(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::invalid_argument, "an object needs a key", "empty_key");
  if (key.size() > key_bytes_max)
    return fail(
        ErrorCode::limit_exceeded,
        fmt::format("the key has {} bytes; at most {} are allowed", key.size(), key_bytes_max),
        "key_too_long");
  return {};
}

}  // namespace slipway::objects

// Pages of objects and of versions: one walk over the rows of a bucket in the order of their keys,
// which steps over a whole common prefix, and over the old versions of a key, by seeking.
#include <fmt/format.h>

#include "engine/objects/objects.h"
#include "engine/objects/rows.h"

namespace slipway::objects {
namespace {

// Older versions of a key that are read one by one before seeking to the next key is cheaper.
constexpr int older_versions_read_max = 8;

constexpr std::string_view from_sql =
    "SELECT " SLIPWAY_VERSION_COLUMNS
    " FROM objects_version WHERE bucket=?1 AND key>=?2 ORDER BY key, seq DESC";
constexpr std::string_view beyond_sql =
    "SELECT " SLIPWAY_VERSION_COLUMNS
    " FROM objects_version WHERE bucket=?1 AND key>?2 ORDER BY key, seq DESC";

// Behind one version of a key, two ranges of one order.
constexpr std::string_view behind_version_sql =
    "SELECT " SLIPWAY_VERSION_COLUMNS
    " FROM objects_version WHERE bucket=?1 AND key=?2 AND seq<?3 UNION ALL "
    "SELECT " SLIPWAY_VERSION_COLUMNS
    " FROM objects_version WHERE bucket=?1 AND key>?2 ORDER BY key, seq DESC";

// Rows of one bucket in order, that begin with a prefix; can be moved ahead.
class Walk {
 public:
  Walk(store::Transaction& tx, const Bucket& bucket, std::string_view prefix)
      : tx_(tx), bucket_(bucket), prefix_(prefix) {}

  void seek_from(std::string_view key) { rows_.emplace(tx_.query(from_sql, bucket_.id, key)); }
  void seek_beyond(std::string_view key) { rows_.emplace(tx_.query(beyond_sql, bucket_.id, key)); }
  void seek_behind_version(std::string_view key, std::int64_t number) {
    rows_.emplace(tx_.query(behind_version_sql, bucket_.id, key, number));
  }
  void seek_behind_prefix(std::string_view common) {
    if (const auto next = text_after(common))
      seek_from(*next);
    else
      rows_.reset();
  }

  bool next() { return rows_ && rows_->next() && key().starts_with(prefix_); }
  std::string_view key() const { return rows_->text(0); }
  bool marker() const { return rows_->integer(3) != 0; }
  Object object() const { return read_version(*rows_, bucket_.name).object; }

 private:
  store::Transaction& tx_;
  const Bucket& bucket_;
  std::string_view prefix_;
  std::optional<store::Rows> rows_;
};

// Begins behind `after`. Where that lies in a common prefix, or is one that a page ended with, the
// whole prefix counts as shown.
void begin(Walk& walk, const std::string& after, std::string_view prefix,
           std::string_view delimiter) {
  if (after < prefix) return walk.seek_from(prefix);
  const std::string_view common =
      after.starts_with(prefix) ? common_prefix(after, prefix, delimiter) : std::string_view();
  if (!common.empty())
    walk.seek_behind_prefix(common);
  else
    walk.seek_beyond(after);
}

}  // namespace

Result<ListPage> list(store::Transaction& tx, const ListQuery& query) {
  TRY(const Bucket bucket, find_bucket(tx, query.bucket));
  ListPage page;
  if (query.entries_max == 0) return page;
  Walk walk(tx, bucket, query.prefix);
  begin(walk, query.after, query.prefix, query.delimiter);
  std::optional<std::string> last_key;
  int older = 0;
  while (walk.next()) {
    if (last_key == walk.key()) {  // an older version
      if (++older == older_versions_read_max) walk.seek_beyond(*last_key);
      continue;
    }
    last_key = walk.key();
    older = 0;
    if (walk.marker()) continue;
    if (page.objects.size() + page.common_prefixes.size() == query.entries_max) {
      page.truncated = true;
      return page;
    }
    const std::string_view common = common_prefix(walk.key(), query.prefix, query.delimiter);
    if (common.empty()) {
      page.objects.push_back(walk.object());
      page.next = *last_key;
    } else {
      page.common_prefixes.emplace_back(common);
      page.next = page.common_prefixes.back();
      walk.seek_behind_prefix(page.next);
    }
  }
  page.next.clear();
  return page;
}

namespace {

// Begins behind the version that the query names, which may be gone: lists are read while what they
// show is deleted. Where the version without an id stood is not known then: the key's others are
// shown again rather than lost.
Result<std::int64_t> number_to_resume(store::Transaction& tx, const Bucket& bucket,
                                      const VersionQuery& query) {
  const ObjectName name{query.bucket, query.after, query.after_version};
  if (const auto row = version_row(tx, bucket, name)) return row->number;
  if (const auto number = number_of_version(query.after_version)) return *number;
  if (query.after_version == null_version) return INT64_MAX;
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is not a version id", query.after_version), "bad_version");
}

// Whether the key has a version that a page behind that number lacks: then no other is its latest.
bool has_newer(store::Transaction& tx, const Bucket& bucket, std::string_view key,
               std::int64_t number) {
  return tx
      .query("SELECT 1 FROM objects_version WHERE bucket=?1 AND key=?2 AND seq>=?3 LIMIT 1",
             bucket.id, key, number)
      .next();
}

}  // namespace

Result<VersionPage> list_versions(store::Transaction& tx, const VersionQuery& query) {
  TRY(const Bucket bucket, find_bucket(tx, query.bucket));
  VersionPage page;
  if (query.entries_max == 0) return page;
  Walk walk(tx, bucket, query.prefix);
  std::optional<std::string> last_key;
  if (query.after_version.empty()) {
    begin(walk, query.after, query.prefix, query.delimiter);
  } else {
    TRY(const std::int64_t number, number_to_resume(tx, bucket, query));
    walk.seek_behind_version(query.after, number);
    if (has_newer(tx, bucket, query.after, number)) last_key = query.after;
  }
  while (walk.next()) {
    const bool latest = last_key != walk.key();
    last_key = walk.key();
    if (page.versions.size() + page.common_prefixes.size() == query.entries_max) {
      page.truncated = true;
      return page;
    }
    const std::string_view common = common_prefix(walk.key(), query.prefix, query.delimiter);
    if (common.empty()) {
      page.versions.push_back(walk.object());
      page.versions.back().latest = latest;
      page.next_key = *last_key;
      page.next_version = page.versions.back().version;
    } else {
      page.common_prefixes.emplace_back(common);
      page.next_key = page.common_prefixes.back();
      page.next_version.clear();
      walk.seek_behind_prefix(page.next_key);
    }
  }
  page.next_key.clear();
  page.next_version.clear();
  return page;
}

}  // namespace slipway::objects

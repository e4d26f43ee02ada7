// Buckets and their settings.
#include <fmt/format.h>

#include "engine/objects/objects.h"
#include "engine/objects/rows.h"

namespace slipway::objects {
namespace {

constexpr std::string_view find_sql =
    "SELECT id,name,account,region,created,versioning FROM objects_bucket WHERE name=?1";
constexpr std::string_view list_sql =
    "SELECT id,name,account,region,created,versioning FROM objects_bucket "
    "INDEXED BY objects_bucket_by_account WHERE account=?1 AND name>=max(?2,?3) AND name<>?3 "
    "ORDER BY name LIMIT ?4";

Bucket read_bucket(const store::Rows& rows) {
  return {rows.integer(0),
          std::string(rows.text(1)),
          std::string(rows.text(2)),
          std::string(rows.text(3)),
          Timestamp(std::chrono::microseconds(rows.integer(4))),
          static_cast<Versioning>(rows.integer(5))};
}

}  // namespace

Result<Bucket> create_bucket(store::Transaction& tx, const NewBucket& bucket) {
  if (auto existing = find_bucket(tx, bucket.name)) {
    auto error = fail(ErrorCode::already_exists,
                      fmt::format("bucket '{}' exists already", bucket.name), "bucket_exists");
    error.error().details.emplace_back("account", existing->account);
    return error;
  }
  tx.run("INSERT INTO objects_bucket(name,account,region,created) VALUES(?1,?2,?3,?4)", bucket.name,
         bucket.account, bucket.region, bucket.now.time_since_epoch().count());
  return find_bucket(tx, bucket.name);
}

Result<Bucket> find_bucket(store::Transaction& tx, std::string_view name) {
  auto rows = tx.query(find_sql, name);
  if (rows.next()) return read_bucket(rows);
  return fail(ErrorCode::not_found, fmt::format("there is no bucket '{}'", name), "no_such_bucket");
}

std::vector<Bucket> list_buckets(store::Transaction& tx, const BucketQuery& query) {
  std::vector<Bucket> buckets;
  auto rows = tx.query(list_sql, query.account, query.prefix, query.after, query.entries_max);
  while (rows.next()) {
    if (!rows.text(1).starts_with(query.prefix)) break;
    buckets.push_back(read_bucket(rows));
  }
  return buckets;
}

Result<> set_versioning(store::Transaction& tx, std::string_view bucket, Versioning versioning) {
  TRY(const Bucket found, find_bucket(tx, bucket));
  if (versioning == Versioning::never && found.versioning != Versioning::never)
    return fail(ErrorCode::invalid_argument,
                fmt::format("bucket '{}' has had versioning; suspend it instead", bucket));
  tx.run("UPDATE objects_bucket SET versioning=?2 WHERE id=?1", found.id, versioning);
  return {};
}

Result<std::string> setting(store::Transaction& tx, const SettingName& name) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  return setting(tx, bucket, name.setting);
}

Result<std::string> setting(store::Transaction& tx, const Bucket& bucket, std::string_view name) {
  auto rows =
      tx.query("SELECT document FROM objects_setting WHERE bucket=?1 AND name=?2", bucket.id, name);
  if (rows.next()) return std::string(rows.text(0));
  return fail(ErrorCode::not_found,
              fmt::format("bucket '{}' has no setting '{}'", bucket.name, name), "no_such_setting");
}

Result<> put_setting(store::Transaction& tx, const SettingName& name, std::string_view document) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  tx.run("INSERT OR REPLACE INTO objects_setting(bucket,name,document) VALUES(?1,?2,?3)", bucket.id,
         name.setting, document);
  return {};
}

Result<> remove_setting(store::Transaction& tx, const SettingName& name) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  tx.run("DELETE FROM objects_setting WHERE bucket=?1 AND name=?2", bucket.id, name.setting);
  return {};
}

}  // namespace slipway::objects

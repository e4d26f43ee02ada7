#include "engine/objects/locks.h"

#include "engine/objects/objects.h"

namespace slipway::objects {

bool holds(const Retention& retention, Timestamp now, Governance governance) {
  if (retention.until <= now) return false;
  return retention.mode == RetentionMode::compliance || governance == Governance::kept;
}

Lock find_lock(store::Transaction& tx, const Object& object) {
  auto rows = tx.query(
      "SELECT l.mode,l.until,l.hold FROM objects_lock l JOIN objects_bucket b ON b.id=l.bucket "
      "WHERE b.name=?1 AND l.key=?2 AND l.version=?3",
      object.bucket, object.key, object.version);
  Lock lock;
  if (!rows.next()) return lock;
  if (!rows.is_null(0))
    lock.retention = Retention{static_cast<RetentionMode>(rows.integer(0)),
                               Timestamp(std::chrono::microseconds(rows.integer(1)))};
  if (!rows.is_null(2)) lock.hold = static_cast<LegalHold>(rows.integer(2));
  return lock;
}

Result<> put_lock(store::Transaction& tx, const Object& object, const Lock& lock) {
  TRY(const Bucket bucket, find_bucket(tx, object.bucket));
  if (lock.empty()) {
    tx.run("DELETE FROM objects_lock WHERE bucket=?1 AND key=?2 AND version=?3", bucket.id,
           object.key, object.version);
    return {};
  }
  std::optional<RetentionMode> mode;
  std::optional<std::int64_t> until;
  if (lock.retention) {
    mode = lock.retention->mode;
    until = lock.retention->until.time_since_epoch().count();
  }
  tx.run(
      "INSERT OR REPLACE INTO objects_lock(bucket,key,version,mode,until,hold) "
      "VALUES(?1,?2,?3,?4,?5,?6)",
      bucket.id, object.key, object.version, mode, until, lock.hold);
  return {};
}

}  // namespace slipway::objects

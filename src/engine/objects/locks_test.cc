#include "engine/objects/locks.h"

#include "engine/objects/objects_fixture.h"

namespace slipway::objects {
namespace {

using std::chrono::hours;

class LocksTest : public ObjectsTest {
 protected:
  LocksTest() { version_bucket(Versioning::enabled); }

  Object locked(const std::string& key, const Lock& lock) {
    const Object made = put(key, "bytes").value();
    EXPECT_TRUE(write([&](store::Transaction& tx) { return put_lock(tx, made, lock); }));
    return made;
  }
  std::string removal(const Object& object, Governance governance = Governance::kept) {
    const ObjectName name{object.bucket, object.key, object.version};
    const auto removed =
        write([&](store::Transaction& tx) { return objects_->remove(tx, name, {}, governance); });
    return removed ? "" : removed.error().kind;
  }
  Lock until(RetentionMode mode, Timestamp time) { return {.retention = Retention{mode, time}}; }
};

TEST_F(LocksTest, a_version_stays_until_its_time_whoever_removes_it) {
  const Timestamp later = clock_.now() + hours(1);
  const Object governed = locked("g", until(RetentionMode::governance, later));
  const Object strict = locked("c", until(RetentionMode::compliance, later));
  const Object over = locked("o", until(RetentionMode::compliance, clock_.now() - hours(1)));
  EXPECT_EQ(removal(governed), "object_locked");
  EXPECT_EQ(removal(strict), "object_locked");
  EXPECT_EQ(removal(strict, Governance::bypassed), "object_locked");
  EXPECT_EQ(removal(over), "");
  EXPECT_EQ(removal(governed, Governance::bypassed), "");
  EXPECT_EQ(get("c"), "bytes");
}

TEST_F(LocksTest, a_hold_has_no_end_and_no_way_past) {
  const Object held = locked("h", {.hold = LegalHold::on});
  EXPECT_EQ(removal(held, Governance::bypassed), "object_locked");
  ASSERT_TRUE(
      write([&](store::Transaction& tx) { return put_lock(tx, held, {.hold = LegalHold::off}); }));
  EXPECT_EQ(removal(held), "");
}

TEST_F(LocksTest, a_delete_marker_covers_and_removes_nothing) {
  const Object held = locked("k", {.hold = LegalHold::on});
  const Removal covered = remove({"box", "k"}).value();
  EXPECT_EQ(covered.kind, Removal::Kind::marker_made);
  EXPECT_EQ(remove({"box", "k", covered.version})->kind, Removal::Kind::removed_marker);
  EXPECT_EQ(get("k"), "bytes");
}

TEST_F(LocksTest, a_locked_version_is_not_overwritten_either) {
  version_bucket(Versioning::suspended);
  const Object held = locked("k", {.hold = LegalHold::on});
  EXPECT_EQ(put("k", "other").error().kind, "object_locked");
  EXPECT_EQ(remove({"box", "k"}).error().kind, "object_locked");
  EXPECT_EQ(get("k"), "bytes");
}

TEST_F(LocksTest, locks_outlive_a_restart_and_go_with_their_version) {
  const Object held = locked("k", until(RetentionMode::compliance, clock_.now() + hours(1)));
  reopen();
  EXPECT_EQ(removal(held), "object_locked");
  const Object gone = locked("gone", {.hold = LegalHold::off});
  EXPECT_EQ(removal(gone), "");
  const auto left =
      write([&](store::Transaction& tx) -> Result<bool> { return find_lock(tx, gone).empty(); });
  EXPECT_TRUE(*left);
}

}  // namespace
}  // namespace slipway::objects

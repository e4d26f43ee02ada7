// What the files that implement Objects share. Not for other rooms.
#pragma once

#include <atomic>
#include <memory>

#include "engine/objects/bodies.h"
#include "engine/objects/body_removals.h"
#include "engine/objects/keeper.h"
#include "engine/objects/locks.h"
#include "engine/objects/objects.h"
#include "engine/objects/rows.h"

namespace slipway::objects {

class Objects::Impl {
 public:
  Impl(store::Store& store, const Clock& clock, Random& random, std::unique_ptr<BodyFiles> files,
       std::unique_ptr<BodyRemovals> removals)
      : store(store),
        clock(clock),
        random(random),
        files(std::move(files)),
        removals(std::move(removals)) {}
  ~Impl();

  // Compares the database with the mark at `mark` and the bodies beside it, then starts the keeper.
  Result<> begin_keeping(BodyMark mark, OpenOptions::OlderDatabase older);

  // Makes `row` the latest version of its key, in the place of the null version where the bucket
  // keeps no versions: that one may be locked. The row's number, version and time are given here.
  struct Reason {
    ObjectChange::Kind kind;
    const Cause& cause;
  };
  Result<Object> make_latest(store::Transaction& tx, const Bucket& bucket, VersionRow row,
                             Reason reason);

  // One version holds the body no longer; the last one takes the files with it, once durable.
  void release_body(store::Transaction& tx, std::int64_t body);
  // The one way in which a version goes: permission_denied "object_locked" where it is locked.
  Result<> remove_version(store::Transaction& tx, const Bucket& bucket, const VersionRow& row,
                          Governance governance = Governance::kept);

  // The bytes of a body, as Objects::content and Bodies::content give them.
  Result<Content> content(store::Transaction& tx, const StoredBody& body,
                          std::optional<ByteRange> range);

  // Removes files after the commit.
  void remove_files(store::Transaction& tx, DoomedBody doomed);

  // Tells the watcher, where the bucket is watched.
  struct Event {
    ObjectChange::Kind kind;
    std::int64_t number = 0;  // of the version that was made
  };
  void tell(store::Transaction& tx, const Bucket& bucket, const Object& object, Event event,
            const Cause& cause);

  // A transaction that makes or removes a body says so: the counter grows, and the mark follows.
  void note_change(store::Transaction& tx);

  // Posts the quarantine of files that no row names, folder by folder.
  void post_sweep();

  // What a body file that is not there means: "body_missing" where a row still names it.
  Error why_missing(const FileSlice& slice);

  store::Store& store;
  const Clock& clock;
  Random& random;
  std::unique_ptr<BodyFiles> files;
  std::unique_ptr<BodyRemovals> removals;
  std::unique_ptr<BodyKeeper> keeper;
  Bodies bodies{*this};
  std::string watched;  // the setting of buckets that `watcher` watches
  ObjectWatcher* watcher = nullptr;
  std::atomic<bool> stopping = false;

 private:
  void sweep_folder(std::size_t index);
  Result<> take_back_from_quarantine();
};

// Writes the row of a segment; keeps its file once durable.
struct SegmentRow {
  std::int64_t body = 0;
  std::uint32_t number = 1;
  std::optional<ObjectChecksum> checksum = {};
  Timestamp modified = {};
  std::uint64_t start = 0;  // where it stands in the body
};
void insert_segment(store::Transaction& tx, const SegmentRow& row, SealedBody sealed);

// Whether what `condition` asks for holds of `current` (null: there is no object).
Result<> check_condition(const WriteCondition& condition, const ObjectName& name,
                         const Object* current);

}  // namespace slipway::objects

// Writing: what a put, a copy and a removal do to the versions of a key and to the files.
#include "engine/objects/objects.h"

#include <fmt/format.h>

#include <future>

#include "base/log.h"
#include "engine/objects/bucket_tags.h"
#include "engine/objects/impl.h"

namespace slipway::objects {
namespace {

constexpr std::string_view files_of_body_sql =
    "SELECT file FROM objects_segment WHERE body=?1 AND file IS NOT NULL";

std::vector<std::string> files_of_body(store::Transaction& tx, std::int64_t body) {
  std::vector<std::string> files;
  auto rows = tx.query(files_of_body_sql, body);
  while (rows.next()) files.emplace_back(rows.text(0));
  return files;
}

// Whether a version other than the one that is going holds the body too; counts it down if so.
bool shared_with_another(store::Transaction& tx, std::int64_t body) {
  if (tx.run("UPDATE objects_share SET more=more-1 WHERE body=?1", body) == 0) return false;
  tx.run("DELETE FROM objects_share WHERE body=?1 AND more=0", body);
  return true;
}

}  // namespace

Result<> check_condition(const WriteCondition& condition, const ObjectName& name,
                         const Object* current) {
  const bool exists = current && !current->delete_marker;
  using Presence = WriteCondition::Presence;
  if (condition.presence == Presence::must_be_absent && exists)
    return fail(ErrorCode::precondition_failed, fmt::format("object '{}' exists already", name.key),
                "exists");
  if ((condition.presence == Presence::must_exist || condition.etag) && !exists)
    return no_such_key(name);
  if (condition.etag && *condition.etag != current->etag)
    return fail(ErrorCode::precondition_failed,
                fmt::format("object '{}' has another ETag than the one asked for", name.key),
                "other_etag");
  return {};
}

void insert_segment(store::Transaction& tx, const SegmentRow& row, SealedBody sealed) {
  std::optional<std::string_view> file;
  std::optional<store::SqlBlob> bytes;
  std::optional<ChecksumKind> kind;
  std::optional<std::string_view> checksum;
  if (sealed.file)
    file = sealed.file->name();
  else
    bytes = store::SqlBlob{sealed.bytes};
  if (row.checksum) {
    kind = row.checksum->kind;
    checksum = row.checksum->base64;
  }
  tx.run(
      "INSERT INTO objects_segment(body,number,start,size,file,bytes,etag,checksum_kind,"
      "checksum,modified,sums) VALUES(?1,?2,?11,?3,?4,?5,?6,?7,?8,?9,?10)",
      row.body, row.number, sealed.size, file, bytes, sealed.etag, kind, checksum,
      row.modified.time_since_epoch().count(), store::SqlBlob{sealed.sums}, row.start);
  if (sealed.file) tx.on_commit([claim = std::move(sealed.file)] { claim->keep(); });
}

Objects::Impl::~Impl() {
  stopping = true;
  if (keeper) keeper->stop();
  removals->stop();
}

void Objects::Impl::note_change(store::Transaction& tx) {
  next_number(tx);
  tx.on_commit([this] { keeper->note_change(); });
}

void Objects::Impl::remove_files(store::Transaction& tx, DoomedBody doomed) {
  if (doomed.files.empty()) return;
  tx.on_commit(
      [this, doomed = std::move(doomed)]() mutable { removals->remove(std::move(doomed)); });
}

void Objects::Impl::release_body(store::Transaction& tx, std::int64_t body) {
  if (body == 0 || shared_with_another(tx, body)) return;
  note_change(tx);
  remove_files(tx, DoomedBody{body, files_of_body(tx, body)});
  tx.run("DELETE FROM objects_segment WHERE body=?1", body);
  tx.run("DELETE FROM objects_upload WHERE body=?1", body);
  tx.run("DELETE FROM objects_upload_removal WHERE body=?1", body);
}

namespace {

// Whether nothing keeps the version any longer; what did goes with it. Versions are locked where
// there are versions: elsewhere nothing is looked up, for each of a thousand objects.
Result<> unlock(store::Transaction& tx, const Bucket& bucket, const Object& object, Timestamp now,
                Governance governance) {
  if (bucket.versioning == Versioning::never) return {};
  const Lock lock = find_lock(tx, object);
  if (lock.empty()) return {};
  if (lock.hold == LegalHold::on || (lock.retention && holds(*lock.retention, now, governance)))
    return fail(ErrorCode::permission_denied,
                fmt::format("version '{}' of object '{}' in bucket '{}' is locked", object.version,
                            object.key, object.bucket),
                "object_locked");
  return put_lock(tx, object, {});
}

}  // namespace

Result<> Objects::Impl::remove_version(store::Transaction& tx, const Bucket& bucket,
                                       const VersionRow& row, Governance governance) {
  TRY_DO(unlock(tx, bucket, row.object, clock.now(), governance));
  tx.run("DELETE FROM objects_version WHERE bucket=?1 AND key=?2 AND seq=?3", bucket.id,
         row.object.key, row.number);
  release_body(tx, row.object.body);
  return {};
}

void Objects::Impl::tell(store::Transaction& tx, const Bucket& bucket, const Object& object,
                         Event event, const Cause& cause) {
  if (watcher == nullptr) return;
  const auto setting = objects::setting(tx, bucket, watched);
  if (!setting) return;
  const bool tags = event.kind == ObjectChange::Kind::tagged ||
                    event.kind == ObjectChange::Kind::untagged ||
                    event.kind == ObjectChange::Kind::shared;
  if (event.number == 0 && !tags) event.number = next_number(tx);
  watcher->changed(tx, *setting,
                   {.kind = event.kind,
                    .bucket = bucket,
                    .object = object,
                    .number = event.number,
                    .cause = cause,
                    .now = clock.moment()});
}

Result<Object> Objects::Impl::make_latest(store::Transaction& tx, const Bucket& bucket,
                                          VersionRow row, Reason reason) {
  Object& object = row.object;
  if (row.number == 0) row.number = next_number(tx);
  object.bucket = bucket.name;
  object.latest = true;
  object.modified = clock.now();
  if (bucket.versioning == Versioning::enabled) {
    object.version = make_version(random, row.number);
  } else {
    object.version = null_version;
    const ObjectName old{bucket.name, object.key, object.version};
    if (const auto replaced = version_row(tx, bucket, old))
      TRY_DO(remove_version(tx, bucket, *replaced));
  }
  insert_version(tx, bucket, row);
  tell(tx, bucket, object, {reason.kind, row.number}, reason.cause);
  return std::move(object);
}

Result<std::unique_ptr<Objects>> Objects::open(store::Store& store,
                                               const std::filesystem::path& data,
                                               const Clock& clock, Random& random,
                                               OpenOptions options) {
  const std::filesystem::path root = data / "objects";
  TRY(std::unique_ptr<BodyFiles> files, BodyFiles::open(root, random, *options.disk));
  TRY(std::unique_ptr<BodyRemovals> removals, BodyRemovals::open(*files, root));
  auto impl = std::make_unique<Impl>(store, clock, random, std::move(files), std::move(removals));
  TRY_DO(impl->begin_keeping(BodyMark(root, *options.disk), options.older_database));
  impl->post_sweep();
  return std::unique_ptr<Objects>(new Objects(std::move(impl)));
}

Objects::Objects(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Objects::~Objects() = default;

void Objects::use(const DiskRoom& room) { impl_->files->use(room); }

void Objects::watch(std::string setting, ObjectWatcher& watcher) {
  impl_->watched = std::move(setting);
  impl_->watcher = &watcher;
}

Upload Objects::begin(UploadOptions options) { return {*impl_->removals, std::move(options)}; }

void Objects::settle() {
  std::promise<void> done;
  impl_->removals->post([&] { done.set_value(); });
  done.get_future().wait();
}

Result<Object> Objects::put(store::Transaction& tx, const ObjectName& name, SealedBody body,
                            PutOptions options) {
  TRY_DO(check_key(name.key));
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  const auto current = latest_row(tx, bucket, name.key);
  TRY_DO(check_condition(options.condition, name, current ? &current->object : nullptr));
  VersionRow row;
  row.number = next_number(tx);
  Object& object = row.object;
  object.key = name.key;
  object.size = body.size;
  object.etag = body.etag;
  object.checksum = std::move(options.checksum);
  object.storage_class = std::move(options.attributes.storage_class);
  object.properties = std::move(options.attributes.properties);
  object.tags = std::move(options.attributes.tags);
  object.body = row.number;
  impl_->note_change(tx);
  insert_segment(tx, {.body = row.number, .modified = impl_->clock.now()}, std::move(body));
  return impl_->make_latest(tx, bucket, std::move(row), {ObjectChange::Kind::put, options.cause});
}

Result<Object> Objects::copy(store::Transaction& tx, const Object& source, const ObjectName& target,
                             PutOptions options, std::optional<WholeBody> whole) {
  TRY_DO(check_key(target.key));
  TRY(const Bucket bucket, find_bucket(tx, target.bucket));
  const auto current = latest_row(tx, bucket, target.key);
  TRY_DO(check_condition(options.condition, target, current ? &current->object : nullptr));
  tx.run(
      "INSERT INTO objects_share(body,more) VALUES(?1,1) "
      "ON CONFLICT(body) DO UPDATE SET more=more+1",
      source.body);
  VersionRow row;
  row.object = source;
  row.object.key = target.key;
  if (whole) {
    row.object.etag = std::move(whole->etag);
    row.object.checksum = std::move(whole->checksum);
    row.object.parts = 0;
  }
  row.object.storage_class = std::move(options.attributes.storage_class);
  row.object.properties = std::move(options.attributes.properties);
  row.object.tags = std::move(options.attributes.tags);
  return impl_->make_latest(tx, bucket, std::move(row),
                            {ObjectChange::Kind::copied, options.cause});
}

namespace {

Result<> check_removal(store::Transaction& tx, const Bucket& bucket, const ObjectName& name,
                       const WriteCondition& condition) {
  if (condition.presence == WriteCondition::Presence::any && !condition.etag) return {};
  const auto current =
      name.version ? version_row(tx, bucket, name) : latest_row(tx, bucket, name.key);
  return check_condition(condition, name, current ? &current->object : nullptr);
}

}  // namespace

Result<Removal> Objects::remove(store::Transaction& tx, const ObjectName& name,
                                const WriteCondition& condition, Governance governance,
                                const Cause& cause) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY_DO(check_removal(tx, bucket, name, condition));
  if (!name.version && bucket.versioning != Versioning::never) {
    VersionRow marker;
    marker.object.key = name.key;
    marker.object.delete_marker = true;
    TRY_DO(check_key(name.key));
    TRY(const Object made, impl_->make_latest(tx, bucket, std::move(marker),
                                              {ObjectChange::Kind::marker_made, cause}));
    return Removal{Removal::Kind::marker_made, made.version};
  }
  const ObjectName exact{name.bucket, name.key, name.version.value_or(std::string(null_version))};
  const auto row = version_row(tx, bucket, exact);
  if (!row && exact.version != null_version && !was_given(tx, *exact.version))
    return no_such_version(tx, exact);
  if (row) TRY_DO(impl_->remove_version(tx, bucket, *row, governance));
  // A key without an object is removed as well as any other: whoever watches is told so.
  if (row || !name.version) {
    const Object gone{.bucket = bucket.name, .key = name.key, .version = *exact.version};
    impl_->tell(tx, bucket, gone, {ObjectChange::Kind::removed}, cause);
  }
  if (!row) return Removal{Removal::Kind::nothing, *exact.version};
  tx.run(
      "INSERT OR IGNORE INTO objects_upload_removal(body) SELECT body FROM objects_upload "
      "WHERE bucket=?1 AND key=?2 AND completed IS NULL",
      bucket.id, name.key);
  return Removal{row->object.delete_marker ? Removal::Kind::removed_marker : Removal::Kind::removed,
                 row->object.version};
}

Result<Object> Objects::reclassify(store::Transaction& tx, const ObjectName& name,
                                   std::string_view storage_class, const Cause& cause) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  auto row = version_row(tx, bucket, name);
  if (!row) return no_such_version(tx, name);
  tx.run("UPDATE objects_version SET storage_class=?4 WHERE bucket=?1 AND key=?2 AND seq=?3",
         bucket.id, name.key, row->number, storage_class);
  row->object.storage_class = storage_class;
  impl_->tell(tx, bucket, row->object, {ObjectChange::Kind::moved}, cause);
  return std::move(row->object);
}

Result<> Objects::restore(store::Transaction& tx, const ObjectName& name, const Pairs& properties,
                          const Cause& cause) {
  TRY_DO(put_properties(tx, name, properties));
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(const Object object, find(tx, name));
  impl_->tell(tx, bucket, object, {ObjectChange::Kind::restore_begun}, cause);
  impl_->tell(tx, bucket, object, {ObjectChange::Kind::restored}, {});
  return {};
}

Result<> Objects::put_rights(store::Transaction& tx, const ObjectName& name,
                             const Pairs& properties, const Cause& cause) {
  TRY_DO(put_properties(tx, name, properties));
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(const Object object, find(tx, name));
  impl_->tell(tx, bucket, object, {ObjectChange::Kind::shared}, cause);
  return {};
}

Result<> Objects::remove_bucket(store::Transaction& tx, std::string_view name) {
  TRY(const Bucket bucket, find_bucket(tx, name));
  if (tx.query("SELECT 1 FROM objects_version WHERE bucket=?1 LIMIT 1", bucket.id).next())
    return fail(ErrorCode::in_use,
                fmt::format("bucket '{}' is not empty; remove its objects first", name),
                bucket.versioning == Versioning::never ? "bucket_not_empty" : "versions_left");
  std::vector<std::int64_t> uploads;
  {
    auto rows = tx.query("SELECT body FROM objects_upload WHERE bucket=?1", bucket.id);
    while (rows.next()) uploads.push_back(rows.integer(0));
  }
  for (const std::int64_t body : uploads) impl_->release_body(tx, body);
  tags::erase_all(tx, tagged(bucket));
  tx.run("DELETE FROM objects_setting WHERE bucket=?1", bucket.id);
  tx.run("DELETE FROM objects_bucket WHERE id=?1", bucket.id);
  return {};
}

}  // namespace slipway::objects

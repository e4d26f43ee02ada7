// Buckets, objects, versions, uploads in parts.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/disk_room.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/objects/file.h"
#include "engine/objects/locks.h"
#include "engine/objects/types.h"
#include "engine/objects/upload.h"
#include "engine/objects/watcher.h"
#include "store/store.h"

namespace slipway::objects {

// This room's tables, for Store::open.
std::span<const store::Migration> migrations();

// Limits of a multipart upload (the last part may be smaller than part_bytes_min).
inline constexpr std::uint32_t part_number_max = 10'000;
inline constexpr std::uint64_t part_bytes_min = 5ULL << 20;
inline constexpr std::size_t key_bytes_max = 1024;

// --- What lives in the store alone: reading functions work in any transaction. -----------------
//
// Errors of all: not_found with kind "no_such_bucket", "no_such_key", "no_such_version",
// "no_such_upload", "no_such_setting".

// A bucket to be made.
struct NewBucket {
  std::string name;
  std::string account;
  std::string region;
  Timestamp now;
};

// already_exists where the name is taken by anyone; the error's details carry {"account", owner}.
Result<Bucket> create_bucket(store::Transaction& tx, const NewBucket& bucket);
Result<Bucket> find_bucket(store::Transaction& tx, std::string_view name);

// Which buckets of an account: by name, those with the prefix that come after `after`.
struct BucketQuery {
  std::string account;
  std::string prefix = {};
  std::string after = {};
  std::uint32_t entries_max = 10'000;
};
std::vector<Bucket> list_buckets(store::Transaction& tx, const BucketQuery& query);

Result<> set_versioning(store::Transaction& tx, std::string_view bucket, Versioning versioning);

// A bucket's settings: documents under names that a door chooses ("policy", "cors").
struct SettingName {
  std::string bucket;
  std::string setting;
};
Result<std::string> setting(store::Transaction& tx, const SettingName& name);
Result<std::string> setting(store::Transaction& tx, const Bucket& bucket, std::string_view name);
Result<> put_setting(store::Transaction& tx, const SettingName& name, std::string_view document);
Result<> remove_setting(store::Transaction& tx, const SettingName& name);  // absent is fine

// The latest version, or the named one. A delete marker is an object with `delete_marker` set when
// named by its version, and not_found "delete_marker" (details: {"version", id}) when it is latest.
Result<Object> find(store::Transaction& tx, const ObjectName& name);

Result<ListPage> list(store::Transaction& tx, const ListQuery& query);
Result<VersionPage> list_versions(store::Transaction& tx, const VersionQuery& query);

// Replaces the properties of a version.
Result<> put_properties(store::Transaction& tx, const ObjectName& name, const Pairs& properties);

Result<Multipart> find_multipart(store::Transaction& tx, const MultipartName& name);
Result<PartPage> list_parts(store::Transaction& tx, const PartQuery& query);
// Whether the text looks like the id of an upload, be it there or gone.
bool is_upload_id(std::string_view text);
Result<MultipartPage> list_multiparts(store::Transaction& tx, const MultipartQuery& query);

// The parts an object was made of, in order; empty where it was written as one.
std::vector<Part> parts_of(store::Transaction& tx, const Object& object);

// --- Bytes. -------------------------------------------------------------------------------------

// Keeps the files of one body from being removed while it lives.
class BodyLease;
// Bytes that another engine names (bodies.h).
class Bodies;

// A stretch of one of a body's files. Opened when its turn comes: an object of 10,000 parts must
// not cost 10,000 descriptors.
struct FileSlice {
  std::shared_ptr<const BodyLease> body;
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t file_bytes = 0;               // the whole file
  std::shared_ptr<const std::string> sums;    // body_sums.h; empty: nobody knows them
  std::shared_ptr<const std::string> object;  // "s3://bucket/key", for a person

  Result<File> open() const;
};

// The bytes of a version, or of a range of it: either `bytes` or `slices`, in order. Stays readable
// after the object is replaced or removed.
struct Content {
  std::string bytes;
  std::vector<FileSlice> slices;
  std::uint64_t length = 0;
};

// Bytes [offset, offset + length) of an object or a file.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// What an object is given beside its bytes, and under which condition it is put.
struct PutOptions {
  ObjectSettings attributes = {};
  WriteCondition condition = {};
  std::optional<ObjectChecksum> checksum = {};  // which of the body's checksums to keep
  Cause cause = {};
};

// What a copy says of bytes that came in parts, if it is to look written as one.
struct WholeBody {
  std::string etag;
  std::optional<ObjectChecksum> checksum;
};

// What Objects stands on beside the store.
struct OpenOptions {
  // A database that knows less than the mark beside the bodies was put back from an older copy, and
  // one without a mark but with bodies is new: every body that it does not name would be swept
  // away. `accept` goes on with it; those bodies stay in quarantine for a day.
  enum class OlderDatabase : std::uint8_t { refuse, accept };
  OlderDatabase older_database = OlderDatabase::refuse;
  Disk* disk = &kernel_disk();
};

// What an upload in parts is begun with; its object gets the attributes.
struct NewMultipart {
  std::string bucket;
  std::string key;
  ObjectSettings attributes = {};
  std::optional<ChecksumKind> checksum_kind = {};
  ChecksumScope checksum_scope = ChecksumScope::full_object;
};

// Writes and reads bytes. Thread-safe; outlives every Upload, SealedBody and Content that it
// hands out. Functions that take a transaction change
// nothing where that transaction is refused, and remove files only after it is durable.
class Objects {
 public:
  // Uses `<data>/objects`, which it makes. `store`, `clock`, `random` and the disk outlive this
  // object. Starts the threads that remove replaced bodies, put what a crash left behind into
  // quarantine, and look at each body now and then. conflict "older_database": see OpenOptions.
  static Result<std::unique_ptr<Objects>> open(store::Store& store,
                                               const std::filesystem::path& data,
                                               const Clock& clock, Random& random,
                                               OpenOptions options = {});
  ~Objects();
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  // Bodies stop before the reserve of `room`, which outlives this object. Before the first body.
  void use(const DiskRoom& room);

  // Tells `watcher`, which outlives this object, of what happens in those buckets that have this
  // setting. Before the first change.
  void watch(std::string setting, ObjectWatcher& watcher);

  Upload begin(UploadOptions options = {});

  // Makes the body the latest version of a key. limit_exceeded "key_too_long".
  Result<Object> put(store::Transaction& tx, const ObjectName& name, SealedBody body,
                     PutOptions options = {});

  // A new object with the bytes of another, which are shared and not copied. `source` is a version
  // that this transaction found; its checksum and ETag go over, unless `whole` says others.
  Result<Object> copy(store::Transaction& tx, const Object& source, const ObjectName& target,
                      PutOptions options = {}, std::optional<WholeBody> whole = {});

  // The bytes of `range` as a body of its own, for put_part, without moving one: a second name of
  // the file. Only where the range is exactly one that was put as a part, or as a whole object, and
  // the file system can; else nothing. Its checksums are those that came with it.
  Result<std::optional<SealedBody>> share_part(store::Transaction& tx, const Object& object,
                                               ByteRange range);

  // Without a version: removes the object, or makes a delete marker where the bucket keeps
  // versions. With one: removes that version. What is not there is fine (Removal::Kind::nothing),
  // what never was is invalid_argument "bad_version". permission_denied "object_locked" where the
  // version that would go is locked (locks.h).
  Result<Removal> remove(store::Transaction& tx, const ObjectName& name,
                         const WriteCondition& condition = {},
                         Governance governance = Governance::kept, const Cause& cause = {});

  // Replaces the tags of a version, or takes them away; returns that version.
  Result<Object> put_tags(store::Transaction& tx, const ObjectName& name, Pairs tags,
                          const Cause& cause = {});
  Result<Object> remove_tags(store::Transaction& tx, const ObjectName& name,
                             const Cause& cause = {});

  // Gives the version that is named another storage class; returns it.
  Result<Object> reclassify(store::Transaction& tx, const ObjectName& name,
                            std::string_view storage_class, const Cause& cause = {});

  // Gives an archived version the properties of one that is restored, which is done at once:
  // whoever watches is told that it began and that it is done.
  Result<> restore(store::Transaction& tx, const ObjectName& name, const Pairs& properties,
                   const Cause& cause = {});

  // Gives a version the properties of one that lets in others than before.
  Result<> put_rights(store::Transaction& tx, const ObjectName& name, const Pairs& properties,
                      const Cause& cause = {});

  // Removes an empty bucket with its settings and unfinished uploads; in_use where any version is.
  Result<> remove_bucket(store::Transaction& tx, std::string_view name);

  Result<Multipart> create_multipart(store::Transaction& tx, NewMultipart upload);

  // Adds or replaces a part. invalid_argument "part_number" outside 1..part_number_max.
  Result<Part> put_part(store::Transaction& tx, const MultipartName& name, std::uint32_t number,
                        SealedBody body);

  // Makes the parts named the latest version of the key; unnamed ones are dropped. No byte is
  // copied. Repeating it answers what the first did. invalid_argument "part_order", "no_such_part"
  // (details: part number and ETag), "part_too_small", "checksum_mismatch".
  Result<Object> complete(store::Transaction& tx, const MultipartName& name,
                          std::span<const PartReference> parts, const WriteCondition& condition,
                          const Cause& cause = {});
  Result<> abort(store::Transaction& tx, const MultipartName& name);

  // The bytes of a version found in this transaction. corrupted "body_damaged", or not_found
  // "no_file" where the disk lacks them: the object was removed just now, or check() says more.
  Result<Content> content(store::Transaction& tx, const Object& object,
                          std::optional<ByteRange> range = {});

  // Whether the bytes of a version found in this transaction are on the disk, without reading them:
  // corrupted "body_missing" or "body_damaged", as open_object says it; not_found where the object
  // was removed meanwhile.
  Result<> check(store::Transaction& tx, const Object& object);

  // find() and content() over a transaction of their own. `choose` sees the object before its bytes
  // are opened and says which range of it is wanted, or refuses.
  struct Opened {
    Object object;
    Content content;
  };
  using Chooser = std::move_only_function<Result<std::optional<ByteRange>>(store::Transaction& tx,
                                                                           const Object&)>;
  Result<Opened> open_object(const ObjectName& name, Chooser choose = {});

  // Bytes without a bucket, for who names them by himself.
  Bodies& bodies();

  // Waits until what was removed so far is gone from the disk, and what a crash left in quarantine.
  void settle();

 private:
  friend class Bodies;
  class Impl;
  explicit Objects(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads a content from its beginning to its end: for those who unpack or copy instead of sending.
class ContentReader {
 public:
  explicit ContentReader(Content content) : content_(std::move(content)) {}

  // Returns how much was read, 0 at the end; every byte was checked. corrupted "body_damaged" or
  // "body_missing".
  Result<std::size_t> read(std::span<std::byte> bytes);

 private:
  Result<std::size_t> read_slice(std::span<std::byte> bytes);
  Result<> load_block(const FileSlice& slice, std::uint64_t at);

  Content content_;
  std::size_t slice_ = 0;
  std::uint64_t taken_ = 0;  // of `bytes`, or of the current slice
  File file_;
  std::string block_;              // of the current file, checked
  std::uint64_t block_begin_ = 0;  // where it stands in the file
};

}  // namespace slipway::objects

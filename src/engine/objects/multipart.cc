// Uploads in parts: each part is a file under the upload's own body number; completing one makes a
// version whose body these files are, so that no byte moves.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "engine/objects/impl.h"
#include "engine/objects/pairs.h"

namespace slipway::objects {
namespace {

constexpr std::size_t upload_id_length = 64;
constexpr std::size_t md5_hex_digits = 32;  // an ETag that parts can be told by

struct UploadRow {
  Multipart upload;
  std::int64_t body = 0;
  std::optional<std::string> completed;  // the version it became
};

#define UPLOAD_COLUMNS                                                              \
  "id,key,body,started,storage_class,properties,tags,checksum_kind,checksum_scope," \
  "completed"

UploadRow read_upload(const store::Rows& rows, std::string_view bucket) {
  UploadRow row;
  Multipart& upload = row.upload;
  upload.name = {std::string(bucket), std::string(rows.text(1)), std::string(rows.text(0))};
  row.body = rows.integer(2);
  upload.started = Timestamp(std::chrono::microseconds(rows.integer(3)));
  upload.attributes = {std::string(rows.text(4)), decode_pairs(rows.blob(5)),
                       decode_pairs(rows.blob(6))};
  if (!rows.is_null(7)) upload.checksum_kind = static_cast<ChecksumKind>(rows.integer(7));
  upload.checksum_scope = static_cast<ChecksumScope>(rows.integer(8));
  row.completed = rows.optional_text(9);
  return row;
}

std::unexpected<Error> no_such_upload(const MultipartName& name) {
  return fail(ErrorCode::not_found,
              fmt::format("there is no upload '{}' of object '{}' in bucket '{}'; it may have been "
                          "aborted or completed",
                          name.upload, name.key, name.bucket),
              "no_such_upload");
}

Result<UploadRow> upload_row(store::Transaction& tx, const Bucket& bucket,
                             const MultipartName& name) {
  auto rows =
      tx.query("SELECT " UPLOAD_COLUMNS " FROM objects_upload WHERE id=?1 AND bucket=?2 AND key=?3",
               name.upload, bucket.id, name.key);
  if (!rows.next()) return no_such_upload(name);
  return read_upload(rows, bucket.name);
}

Result<UploadRow> open_upload_row(store::Transaction& tx, const Bucket& bucket,
                                  const MultipartName& name) {
  TRY(UploadRow row, upload_row(tx, bucket, name));
  if (row.completed) return no_such_upload(name);
  return row;
}

#define PART_COLUMNS "number,size,etag,checksum_kind,checksum,modified,file"

Part read_part(const store::Rows& rows) {
  Part part;
  part.number = static_cast<std::uint32_t>(rows.integer(0));
  part.size = static_cast<std::uint64_t>(rows.integer(1));
  part.etag = rows.text(2);
  if (!rows.is_null(3))
    part.checksum = ObjectChecksum{static_cast<ChecksumKind>(rows.integer(3)),
                                   ChecksumScope::full_object, std::string(rows.text(4))};
  part.modified = Timestamp(std::chrono::microseconds(rows.integer(5)));
  return part;
}

// The checksum that a part keeps: of the kind its upload asked for, or the default.
std::optional<ObjectChecksum> checksum_to_keep(const Multipart& upload, const SealedBody& body) {
  const ChecksumKind wanted = upload.checksum_kind.value_or(ChecksumKind::crc64nvme);
  for (const ObjectChecksum& checksum : body.checksums)
    if (checksum.kind == wanted) return checksum;
  return std::nullopt;
}

}  // namespace

Result<Multipart> Objects::create_multipart(store::Transaction& tx, NewMultipart upload) {
  TRY_DO(check_key(upload.key));
  TRY(const Bucket bucket, find_bucket(tx, upload.bucket));
  Multipart made;
  made.name = {upload.bucket, upload.key,
               make_token(impl_->random, upload_id_length, alphabet_base62)};
  made.started = impl_->clock.now();
  made.attributes = std::move(upload.attributes);
  made.checksum_kind = upload.checksum_kind;
  made.checksum_scope = upload.checksum_scope;
  const std::string properties = encode_pairs(made.attributes.properties);
  const std::string tags = encode_pairs(made.attributes.tags);
  tx.run("INSERT INTO objects_upload(bucket," UPLOAD_COLUMNS
         ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,NULL)",
         bucket.id, made.name.upload, made.name.key, next_number(tx),
         made.started.time_since_epoch().count(), made.attributes.storage_class,
         store::SqlBlob{properties}, store::SqlBlob{tags}, made.checksum_kind, made.checksum_scope);
  return made;
}

Result<Multipart> find_multipart(store::Transaction& tx, const MultipartName& name) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(UploadRow row, open_upload_row(tx, bucket, name));
  return std::move(row.upload);
}

Result<Part> Objects::put_part(store::Transaction& tx, const MultipartName& name,
                               std::uint32_t number, SealedBody body) {
  if (number < 1 || number > part_number_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("a part's number is from 1 to {}, not {}", part_number_max, number),
                "part_number");
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(const UploadRow row, open_upload_row(tx, bucket, name));
  if (auto rows = tx.query("SELECT file FROM objects_segment WHERE body=?1 AND number=?2", row.body,
                           number);
      rows.next() && !rows.is_null(0))
    impl_->remove_files(tx, DoomedBody{0, {std::string(rows.text(0))}});
  tx.run("DELETE FROM objects_segment WHERE body=?1 AND number=?2", row.body, number);
  impl_->note_change(tx);
  Part part{number, body.size, body.etag, checksum_to_keep(row.upload, body), impl_->clock.now()};
  insert_segment(tx, {row.body, number, part.checksum, part.modified}, std::move(body));
  return part;
}

Result<std::optional<SealedBody>> Objects::share_part(store::Transaction& tx, const Object& object,
                                                      ByteRange range) {
  auto rows = tx.query(
      "SELECT file,etag,checksum_kind,checksum,sums FROM objects_segment WHERE body=?1 AND "
      "start=?2 "
      "AND size=?3 AND file IS NOT NULL",
      object.body, range.offset, range.length);
  if (!rows.next() || rows.text(1).size() != md5_hex_digits) return std::nullopt;
  TRY_DO(content(tx, object, range));  // it is there
  TRY_DO(impl_->removals->lease(object.body));
  const BodyLease lease(*impl_->removals, object.body);
  auto second = impl_->files->link(rows.text(0));
  if (!second && second.error().code == ErrorCode::not_implemented) return std::nullopt;
  SealedBody body{
      .size = range.length, .etag = std::string(rows.text(1)), .sums = std::string(rows.blob(4))};
  TRY(std::string name, std::move(second));
  body.file = std::make_unique<FileClaim>(*impl_->removals, std::move(name));
  TRY_DO(impl_->files->sync_folder(body.file->name()));
  if (!rows.is_null(2))
    body.checksums.push_back({static_cast<ChecksumKind>(rows.integer(2)),
                              ChecksumScope::full_object, std::string(rows.text(3))});
  const bool whole = object.parts == 0 && range.length == object.size;
  if (whole && object.checksum && object.checksum->scope == ChecksumScope::full_object)
    body.checksums.push_back(*object.checksum);
  return body;
}

Result<> Objects::abort(store::Transaction& tx, const MultipartName& name) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(const UploadRow row, open_upload_row(tx, bucket, name));
  impl_->release_body(tx, row.body);
  return {};
}

Result<PartPage> list_parts(store::Transaction& tx, const PartQuery& query) {
  TRY(const Bucket bucket, find_bucket(tx, query.name.bucket));
  TRY(const UploadRow row, open_upload_row(tx, bucket, query.name));
  PartPage page;
  auto rows = tx.query("SELECT " PART_COLUMNS
                       " FROM objects_segment WHERE body=?1 AND number>?2 ORDER BY number",
                       row.body, query.after_number);
  while (rows.next()) {
    if (page.parts.size() == query.entries_max) {
      page.truncated = query.entries_max > 0;
      break;
    }
    page.parts.push_back(read_part(rows));
    page.next = page.parts.back().number;
  }
  return page;
}

std::vector<Part> parts_of(store::Transaction& tx, const Object& object) {
  std::vector<Part> parts;
  if (object.parts == 0) return parts;
  auto rows = tx.query("SELECT " PART_COLUMNS " FROM objects_segment WHERE body=?1 ORDER BY number",
                       object.body);
  while (rows.next()) parts.push_back(read_part(rows));
  return parts;
}

namespace {

std::int64_t number_of_upload(store::Transaction& tx, std::string_view id) {
  auto rows = tx.query("SELECT body FROM objects_upload WHERE id=?1", id);
  return rows.next() ? rows.integer(0) : 0;
}

// Open uploads of a bucket by key and then by age.
class UploadWalk {
 public:
  UploadWalk(store::Transaction& tx, const Bucket& bucket) : tx_(tx), bucket_(bucket) {}

  void seek_from(std::string_view key) { seek_behind(key, -1); }
  void seek_behind(std::string_view key, std::int64_t body) {
    rows_.emplace(tx_.query("SELECT " UPLOAD_COLUMNS
                            " FROM objects_upload WHERE bucket=?1 AND completed IS NULL AND "
                            "(key,body)>(?2,?3) ORDER BY key, body",
                            bucket_.id, key, body));
  }
  // Where nothing can begin with more than that, there is no next.
  void seek_behind_prefix(std::string_view prefix) {
    if (const auto next = text_after(prefix))
      seek_from(*next);
    else
      rows_.reset();
  }

  bool next() { return rows_ && rows_->next(); }
  std::string_view key() const { return rows_->text(1); }
  Multipart upload() const { return read_upload(*rows_, bucket_.name).upload; }

 private:
  store::Transaction& tx_;
  const Bucket& bucket_;
  std::optional<store::Rows> rows_;
};

// Behind a key all its uploads are passed over; behind an upload of that key only the older ones.
void begin(store::Transaction& tx, UploadWalk& walk, const MultipartQuery& query) {
  if (query.after_key < query.prefix || query.after_key.empty())
    return walk.seek_from(query.prefix);
  const std::string_view common =
      query.after_key.starts_with(query.prefix)
          ? common_prefix(query.after_key, query.prefix, query.delimiter)
          : "";
  if (!common.empty())
    walk.seek_behind_prefix(common);
  else
    walk.seek_behind(query.after_key, query.after_upload.empty()
                                          ? INT64_MAX
                                          : number_of_upload(tx, query.after_upload));
}

}  // namespace

bool is_upload_id(std::string_view text) {
  return text.size() == upload_id_length &&
         text.find_first_not_of(alphabet_base62) == std::string_view::npos;
}

Result<MultipartPage> list_multiparts(store::Transaction& tx, const MultipartQuery& query) {
  TRY(const Bucket bucket, find_bucket(tx, query.bucket));
  MultipartPage page;
  UploadWalk walk(tx, bucket);
  begin(tx, walk, query);
  while (walk.next() && walk.key().starts_with(query.prefix)) {
    if (page.uploads.size() + page.common_prefixes.size() == query.entries_max) {
      page.truncated = query.entries_max > 0;
      return page;
    }
    const std::string_view common = common_prefix(walk.key(), query.prefix, query.delimiter);
    if (common.empty()) {
      page.uploads.push_back(walk.upload());
      page.next_key = page.uploads.back().name.key;
      page.next_upload = page.uploads.back().name.upload;
    } else {
      page.common_prefixes.emplace_back(common);
      page.next_key = page.common_prefixes.back();
      page.next_upload.clear();
      walk.seek_behind_prefix(page.next_key);
    }
  }
  return page;
}

namespace {

// The parts of an upload on their way to being one body.
struct Assembly {
  std::vector<Part> parts;
  std::uint64_t size = 0;
  std::string etag;
  std::optional<ObjectChecksum> checksum;
};

std::unexpected<Error> bad_part(std::string_view kind, const PartReference& reference,
                                std::string message) {
  auto error = fail(ErrorCode::invalid_argument, std::move(message), std::string(kind));
  error.error().details = {{"part", std::to_string(reference.number)}, {"etag", reference.etag}};
  return error;
}

Result<Part> stored_part(store::Transaction& tx, std::int64_t body,
                         const PartReference& reference) {
  auto rows = tx.query("SELECT " PART_COLUMNS " FROM objects_segment WHERE body=?1 AND number=?2",
                       body, reference.number);
  if (!rows.next())
    return bad_part("no_such_part", reference,
                    fmt::format("part {} was not uploaded", reference.number));
  Part part = read_part(rows);
  if (part.etag != reference.etag)
    return bad_part("no_such_part", reference,
                    fmt::format("part {} has another ETag than the one named", part.number));
  if (reference.checksum_base64 &&
      (!part.checksum || part.checksum->base64 != *reference.checksum_base64))
    return bad_part("no_such_part", reference,
                    fmt::format("part {} has another checksum than the one named", part.number));
  return part;
}

// hex(MD5 of the parts' raw MD5s)-N.
Result<std::string> etag_of_parts(const std::vector<Part>& parts) {
  wire::Checksum md5(ChecksumKind::md5);
  for (const Part& part : parts) {
    TRY(const std::string raw, from_hex(part.etag));
    md5.update(raw);
  }
  return fmt::format("{}-{}", to_hex(md5.digest()), parts.size());
}

// Absent where a part lacks its own (an upload that asked for none, by a caller that made none).
Result<std::optional<ObjectChecksum>> checksum_of_parts(const Multipart& upload,
                                                        const std::vector<Part>& parts) {
  std::vector<wire::PartChecksum> pieces;
  for (const Part& part : parts) {
    if (!part.checksum) return std::nullopt;
    pieces.push_back({part.checksum->base64, part.size});
  }
  const ChecksumKind kind = upload.checksum_kind.value_or(ChecksumKind::crc64nvme);
  ObjectChecksum whole{kind, upload.checksum_scope, {}};
  if (upload.checksum_scope == ChecksumScope::composite) {
    TRY(whole.base64, wire::combine_composite(kind, pieces));
  } else {
    TRY(whole.base64, wire::combine_full_object(kind, pieces));
  }
  return whole;
}

Result<> check_order(std::span<const PartReference> references) {
  std::uint32_t last_number = 0;
  for (const PartReference& reference : references) {
    if (reference.number <= last_number)
      return bad_part("part_order", reference, "the parts are not named in ascending order");
    last_number = reference.number;
  }
  return {};
}

Result<Assembly> assemble(store::Transaction& tx, const UploadRow& row,
                          std::span<const PartReference> references) {
  TRY_DO(check_order(references));
  Assembly assembly;
  for (const PartReference& reference : references) {
    TRY(Part part, stored_part(tx, row.body, reference));
    if (&reference != &references.back() && part.size < part_bytes_min) {
      auto error = bad_part("part_too_small", reference,
                            fmt::format("part {} has {} bytes; all but the last need {}",
                                        part.number, part.size, part_bytes_min));
      error.error().details.emplace_back("size", std::to_string(part.size));
      return error;
    }
    assembly.size += part.size;
    assembly.parts.push_back(std::move(part));
  }
  TRY(assembly.etag, etag_of_parts(assembly.parts));
  TRY(assembly.checksum, checksum_of_parts(row.upload, assembly.parts));
  return assembly;
}

// Gives each part its place in the whole and drops those that were not named. Returns their files.
std::vector<std::string> settle_segments(store::Transaction& tx, std::int64_t body,
                                         const std::vector<Part>& parts) {
  std::vector<std::uint32_t> dropped;
  std::vector<std::string> files;
  {
    auto rows = tx.query(
        "SELECT " PART_COLUMNS " FROM objects_segment WHERE body=?1 ORDER BY number", body);
    auto wanted = parts.begin();
    while (rows.next()) {
      if (wanted != parts.end() && wanted->number == rows.integer(0)) {
        ++wanted;
        continue;
      }
      dropped.push_back(static_cast<std::uint32_t>(rows.integer(0)));
      if (!rows.is_null(6)) files.emplace_back(rows.text(6));
    }
  }
  for (const std::uint32_t number : dropped)
    tx.run("DELETE FROM objects_segment WHERE body=?1 AND number=?2", body, number);
  std::uint64_t start = 0;
  for (const Part& part : parts) {
    tx.run("UPDATE objects_segment SET start=?3 WHERE body=?1 AND number=?2", body, part.number,
           start);
    start += part.size;
  }
  return files;
}

// A condition that holds may do so of something that came to be after the upload was begun, or
// because something else went.
Result<> check_meanwhile(store::Transaction& tx, const UploadRow& upload,
                         const std::optional<VersionRow>& current,
                         const WriteCondition& condition) {
  const bool absent = condition.presence == WriteCondition::Presence::must_be_absent;
  if (!absent && !condition.etag) return {};
  const bool written = current && current->object.modified > upload.upload.started;
  const auto removed = [&] {
    return tx.query("SELECT 1 FROM objects_upload_removal WHERE body=?1", upload.body).next();
  };
  if (!written && !(absent && removed())) return {};
  auto error = fail(ErrorCode::conflict, "the object was written or removed during the upload",
                    "changed_meanwhile");
  error.error().details = {{"condition", absent ? "If-None-Match" : "If-Match"}};
  return error;
}

}  // namespace

Result<Object> Objects::complete(store::Transaction& tx, const MultipartName& name,
                                 std::span<const PartReference> parts,
                                 const WriteCondition& condition, const Cause& cause) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(UploadRow upload, upload_row(tx, bucket, name));
  if (upload.completed) {
    auto made = version_row(tx, bucket, {name.bucket, name.key, upload.completed});
    if (!made || made->object.body != upload.body) return no_such_upload(name);
    return std::move(made->object);
  }
  const ObjectName target{name.bucket, name.key};
  const auto current = latest_row(tx, bucket, name.key);
  TRY_DO(check_condition(condition, target, current ? &current->object : nullptr));
  TRY_DO(check_meanwhile(tx, upload, current, condition));
  if (parts.empty())
    return fail(ErrorCode::invalid_argument, "an upload is completed with at least one part",
                "no_parts");
  TRY(Assembly assembly, assemble(tx, upload, parts));
  impl_->remove_files(tx, DoomedBody{0, settle_segments(tx, upload.body, assembly.parts)});
  VersionRow row;
  Object& object = row.object;
  object.key = name.key;
  object.size = assembly.size;
  object.etag = std::move(assembly.etag);
  object.checksum = std::move(assembly.checksum);
  object.parts = static_cast<std::uint32_t>(assembly.parts.size());
  object.storage_class = std::move(upload.upload.attributes.storage_class);
  object.properties = std::move(upload.upload.attributes.properties);
  object.tags = std::move(upload.upload.attributes.tags);
  object.body = upload.body;
  TRY(Object made,
      impl_->make_latest(tx, bucket, std::move(row), {ObjectChange::Kind::completed, cause}));
  tx.run("UPDATE objects_upload SET completed=?2 WHERE body=?1", upload.body, made.version);
  return made;
}

}  // namespace slipway::objects

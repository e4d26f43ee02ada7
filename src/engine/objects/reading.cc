// Reading: finding versions, opening their bytes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "engine/objects/body_sums.h"
#include "engine/objects/checked_pieces.h"
#include "engine/objects/impl.h"
#include "engine/objects/pairs.h"
#include "engine/objects/uri.h"

namespace slipway::objects {
namespace {

// An object that is replaced again and again while it is opened is found anew this often.
constexpr int open_attempts_max = 16;

std::unexpected<Error> marker_is_latest(const ObjectName& name, const Object& marker) {
  auto error = fail(ErrorCode::not_found,
                    fmt::format("object '{}' of bucket '{}' was removed", name.key, name.bucket),
                    "delete_marker");
  error.error().details.emplace_back("version", marker.version);
  return error;
}

}  // namespace

Result<Object> find(store::Transaction& tx, const ObjectName& name) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  if (!name.version) {
    auto row = latest_row(tx, bucket, name.key);
    if (!row) return no_such_key(name);
    if (row->object.delete_marker) return marker_is_latest(name, row->object);
    return std::move(row->object);
  }
  auto row = version_row(tx, bucket, name);
  if (!row) return no_such_version(tx, name);
  return std::move(row->object);
}

namespace {

Result<Object> replace_tags(store::Transaction& tx, const Bucket& bucket, const ObjectName& name,
                            Pairs tags) {
  TRY(Object object, find(tx, name));
  if (object.delete_marker) return marker_is_latest(name, object);
  const std::string encoded = encode_pairs(tags);
  tx.run("UPDATE objects_version SET tags=?4 WHERE bucket=?1 AND key=?2 AND version=?3", bucket.id,
         name.key, object.version, store::SqlBlob{encoded});
  object.tags = std::move(tags);
  return object;
}

}  // namespace

Result<Object> Objects::put_tags(store::Transaction& tx, const ObjectName& name, Pairs tags,
                                 const Cause& cause) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(Object object, replace_tags(tx, bucket, name, std::move(tags)));
  impl_->tell(tx, bucket, object, {ObjectChange::Kind::tagged}, cause);
  return object;
}

Result<Object> Objects::remove_tags(store::Transaction& tx, const ObjectName& name,
                                    const Cause& cause) {
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  TRY(Object object, replace_tags(tx, bucket, name, {}));
  impl_->tell(tx, bucket, object, {ObjectChange::Kind::untagged}, cause);
  return object;
}

Result<> put_properties(store::Transaction& tx, const ObjectName& name, const Pairs& properties) {
  TRY(const Object object, find(tx, name));
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  const std::string encoded = encode_pairs(properties);
  tx.run("UPDATE objects_version SET properties=?4 WHERE bucket=?1 AND key=?2 AND version=?3",
         bucket.id, name.key, object.version, store::SqlBlob{encoded});
  return {};
}

namespace {

// What of the segment [start, start + size) lies in the range.
ByteRange overlap(ByteRange range, std::uint64_t start, std::uint64_t size) {
  const std::uint64_t begin = std::max(range.offset, start);
  const std::uint64_t end = std::min(range.offset + range.length, start + size);
  return end > begin ? ByteRange{begin - start, end - begin} : ByteRange{0, 0};
}

}  // namespace

namespace {

// What every slice of one content has in common.
struct SliceMaker {
  BodyRemovals& removals;
  const StoredBody& body;
  std::shared_ptr<const BodyLease> lease = {};
  std::shared_ptr<const std::string> name = {};

  Result<FileSlice> slice(const store::Rows& rows, ByteRange part) {
    if (!lease) {
      TRY_DO(removals.lease(body.number));
      lease = std::make_shared<const BodyLease>(removals, body.number);
      name = std::make_shared<const std::string>(body.name);
    }
    return FileSlice{.body = lease,
                     .file = std::string(rows.text(2)),
                     .offset = part.offset,
                     .length = part.length,
                     .file_bytes = static_cast<std::uint64_t>(rows.integer(1)),
                     .sums = std::make_shared<const std::string>(rows.blob(4)),
                     .object = name};
  }
};

// Looks at the file, and not into it.
Result<> check_presence(const BodyFiles& files, const FileSlice& slice) {
  TRY(const BodyFiles::Facts facts, files.facts(slice.file));
  if (facts.bytes != slice.file_bytes || files.is_damaged(slice.file, facts))
    return body_damaged(slice);
  return {};
}

std::unexpected<Error> row_damaged(const std::string& name) {
  log_error("objects", "the bytes of an object are damaged, in the database", {{"object", name}});
  return fail(ErrorCode::corrupted,
              fmt::format("The stored bytes of {} are damaged; put the object again, or restore it "
                          "from a backup.",
                          name),
              "body_damaged");
}

}  // namespace

Result<Content> Objects::content(store::Transaction& tx, const Object& object,
                                 std::optional<ByteRange> range) {
  return impl_->content(tx, {object.body, object.size, uri_of({object.bucket, object.key})}, range);
}

Result<Content> Objects::Impl::content(store::Transaction& tx, const StoredBody& body,
                                       std::optional<ByteRange> range) {
  const ByteRange wanted = range.value_or(ByteRange{0, body.bytes});
  Content content;
  content.length = wanted.length;
  SliceMaker maker{*removals, body};
  auto rows = tx.query(
      "SELECT start,size,file,bytes,sums FROM objects_segment WHERE body=?1 "
      "AND start<?2 AND start+size>?3 ORDER BY number",
      body.number, wanted.offset + wanted.length, wanted.offset);
  while (rows.next()) {
    const ByteRange part = overlap(wanted, static_cast<std::uint64_t>(rows.integer(0)),
                                   static_cast<std::uint64_t>(rows.integer(1)));
    if (rows.is_null(2)) {
      if (!matches(rows.blob(4), 0, rows.blob(3))) return row_damaged(body.name);
      content.bytes.append(rows.blob(3).substr(part.offset, part.length));
      continue;
    }
    TRY(FileSlice slice, maker.slice(rows, part));
    if (auto there = check_presence(*files, slice); !there) {
      if (there.error().kind != "no_file") return std::unexpected(std::move(there).error());
      return std::unexpected(why_missing(slice));
    }
    content.slices.push_back(std::move(slice));
  }
  return content;
}

// A file that was removed after this transaction's snapshot is named by no newer one.
Error Objects::Impl::why_missing(const FileSlice& slice) {
  const auto named = store.read([&](store::Transaction& tx) -> Result<bool> {
    return tx.query("SELECT 1 FROM objects_segment WHERE file=?1", slice.file).next();
  });
  if (!named) return named.error();
  if (*named) return body_missing(slice).error();
  return {ErrorCode::conflict, "the object was removed meanwhile", "body_gone"};
}

Result<> Objects::check(store::Transaction& tx, const Object& object) {
  const auto found = content(tx, object);
  if (found) return {};
  if (found.error().kind == "body_gone") return no_such_key({object.bucket, object.key});
  return std::unexpected(found.error());
}

Result<Objects::Opened> Objects::open_object(const ObjectName& name, Chooser choose) {
  const auto attempt = [&](store::Transaction& tx) -> Result<Opened> {
    TRY(Object object, find(tx, name));
    std::optional<ByteRange> range;
    if (choose) {
      TRY(range, choose(tx, object));
    }
    // The lease holds from here on; that the files are there shows that it came in time.
    TRY(Content opened, content(tx, object, range));
    return Opened{std::move(object), std::move(opened)};
  };
  for (int left = open_attempts_max;; --left) {
    Result<Opened> opened = impl_->store.read(attempt);
    if (opened || left == 0) return opened;
    if (opened.error().kind != "body_gone") return opened;
  }
}

Result<File> FileSlice::open() const { return body->files().open_for_reading(file); }

Result<std::size_t> ContentReader::read(std::span<std::byte> bytes) {
  if (content_.slices.empty()) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), content_.bytes.size() - taken_);
    std::memcpy(bytes.data(), content_.bytes.data() + taken_, count);
    taken_ += count;
    return count;
  }
  if (bytes.empty()) return 0;
  while (slice_ < content_.slices.size()) {
    TRY(const std::size_t count, read_slice(bytes));
    if (count > 0) return count;
    ++slice_;
    taken_ = 0;
    file_ = File();
  }
  return 0;
}

// A block that was checked is kept until its bytes were taken; without sums, a block is what there
// is room for.
Result<std::size_t> ContentReader::read_slice(std::span<std::byte> bytes) {
  const FileSlice& slice = content_.slices[slice_];
  const std::size_t wanted = std::min<std::size_t>(bytes.size(), slice.length - taken_);
  if (wanted == 0) return 0;
  const std::uint64_t at = slice.offset + taken_;
  if (!file_ || at < block_begin_ || at >= block_begin_ + block_.size())
    TRY_DO(load_block(slice, at));
  const std::string_view rest = std::string_view(block_).substr(at - block_begin_);
  const std::size_t count = std::min(wanted, rest.size());
  std::memcpy(bytes.data(), rest.data(), count);
  taken_ += count;
  return count;
}

Result<> ContentReader::load_block(const FileSlice& slice, std::uint64_t at) {
  if (!file_) {
    auto opened = slice.open();
    if (!opened && opened.error().kind == "no_file") return body_missing(slice);
    TRY(file_, std::move(opened));
  }
  const std::uint64_t number = at / sum_block_bytes;
  block_begin_ = number * sum_block_bytes;
  block_.resize(std::min<std::uint64_t>(sum_block_bytes, slice.file_bytes - block_begin_));
  for (std::size_t got = 0; got < block_.size();) {
    const ssize_t count = ::pread(file_.fd(), block_.data() + got, block_.size() - got,
                                  static_cast<off_t>(block_begin_ + got));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return body_damaged(slice);
    got += static_cast<std::size_t>(count);
  }
  if (!matches(*slice.sums, number, block_)) return body_damaged(slice);
  return {};
}

}  // namespace slipway::objects

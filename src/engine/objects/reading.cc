// Reading: finding versions, opening their bytes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/objects/impl.h"
#include "engine/objects/pairs.h"

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
  if (*name.version != null_version && !number_of_version(*name.version))
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a version id", *name.version),
                "bad_version");
  auto row = version_row(tx, bucket, name);
  if (!row) return no_such_version(name);
  return std::move(row->object);
}

Result<Object> put_tags(store::Transaction& tx, const ObjectName& name, Pairs tags) {
  TRY(Object object, find(tx, name));
  if (object.delete_marker) return marker_is_latest(name, object);
  TRY(const Bucket bucket, find_bucket(tx, name.bucket));
  const std::string encoded = encode_pairs(tags);
  tx.run("UPDATE objects_version SET tags=?4 WHERE bucket=?1 AND key=?2 AND version=?3", bucket.id,
         name.key, object.version, store::Blob{encoded});
  object.tags = std::move(tags);
  return object;
}

namespace {

// What of the segment [start, start + size) lies in the range.
ByteRange overlap(ByteRange range, std::uint64_t start, std::uint64_t size) {
  const std::uint64_t begin = std::max(range.offset, start);
  const std::uint64_t end = std::min(range.offset + range.length, start + size);
  return end > begin ? ByteRange{begin - start, end - begin} : ByteRange{0, 0};
}

}  // namespace

Result<Content> Objects::content(store::Transaction& tx, const Object& object,
                                 std::optional<ByteRange> range) {
  const ByteRange wanted = range.value_or(ByteRange{0, object.size});
  Content content;
  content.length = wanted.length;
  std::shared_ptr<const BodyLease> lease;
  auto rows = tx.query(
      "SELECT start,size,file,bytes FROM objects_segment WHERE body=?1 "
      "AND start<?2 AND start+size>?3 ORDER BY number",
      object.body, wanted.offset + wanted.length, wanted.offset);
  while (rows.next()) {
    const ByteRange part = overlap(wanted, static_cast<std::uint64_t>(rows.integer(0)),
                                   static_cast<std::uint64_t>(rows.integer(1)));
    if (rows.is_null(2)) {
      content.bytes.append(rows.blob(3).substr(part.offset, part.length));
      continue;
    }
    if (!lease) {
      TRY_DO(impl_->files->lease(object.body));
      lease = std::make_shared<const BodyLease>(*impl_->files, object.body);
    }
    content.slices.push_back({lease, std::string(rows.text(2)), part.offset, part.length});
  }
  return content;
}

Result<Objects::Opened> Objects::open_object(const ObjectName& name, Chooser choose) {
  const auto attempt = [&](store::Transaction& tx) -> Result<Opened> {
    TRY(Object object, find(tx, name));
    std::optional<ByteRange> range;
    if (choose) {
      TRY(range, choose(tx, object));
    }
    TRY(Content opened, content(tx, object, range));
    // The lease holds from here on; that the first file is there shows that it came in time.
    if (!opened.slices.empty()) TRY_DO(opened.slices.front().open());
    return Opened{std::move(object), std::move(opened)};
  };
  for (int left = open_attempts_max;; --left) {
    Result<Opened> opened = impl_->store.read(attempt);
    if (opened || left == 0) return opened;
    if (opened.error().kind != "body_gone" && opened.error().kind != "no_file") return opened;
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

Result<std::size_t> ContentReader::read_slice(std::span<std::byte> bytes) {
  const FileSlice& slice = content_.slices[slice_];
  const std::size_t wanted = std::min<std::size_t>(bytes.size(), slice.length - taken_);
  if (wanted == 0) return 0;
  if (!file_) {
    TRY(file_, slice.open());
  }
  const ssize_t count =
      ::pread(file_.fd(), bytes.data(), wanted, static_cast<off_t>(slice.offset + taken_));
  if (count <= 0)
    return fail(ErrorCode::corrupted,
                fmt::format("the body file '{}' cannot be read to its end: {}", slice.file,
                            count < 0 ? std::strerror(errno) : "it is too short"));
  taken_ += static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}

}  // namespace slipway::objects

#include "engine/objects/scrub.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/encoding.h"
#include "engine/objects/body_sums.h"
#include "wire/auth/checksum.h"

namespace slipway::objects {
namespace {

constexpr std::size_t read_bytes = 1 << 20;
constexpr std::size_t md5_hex_digits = 32;

// Reads to the end; false where the disk fails.
template <typename Take>
bool read_all(const File& file, Take take) {
  std::vector<char> block(read_bytes);
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(file.fd(), block.data(), block.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
    take(std::string_view(block.data(), static_cast<std::size_t>(got)));
    at += got;
  }
}

}  // namespace

std::optional<StoredFile> next_file(store::Transaction& tx, const ScrubPlace& after) {
  auto rows = tx.query(
      "SELECT body,number,size,file,etag,sums FROM objects_segment WHERE (body,number)>(?1,?2) "
      "AND file IS NOT NULL ORDER BY body,number LIMIT 1",
      after.body, after.number);
  if (!rows.next()) return std::nullopt;
  return StoredFile{.body = rows.integer(0),
                    .number = static_cast<std::uint32_t>(rows.integer(1)),
                    .bytes = static_cast<std::uint64_t>(rows.integer(2)),
                    .name = std::string(rows.text(3)),
                    .etag = std::string(rows.text(4)),
                    .sums = std::string(rows.blob(5))};
}

std::string owner_of_body(store::Transaction& tx, std::int64_t body) {
  auto versions = tx.query(
      "SELECT b.name,v.key FROM objects_version v JOIN objects_bucket b ON b.id=v.bucket "
      "WHERE v.body=?1 LIMIT 1",
      body);
  if (versions.next()) return fmt::format("s3://{}/{}", versions.text(0), versions.text(1));
  auto uploads = tx.query(
      "SELECT b.name,u.key FROM objects_upload u JOIN objects_bucket b ON b.id=u.bucket "
      "WHERE u.body=?1",
      body);
  if (uploads.next())
    return fmt::format("an upload to s3://{}/{}", uploads.text(0), uploads.text(1));
  return fmt::format("body {}", body);
}

FileVerdict examine(const std::string& path, const StoredFile& stored) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {errno == ENOENT ? FileVerdict::Kind::missing : FileVerdict::Kind::damaged, {}};
  const bool by_etag = stored.sums.empty() && stored.etag.size() == md5_hex_digits;
  BodySums sums;
  wire::Checksum md5(wire::Checksum::Algorithm::md5);
  std::uint64_t bytes = 0;
  const bool whole = read_all(file, [&](std::string_view block) {
    bytes += block.size();
    sums.update(block);
    if (by_etag) md5.update(block);
  });
  FileVerdict verdict{FileVerdict::Kind::sound, sums.finish()};
  const bool same = by_etag ? to_hex(md5.digest()) == stored.etag
                            : stored.sums.empty() || verdict.sums == stored.sums;
  if (!whole || bytes != stored.bytes || !same) verdict.kind = FileVerdict::Kind::damaged;
  return verdict;
}

Result<std::optional<std::uint64_t>> Scrubber::step() {
  TRY(const auto stored,
      store_.read([&](store::Transaction& tx) -> Result<std::optional<StoredFile>> {
        return next_file(tx, place_);
      }));
  if (!stored) {
    place_ = {};
    return std::nullopt;
  }
  place_ = {stored->body, stored->number};
  if (!removals_.lease(stored->body)) return 0;  // it is being removed
  const BodyLease lease(removals_, stored->body);
  const FileVerdict verdict = examine(removals_.files().path(stored->name), *stored);
  if (verdict.kind == FileVerdict::Kind::sound) {
    if (stored->sums.empty()) TRY_DO(keep_sums(*stored, verdict.sums));
    return stored->bytes;
  }
  TRY_DO(store_.read([&](store::Transaction& tx) -> Result<> {
    // Removed between the look at its row and the lease: then there is nothing to complain of.
    if (tx.query("SELECT 1 FROM objects_segment WHERE file=?1", stored->name).next())
      removals_.files().note_damage(stored->name, owner_of_body(tx, stored->body));
    return {};
  }));
  return stored->bytes;
}

Result<> Scrubber::keep_sums(const StoredFile& stored, const std::string& sums) {
  return store_.write([&](store::Transaction& tx) -> Result<> {
    tx.run(
        "UPDATE objects_segment SET sums=?3,sums_made=?4 WHERE body=?1 AND number=?2 "
        "AND file=?5 AND sums IS NULL",
        stored.body, stored.number, store::SqlBlob{sums}, clock_.now().time_since_epoch().count(),
        stored.name);
    return {};
  });
}

}  // namespace slipway::objects

#include "engine/images/blobs.h"

#include <fmt/format.h>

namespace slipway::images {
namespace {

std::unexpected<Error> no_such_blob(const Repository& repository, const Digest& digest) {
  return fail(ErrorCode::not_found,
              fmt::format("repository '{}' has no blob {}", repository.name.name, digest.text()),
              "no_such_blob");
}

// A blob that a manifest names already, because it was removed before it came anew, is used at
// once.
void link_blob(store::Transaction& tx, const Repository& repository, const Digest& digest,
               ServerTime now) {
  tx.run(
      "INSERT INTO images_link(repository,digest,unused) VALUES(?1,?2,"
      "CASE WHEN EXISTS(SELECT 1 FROM images_reference r WHERE r.repository=?1 AND r.digest=?2 "
      "AND r.kind=0) THEN NULL ELSE ?3 END) "
      "ON CONFLICT(repository,digest) DO UPDATE SET unused=?3 WHERE unused IS NOT NULL",
      repository.id, digest.text(), to_microseconds(now));
}

}  // namespace

Result<ImageBlob> find_blob(store::Transaction& tx, const Repository& repository,
                            const Digest& digest) {
  auto rows = tx.query(
      "SELECT b.size,b.body,l.unused FROM images_link l JOIN images_blob b ON b.digest=l.digest "
      "WHERE l.repository=?1 AND l.digest=?2",
      repository.id, digest.text());
  if (!rows.next()) return no_such_blob(repository, digest);
  ImageBlob out{.digest = digest,
                .bytes = static_cast<std::uint64_t>(rows.integer(0)),
                .body = rows.integer(1),
                .unused = std::nullopt};
  if (!rows.is_null(2)) out.unused = server_time_from(rows.integer(2));
  return out;
}

std::vector<std::string> holders_of(store::Transaction& tx, std::string_view space,
                                    const Digest& digest, std::uint32_t names_max) {
  std::vector<std::string> out;
  auto rows = tx.query(
      "SELECT r.name FROM images_link l JOIN images_repository r ON r.id=l.repository "
      "WHERE l.digest=?1 AND r.space=?2 ORDER BY r.name LIMIT ?3",
      digest.text(), space, names_max);
  while (rows.next()) out.emplace_back(rows.text(0));
  return out;
}

void keep_blob(store::Transaction& tx, const Repository& repository, const Digest& digest,
               ServerTime now) {
  tx.run(
      "UPDATE images_link SET unused=?3 WHERE repository=?1 AND digest=?2 AND unused IS NOT NULL",
      repository.id, digest.text(), to_microseconds(now));
}

Result<ImageBlob> mount_blob(store::Transaction& tx, const Repository& from, const Repository& to,
                             const Digest& digest, ServerTime now) {
  TRY_DO(find_blob(tx, from, digest));
  link_blob(tx, to, digest, now);
  return find_blob(tx, to, digest);
}

ImageBlob put_blob(store::Transaction& tx, objects::Bodies& bodies, const Repository& repository,
                   const Digest& digest, const objects::StoredBody& stored, ServerTime now) {
  const bool is_new = tx.run("INSERT OR IGNORE INTO images_blob(digest,body,size) VALUES(?1,?2,?3)",
                             digest.text(), stored.number, stored.bytes) > 0;
  if (!is_new) bodies.release(tx, stored.number);
  link_blob(tx, repository, digest, now);
  return find_blob(tx, repository, digest).value();
}

void release_blob(store::Transaction& tx, objects::Bodies& bodies, std::string_view digest) {
  if (tx.query("SELECT 1 FROM images_link WHERE digest=?1 LIMIT 1", digest).next()) return;
  std::optional<std::int64_t> body;
  {
    auto rows = tx.query("SELECT body FROM images_blob WHERE digest=?1", digest);
    if (rows.next()) body = rows.integer(0);
  }
  if (!body) return;
  bodies.release(tx, *body);
  tx.run("DELETE FROM images_blob WHERE digest=?1", digest);
}

Result<> remove_blob(store::Transaction& tx, objects::Bodies& bodies, const Repository& repository,
                     const Digest& digest) {
  if (tx.run("DELETE FROM images_link WHERE repository=?1 AND digest=?2", repository.id,
             digest.text()) == 0)
    return no_such_blob(repository, digest);
  release_blob(tx, bodies, digest.text());
  return {};
}

}  // namespace slipway::images

#include "engine/images/images.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::images {
namespace {

using Kind = ImageManifest::Reference::Kind;

constexpr std::size_t tag_length_max = 128;
constexpr std::string_view columns =
    "digest,media_type,bytes,artifact_type,subject,image_bytes,pushed";
constexpr std::string_view listed_columns =
    "digest,media_type,x'',artifact_type,subject,image_bytes,pushed";

std::unexpected<Error> no_such_manifest(const Repository& repository, std::string_view reference) {
  return fail(ErrorCode::not_found,
              fmt::format("repository '{}' has no image '{}'", repository.name.name, reference),
              "no_such_manifest");
}

StoredManifest manifest_of(const store::Rows& rows) {
  return {.digest = Digest::parse(rows.text(0)).value(),
          .media_type = std::string(rows.text(1)),
          .bytes = std::string(rows.blob(2)),
          .artifact_type = std::string(rows.text(3)),
          .subject = rows.optional_text(4),
          .image_bytes = static_cast<std::uint64_t>(rows.integer(5)),
          .pushed = Timestamp(std::chrono::microseconds(rows.integer(6)))};
}

std::vector<StoredManifest> manifests_of(store::Rows rows) {
  std::vector<StoredManifest> out;
  while (rows.next()) out.push_back(manifest_of(rows));
  return out;
}

std::vector<std::string> texts_of(store::Rows rows) {
  std::vector<std::string> out;
  while (rows.next()) out.emplace_back(rows.text(0));
  return out;
}

bool has_manifest(store::Transaction& tx, const Repository& repository, std::string_view digest) {
  return tx
      .query("SELECT 1 FROM images_manifest WHERE repository=?1 AND digest=?2", repository.id,
             digest)
      .next();
}

Result<> check_tags(store::Transaction& tx, const Repository& repository,
                    const NewManifest& manifest) {
  for (const std::string& tag : manifest.tags) {
    const auto current = find_tag(tx, repository, tag);
    if (!current || *current == manifest.digest || repository.mutability.lets_move(tag)) continue;
    return std::unexpected(Error{
        ErrorCode::conflict,
        fmt::format("the tag '{}' of repository '{}' may not move", tag, repository.name.name),
        "tag_stays",
        {{"tag", tag}}});
  }
  return {};
}

// A blob that is named is used from now on, which shows too that it is there.
Result<> use_references(store::Transaction& tx, const Repository& repository,
                        const ImageManifest& manifest) {
  for (const ImageManifest::Reference& each : manifest.references) {
    const bool there =
        each.kind == Kind::blob
            ? tx.run("UPDATE images_link SET unused=NULL WHERE repository=?1 AND digest=?2",
                     repository.id, each.digest.text()) > 0
            : has_manifest(tx, repository, each.digest.text());
    if (there) continue;
    return std::unexpected(
        Error{ErrorCode::not_found,
              fmt::format("The manifest names {}, which repository '{}' does not have.",
                          each.digest.text(), repository.name.name),
              "no_such_reference",
              {{"digest", each.digest.text()}}});
  }
  return {};
}

void insert_manifest(store::Transaction& tx, const Repository& repository,
                     const NewManifest& manifest) {
  std::optional<std::string_view> subject;
  if (manifest.manifest.subject) subject = manifest.manifest.subject->text();
  tx.run(
      "INSERT INTO images_manifest(repository,digest,media_type,bytes,artifact_type,subject,"
      "image_bytes,pushed) VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT DO NOTHING",
      repository.id, manifest.digest.text(), manifest.manifest.media_type,
      store::SqlBlob{manifest.bytes}, manifest.manifest.artifact_type, subject,
      manifest.manifest.image_bytes, manifest.now.civil.time_since_epoch().count());
  for (const ImageManifest::Reference& each : manifest.manifest.references)
    tx.run("INSERT OR IGNORE INTO images_reference VALUES(?1,?2,?3,?4)", repository.id,
           each.digest.text(), each.kind, manifest.digest.text());
}

}  // namespace

bool is_tag(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= tag_length_max && is_word(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Result<> put_manifest(store::Transaction& tx, const Repository& repository,
                      const NewManifest& manifest) {
  TRY_DO(check_tags(tx, repository, manifest));
  TRY_DO(use_references(tx, repository, manifest.manifest));
  insert_manifest(tx, repository, manifest);
  for (const std::string& tag : manifest.tags)
    tx.run("INSERT OR REPLACE INTO images_tag(repository,tag,digest) VALUES(?1,?2,?3)",
           repository.id, tag, manifest.digest.text());
  return {};
}

Result<StoredManifest> find_manifest(store::Transaction& tx, const Repository& repository,
                                     const Digest& digest) {
  auto rows = tx.query(
      fmt::format("SELECT {} FROM images_manifest WHERE repository=?1 AND digest=?2", columns),
      repository.id, digest.text());
  if (!rows.next()) return no_such_manifest(repository, digest.text());
  return manifest_of(rows);
}

Result<Digest> find_tag(store::Transaction& tx, const Repository& repository,
                        std::string_view tag) {
  auto rows =
      tx.query("SELECT digest FROM images_tag WHERE repository=?1 AND tag=?2", repository.id, tag);
  if (!rows.next()) return no_such_manifest(repository, tag);
  return Digest::parse(rows.text(0));
}

std::vector<ImageTag> list_tags(store::Transaction& tx, const Repository& repository,
                                const TagQuery& query) {
  std::vector<ImageTag> out;
  auto rows = tx.query(
      "SELECT tag,digest FROM images_tag WHERE repository=?1 AND tag>?2 ORDER BY tag LIMIT ?3",
      repository.id, query.after, query.tags_max);
  while (rows.next()) out.emplace_back(std::string(rows.text(0)), std::string(rows.text(1)));
  return out;
}

std::vector<std::string> tags_of(store::Transaction& tx, const Repository& repository,
                                 const Digest& digest) {
  return texts_of(
      tx.query("SELECT tag FROM images_tag WHERE repository=?1 AND digest=?2 ORDER BY tag",
               repository.id, digest.text()));
}

std::vector<StoredManifest> list_manifests(store::Transaction& tx, const Repository& repository,
                                           std::string_view after, std::uint32_t manifests_max) {
  return manifests_of(
      tx.query(fmt::format("SELECT {} FROM images_manifest WHERE repository=?1 AND digest>?2 "
                           "ORDER BY digest LIMIT ?3",
                           listed_columns),
               repository.id, after, manifests_max));
}

void for_each_referrer(store::Transaction& tx, const Repository& repository, const Digest& subject,
                       std::string_view after,
                       const std::function<bool(const StoredManifest&)>& show) {
  store::Rows rows = tx.query(
      fmt::format("SELECT {} FROM images_manifest WHERE repository=?1 AND subject=?2 AND digest>?3 "
                  "ORDER BY digest",
                  columns),
      repository.id, subject.text(), after);
  while (rows.next())
    if (!show(manifest_of(rows))) return;
}

bool is_child(store::Transaction& tx, const Repository& repository, const Digest& digest) {
  return tx
      .query("SELECT 1 FROM images_reference WHERE repository=?1 AND digest=?2 AND kind=?3 LIMIT 1",
             repository.id, digest.text(), Kind::manifest)
      .next();
}

Result<> remove_tag(store::Transaction& tx, const Repository& repository, std::string_view tag) {
  if (tx.run("DELETE FROM images_tag WHERE repository=?1 AND tag=?2", repository.id, tag) == 0)
    return no_such_manifest(repository, tag);
  return {};
}

Result<> remove_manifest(store::Transaction& tx, const Repository& repository, const Digest& digest,
                         ServerTime now) {
  if (tx.run("DELETE FROM images_manifest WHERE repository=?1 AND digest=?2", repository.id,
             digest.text()) == 0)
    return no_such_manifest(repository, digest.text());
  tx.run("DELETE FROM images_tag WHERE repository=?1 AND digest=?2", repository.id, digest.text());
  const std::vector<std::string> blobs =
      texts_of(tx.query("SELECT digest FROM images_reference WHERE repository=?1 AND manifest=?2 "
                        "AND kind=?3",
                        repository.id, digest.text(), Kind::blob));
  tx.run("DELETE FROM images_reference WHERE repository=?1 AND manifest=?2", repository.id,
         digest.text());
  for (const std::string& blob : blobs)
    tx.run(
        "UPDATE images_link SET unused=?3 WHERE repository=?1 AND digest=?2 AND NOT EXISTS("
        "SELECT 1 FROM images_reference r WHERE r.repository=?1 AND r.digest=?2 AND r.kind=0)",
        repository.id, blob, to_microseconds(now));
  return {};
}

Result<> remove_repository(store::Transaction& tx, objects::Bodies& bodies,
                           const Repository& repository, Contents contents) {
  if (contents == Contents::must_be_none &&
      tx.query("SELECT 1 FROM images_manifest WHERE repository=?1 LIMIT 1", repository.id).next())
    return fail(ErrorCode::in_use,
                fmt::format("repository '{}' still holds images", repository.name.name),
                "repository_not_empty");
  std::vector<std::int64_t> uploads;
  {
    auto rows = tx.query("SELECT body FROM images_upload WHERE repository=?1", repository.id);
    while (rows.next()) uploads.push_back(rows.integer(0));
  }
  for (const std::int64_t body : uploads) bodies.release(tx, body);
  const std::vector<std::string> blobs =
      texts_of(tx.query("SELECT digest FROM images_link WHERE repository=?1", repository.id));
  for (const std::string_view table :
       {"images_upload", "images_link", "images_tag", "images_reference", "images_manifest"})
    tx.run(fmt::format("DELETE FROM {} WHERE repository=?1", table), repository.id);
  for (const std::string& blob : blobs) release_blob(tx, bodies, blob);
  tags::erase_all(tx, tagged(repository.name));
  tx.run("DELETE FROM images_repository WHERE id=?1", repository.id);
  return {};
}

}  // namespace slipway::images

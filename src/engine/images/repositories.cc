#include "engine/images/repositories.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"

namespace slipway::images {
namespace {

constexpr std::string_view tables = R"sql(
CREATE TABLE images_repository(
  id INTEGER PRIMARY KEY AUTOINCREMENT, space TEXT NOT NULL, name TEXT NOT NULL,
  created INTEGER NOT NULL, mutability INTEGER NOT NULL,
  exceptions TEXT NOT NULL,  -- a pattern a line
  policy TEXT NOT NULL, notes TEXT NOT NULL, UNIQUE(space, name));
CREATE TABLE images_blob(digest TEXT PRIMARY KEY, body INTEGER NOT NULL, size INTEGER NOT NULL)
  WITHOUT ROWID;
-- That a repository has a blob. `unused` is of the server's time line: since when no manifest there
-- names it, or when somebody was last told that it is there; NULL while one does.
CREATE TABLE images_link(
  repository INTEGER NOT NULL, digest TEXT NOT NULL, unused INTEGER,
  PRIMARY KEY(repository, digest)) WITHOUT ROWID;
CREATE INDEX images_link_blob ON images_link(digest);
CREATE INDEX images_link_unused ON images_link(unused) WHERE unused IS NOT NULL;
CREATE TABLE images_manifest(
  repository INTEGER NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL, bytes BLOB NOT NULL,
  artifact_type TEXT NOT NULL, subject TEXT, image_bytes INTEGER NOT NULL, pushed INTEGER NOT NULL,
  PRIMARY KEY(repository, digest));
CREATE INDEX images_manifest_subject ON images_manifest(repository, subject)
  WHERE subject IS NOT NULL;
-- What a manifest names: blobs and manifests of its repository.
CREATE TABLE images_reference(
  repository INTEGER NOT NULL, digest TEXT NOT NULL, kind INTEGER NOT NULL, manifest TEXT NOT NULL,
  PRIMARY KEY(repository, digest, kind, manifest)) WITHOUT ROWID;
CREATE INDEX images_reference_manifest ON images_reference(repository, manifest);
CREATE TABLE images_tag(
  repository INTEGER NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
  PRIMARY KEY(repository, tag)) WITHOUT ROWID;
CREATE INDEX images_tag_digest ON images_tag(repository, digest);
-- `used` is of the server's time line.
CREATE TABLE images_upload(
  id TEXT PRIMARY KEY, repository INTEGER NOT NULL, body INTEGER NOT NULL, size INTEGER NOT NULL,
  kind INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX images_upload_used ON images_upload(used);
)sql";

constexpr store::Migration steps[] = {tags::table, {"images", 1, tables}};

constexpr std::string_view columns = "id,space,name,created,mutability,exceptions,policy,notes";

Repository repository_of(const store::Rows& rows) {
  Repository out{.id = rows.integer(0),
                 .name = {std::string(rows.text(1)), std::string(rows.text(2))},
                 .created = Timestamp(std::chrono::microseconds(rows.integer(3))),
                 .mutability = {static_cast<TagMutability::Kind>(rows.integer(4))},
                 .policy = std::string(rows.text(6)),
                 .notes = std::string(rows.text(7))};
  for (std::string_view rest = rows.text(5); !rest.empty();)
    out.mutability.exceptions.emplace_back(take_until(rest, '\n'));
  return out;
}

// '*' stands for any text, everything else for itself.
bool matches(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t from = star; from <= text.size(); ++from)
    if (matches(rest, text.substr(from))) return true;
  return false;
}

}  // namespace

std::span<const store::Migration> migrations() { return steps; }

bool TagMutability::lets_move(std::string_view tag) const {
  const bool excepted = std::ranges::any_of(
      exceptions, [&](const std::string& pattern) { return matches(pattern, tag); });
  return (kind == Kind::tags_move) != excepted;
}

Result<Repository> create_repository(store::Transaction& tx, const NewRepository& repository) {
  if (find_repository(tx, repository.name))
    return fail(ErrorCode::already_exists,
                fmt::format("repository '{}' exists already", repository.name.name),
                "repository_exists");
  tx.run(
      "INSERT INTO images_repository(space,name,created,mutability,exceptions,policy,notes) "
      "VALUES(?1,?2,?3,?4,?5,'',?6)",
      repository.name.space, repository.name.name, repository.now.time_since_epoch().count(),
      repository.mutability.kind,
      fmt::format("{}", fmt::join(repository.mutability.exceptions, "\n")), repository.notes);
  return find_repository(tx, repository.name);
}

Result<Repository> find_repository(store::Transaction& tx, const RepositoryName& name) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM images_repository WHERE space=?1 AND name=?2", columns),
               name.space, name.name);
  if (rows.next()) return repository_of(rows);
  return fail(ErrorCode::not_found, fmt::format("there is no repository '{}'", name.name),
              "no_such_repository");
}

std::vector<Repository> list_repositories(store::Transaction& tx, const RepositoryQuery& query) {
  std::vector<Repository> out;
  auto rows = tx.query(fmt::format("SELECT {} FROM images_repository WHERE space=?1 AND name>?2 "
                                   "ORDER BY name LIMIT ?3",
                                   columns),
                       query.space, query.after, query.repositories_max);
  while (rows.next()) out.push_back(repository_of(rows));
  return out;
}

void set_mutability(store::Transaction& tx, const Repository& repository,
                    const TagMutability& mutability) {
  tx.run("UPDATE images_repository SET mutability=?2,exceptions=?3 WHERE id=?1", repository.id,
         mutability.kind, fmt::format("{}", fmt::join(mutability.exceptions, "\n")));
}

void set_policy(store::Transaction& tx, const Repository& repository, std::string_view policy) {
  tx.run("UPDATE images_repository SET policy=?2 WHERE id=?1", repository.id, policy);
}

tags::TaggedThing tagged(const RepositoryName& name) {
  std::string_view region = name.space;
  const std::string_view account = take_until(region, '/');
  return {std::string(account), std::string(region), "repository/" + name.name};
}

}  // namespace slipway::images

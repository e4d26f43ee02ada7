// Repositories of images, each of one account and region.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::images {

// This room's tables, for Store::open.
std::span<const store::Migration> migrations();

// `space` is "account/region".
struct RepositoryName {
  std::string space;
  std::string name;
};

// Whether a tag that stands may be moved to another image. `exceptions` are patterns in which '*'
// stands for any text: tags that match one are of the other kind.
struct TagMutability {
  enum class Kind : std::uint8_t { tags_move, tags_stay };
  Kind kind = Kind::tags_move;
  std::vector<std::string> exceptions = {};

  bool lets_move(std::string_view tag) const;
};

// A repository as its row has it.
struct Repository {
  std::int64_t id = 0;
  RepositoryName name;
  Timestamp created;
  TagMutability mutability;
  std::string policy;  // who else may do what, as the door keeps it; empty: none
  std::string notes;   // what else its door keeps with it
};

// What a repository is made with.
struct NewRepository {
  RepositoryName name;
  Timestamp now;
  TagMutability mutability = {};
  std::string notes = {};
};

// Which repositories of a space: by name, those that come after `after`.
struct RepositoryQuery {
  std::string space;
  std::string after = {};
  std::uint32_t repositories_max = 1000;
};

// already_exists "repository_exists".
Result<Repository> create_repository(store::Transaction& tx, const NewRepository& repository);
// not_found "no_such_repository".
Result<Repository> find_repository(store::Transaction& tx, const RepositoryName& name);
std::vector<Repository> list_repositories(store::Transaction& tx, const RepositoryQuery& query);

void set_mutability(store::Transaction& tx, const Repository& repository,
                    const TagMutability& mutability);
void set_policy(store::Transaction& tx, const Repository& repository, std::string_view policy);

// What of the tag store's is a repository's.
tags::TaggedThing tagged(const RepositoryName& name);

}  // namespace slipway::images

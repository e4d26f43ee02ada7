// The manifests of repositories, their tags, and who refers to whom.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/images/blobs.h"
#include "engine/images/manifest.h"
#include "engine/images/repositories.h"
#include "engine/objects/bodies.h"
#include "store/store.h"

namespace slipway::images {

// A manifest as its row has it.
struct StoredManifest {
  Digest digest;
  std::string media_type;
  std::string bytes;  // empty in lists
  std::string artifact_type;
  std::optional<std::string> subject;
  std::uint64_t image_bytes = 0;
  Timestamp pushed;
};

// A manifest that is to be put: its bytes, what they say, and the tags that are to name it.
struct NewManifest {
  ImageManifest manifest;
  std::string bytes;
  Digest digest;
  std::vector<std::string> tags;
  Moment now;
};

// A tag and what it names.
struct ImageTag {
  std::string name;
  std::string digest;
};

bool is_tag(std::string_view text);

// Keeps the manifest and moves its tags to it; what is there already stays. Nothing is put where
// the repository lacks what it names: not_found "no_such_reference" (details: {"digest", text}).
// conflict "tag_stays" (details: {"tag", name}) where one names another image and may not move.
Result<> put_manifest(store::Transaction& tx, const Repository& repository,
                      const NewManifest& manifest);

// not_found "no_such_manifest".
Result<StoredManifest> find_manifest(store::Transaction& tx, const Repository& repository,
                                     const Digest& digest);
// What a tag names. not_found "no_such_manifest".
Result<Digest> find_tag(store::Transaction& tx, const Repository& repository, std::string_view tag);

// By name, those that come after `after`.
struct TagQuery {
  std::string after = {};
  std::uint32_t tags_max = 1000;
};
std::vector<ImageTag> list_tags(store::Transaction& tx, const Repository& repository,
                                const TagQuery& query);
std::vector<std::string> tags_of(store::Transaction& tx, const Repository& repository,
                                 const Digest& digest);
// By digest, those that come after `after`; without their bytes.
std::vector<StoredManifest> list_manifests(store::Transaction& tx, const Repository& repository,
                                           std::string_view after, std::uint32_t manifests_max);
// Shows those whose subject it is, by digest and one at a time, whether or not there is such a
// manifest; those that come after `after`, until `show` returns false.
void for_each_referrer(store::Transaction& tx, const Repository& repository, const Digest& subject,
                       std::string_view after,
                       const std::function<bool(const StoredManifest&)>& show);
// Whether an index of the repository names it.
bool is_child(store::Transaction& tx, const Repository& repository, const Digest& digest);

// not_found "no_such_manifest".
Result<> remove_tag(store::Transaction& tx, const Repository& repository, std::string_view tag);
// With all its tags. The blobs that it alone named have unused_link_life from now on. not_found
// "no_such_manifest".
Result<> remove_manifest(store::Transaction& tx, const Repository& repository, const Digest& digest,
                         ServerTime now);

// Removes a repository, with what is in it; in_use "repository_not_empty" where `contents` must be
// none and a manifest is there.
enum class Contents : std::uint8_t { must_be_none, removed };
Result<> remove_repository(store::Transaction& tx, objects::Bodies& bodies,
                           const Repository& repository, Contents contents);

}  // namespace slipway::images

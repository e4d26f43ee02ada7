// The blobs of repositories: stored once by content, held by each repository that has them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/images/digest.h"
#include "engine/images/repositories.h"
#include "engine/objects/bodies.h"
#include "store/store.h"

namespace slipway::images {

// How long a blob stays that no manifest of its repository names: what a push has from the last
// answer about a blob to its manifest.
inline constexpr std::chrono::hours unused_link_life{24};

// A blob as a repository has it.
struct ImageBlob {
  Digest digest;
  std::uint64_t bytes = 0;
  std::int64_t body = 0;
  std::optional<ServerTime> unused;  // since when; nullopt while a manifest names it

  objects::StoredBody stored() const { return {body, bytes, "image blob " + digest.text()}; }
  // Whether who is now told of it should be promised time anew (keep_blob).
  bool wants_keeping(ServerTime now) const {
    return unused && now - *unused > unused_link_life / 2;
  }
};

// not_found "no_such_blob".
Result<ImageBlob> find_blob(store::Transaction& tx, const Repository& repository,
                            const Digest& digest);
// The names of repositories of a space that have the blob, by name.
std::vector<std::string> holders_of(store::Transaction& tx, std::string_view space,
                                    const Digest& digest, std::uint32_t names_max);
// The blob stays for unused_link_life from now on. Where it is gone nothing happens.
void keep_blob(store::Transaction& tx, const Repository& repository, const Digest& digest,
               ServerTime now);
// `to` has the blob too. not_found "no_such_blob".
Result<ImageBlob> mount_blob(store::Transaction& tx, const Repository& from, const Repository& to,
                             const Digest& digest, ServerTime now);
// The repository has it no longer, whatever names it; its bytes go with the last repository that
// has it. not_found "no_such_blob".
Result<> remove_blob(store::Transaction& tx, objects::Bodies& bodies, const Repository& repository,
                     const Digest& digest);

// What the files of this folder share.

// What `stored` is of that content from now on: where there is such a blob already, `stored` is
// released. The repository has it.
ImageBlob put_blob(store::Transaction& tx, objects::Bodies& bodies, const Repository& repository,
                   const Digest& digest, const objects::StoredBody& stored, ServerTime now);
// Removes the bytes that no repository has.
void release_blob(store::Transaction& tx, objects::Bodies& bodies, std::string_view digest);

}  // namespace slipway::images

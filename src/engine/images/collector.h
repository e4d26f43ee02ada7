// Removes what nobody needs any more: blobs that no manifest names, uploads that were given up.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/images/blobs.h"
#include "engine/images/uploads.h"
#include "engine/reconciler.h"

namespace slipway::images {

// Limits.
inline constexpr std::size_t collected_per_step_max = 200;
inline constexpr std::chrono::hours collector_period{1};

// A reconciler of one key. It decides within the change that removes, so it never races a push: a
// manifest that comes first keeps its blobs, and one that comes later is refused.
class ImageCollector final : public engine::Reconciler {
 public:
  // `bodies` outlives this object.
  explicit ImageCollector(objects::Bodies& bodies) : bodies_(bodies) {}

  std::string_view name() const override { return "images-collector"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  std::size_t remove_links(store::Transaction& tx, ServerTime now) const;
  std::size_t remove_uploads(store::Transaction& tx, ServerTime now) const;

  objects::Bodies& bodies_;
};

}  // namespace slipway::images

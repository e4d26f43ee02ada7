// A store with this room's tables. For its tests.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>

#include "engine/fleet/fleet.h"
#include "store/store.h"

namespace slipway::fleet {

inline std::unique_ptr<store::Store> open_test_store(const std::filesystem::path& folder) {
  auto store = store::Store::open(folder / "state.db", migrations());
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

}  // namespace slipway::fleet

// This engine's tables.
#pragma once

#include <span>

#include "store/store.h"

namespace slipway::identity {

// For Store::open.
std::span<const store::Migration> migrations();

}  // namespace slipway::identity

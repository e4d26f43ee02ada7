// The tables of every room, made and brought to their newest version. Internal to src/store.
#pragma once

#include <functional>
#include <span>

#include "store/connection.h"

namespace slipway::store {

// Applies what is missing, in one transaction; a file that has everything is only read. Throws
// Failure where a newer Slipway wrote the file.
void migrate(DatabaseConnection& connection, std::span<const Migration> migrations);

// Makes a file with every room's tables, and what `finish` does to them, in the folder of a new
// store and not in its place: it has no journal, and what a crash leaves of it is worth nothing. It
// is synced, and a store's in how it is written from then on.
void make_draft(const Opening& draft, std::span<const Migration> migrations,
                const std::function<void(DatabaseConnection&)>& finish = {});

}  // namespace slipway::store

// The tables of every room, made and brought to their newest version. Internal to src/store.
#pragma once

#include <span>

#include "store/connection.h"

namespace slipway::store {

// Applies what is missing, in one transaction; a file that has everything is only read. Throws
// Failure where a newer Slipway wrote the file.
void migrate(Connection& connection, std::span<const Migration> migrations);

// Makes the file of a new store, with every room's tables, where there is neither a file nor a log.
// It is made beside its place and moved there whole and synced, so it needs no journal: what a
// crash leaves is made anew. The caller syncs the folder.
void make_new_file(const Opening& opening, std::span<const Migration> migrations, Disk& disk);

}  // namespace slipway::store

// The tables of the whole server, joined from those of every room.
#pragma once

#include <vector>

#include "store/first_pages.h"
#include "store/store.h"

namespace slipway::server {

// In the order in which they are made.
std::vector<store::Migration> all_migrations();

// A store that all_migrations() made of nothing. The build runs them and writes this function
// (first_pages_main.cc), so there is no second list of tables to keep.
store::Pages first_pages();

}  // namespace slipway::server

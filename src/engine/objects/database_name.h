// What tells one store from another, drawn by lot: the bodies of objects know theirs by it
// (body_mark.h).
#pragma once

#include <string>

#include "base/result.h"
#include "store/store.h"

namespace slipway::objects {

// Draws one where there is none.
Result<std::string> database_name(store::Store& store);

// Makes of a new store one that may be copied: each copy draws its own when it is opened.
void take_database_name(store::Transaction& tx);

}  // namespace slipway::objects

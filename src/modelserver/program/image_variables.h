// The variables that AWS's images and their model servers read, and this one does not.
#pragma once

#include "base/result.h"

namespace slipway::modelserver {

// Looks through this process's environment, once, before a model is loaded. What only tunes AWS's
// own servers is named in one line of the log. docs/variables.md has all variables, with those that
// are honoured elsewhere.
//
// invalid_argument: one would change what is answered, and that is not done here; or one that is
// honoured holds no such value. The message names it.
Result<> check_image_variables();

}  // namespace slipway::modelserver

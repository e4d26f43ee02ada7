// The binary form in which XGBoost saved models until 2.0, and AWS's images up to 1.7 what they
// trained. The library reads it up to 3.0 only; from its JSON every version reads.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::modelserver {

bool begins_as_binary(std::string_view bytes);

// The same model as the JSON that XGBoost 1.7 would have saved, with all that a prediction hangs
// on; what was for going on with the training is left at its defaults. invalid_argument: the bytes
// are damaged, or a model of a kind that had no such form.
Result<std::string> json_of_binary(std::string_view bytes);

}  // namespace slipway::modelserver

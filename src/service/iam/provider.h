// How identity providers are named, for their operations and for who may do these.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::iam {

// What stands behind "https://" in a provider's URL, to the letter: what its ARN ends with.
// InvalidInput or ValidationError where the URL can be no provider's.
Result<std::string> provider_name(std::string_view url);

}  // namespace slipway::iam

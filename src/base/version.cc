#include "base/version.h"

namespace slipway {

std::string_view version() { return SLIPWAY_VERSION; }

}  // namespace slipway

// This tool finds out what a Python model needs installed beside it, and installs that, for whoever
// keeps the packages of many instances in one place (README.md, "Environments").
#pragma once

#include "modelserver/options.h"

namespace slipway::modelserver {

// As `options.plan_file` and `options.install_folder` say; one of them is not empty. Becomes
// slipway_packages.py, whose exit status it then has: 0; or 1 with a line on standard error, the
// last one, that says why nothing was installed. A model that cannot be served needs nothing: its
// instance will say why.
int prepare_environment(const Options& options);

}  // namespace slipway::modelserver

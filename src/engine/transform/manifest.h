// A list of objects by name, as a file: one of the two ways to say what a transform job's input is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/objects/types.h"

namespace slipway::transform {

// The objects that a manifest names as the input of a job.
struct Manifest {
  objects::ObjectName folder;      // what every name is put behind
  std::vector<std::string> names;  // in the file's order
};

// [{"prefix": "s3://bucket/folder/"}, "a.csv", "b/c.csv"]. invalid_argument: it is not that.
Result<Manifest> read_manifest(std::string_view text);

}  // namespace slipway::transform

// A schema from a model in JSON, at run time: for tests, which bring shapes of their own.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Owns a schema and all that it points to.
class LoadedSchema {
 public:
  virtual ~LoadedSchema() = default;
  virtual const Schema& schema() const = 0;
};

// The parts of a botocore model, as JSON documents (read_json_document). The same traits as in
// tools/generate_wire.py; every operation counts as built, and every shape is kept.
struct ModelParts {
  Node metadata;
  Node shapes;
  std::span<const Node> operations;  // each with its "name"
};

// invalid_argument: a trait that is not known, a shape that is not there. Copies what it keeps.
Result<std::unique_ptr<LoadedSchema>> load_schema(const ModelParts& parts);

// A whole service-2.json.
Result<std::unique_ptr<LoadedSchema>> load_schema(std::string_view model_json);

}  // namespace slipway::wire

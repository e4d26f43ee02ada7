// Whether an ONNX model works on each of its records alone, so that requests of strangers may be
// laid one after the other and run as one: read from the graph, operator by operator.
//
// Along which axis the records of a value lie is carried from the inputs (their first axis) to the
// outputs. An operator is let through only where it is known to keep them apart there; whatever is
// not known is not let through. Operators: github.com/onnx/onnx, docs/Operators.md and
// Operators-ml.md.
#pragma once

#include <optional>
#include <string>

#include "modelserver/row_wise/onnx_graph.h"

namespace slipway::modelserver {

// Nullopt where every output has one record for each record of the inputs, along its first axis,
// and none depends on another. Else a sentence that names the operator that may mix them.
std::optional<std::string> reason_against_joining(const OnnxGraph& graph);

}  // namespace slipway::modelserver

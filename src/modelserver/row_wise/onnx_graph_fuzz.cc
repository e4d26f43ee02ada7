// Any bytes as an ONNX model: they are read or refused, and what was read is judged, the same each
// time. Where requests may be joined, each input is a tensor, and no operator has graphs.
#include <cstdint>
#include <string_view>

#include "modelserver/row_wise/onnx_graph.h"
#include "modelserver/row_wise/row_wise.h"

namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::modelserver;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto graph = read_onnx_graph(bytes);
  if (!graph) return 0;
  for (const auto& [name, constant] : graph->constants)
    check(!constant.values || constant.values->size() <= OnnxConstant::values_max);
  const auto reason = reason_against_joining(*graph);
  check(reason == reason_against_joining(*read_onnx_graph(bytes)));
  if (reason) return 0;
  for (const std::string& input : graph->inputs) check(graph->shapes.contains(input));
  for (const OnnxNode& node : graph->nodes) check(!node.has_graphs);
  return 0;
}

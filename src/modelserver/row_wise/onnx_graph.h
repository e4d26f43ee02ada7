// An ONNX file says this of its graph, as far as questions about its operators need it: weights are
// passed over, small constants are read. Field numbers: github.com/onnx/onnx, onnx/onnx.proto.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::modelserver {

// A constant. Of small ones of numbers the values are read, as integers and as numbers.
struct OnnxConstant {
  static constexpr std::size_t values_max = 1'024;

  std::vector<std::int64_t> dims;
  std::optional<std::vector<double>> values;  // absent: many, no numbers, or in another file

  // All of them, where they are whole numbers.
  std::optional<std::vector<std::int64_t>> integers() const;
};

// A setting of a node, in whichever of its forms the file has it.
struct OnnxAttribute {
  std::optional<std::int64_t> integer;
  std::optional<double> number;
  std::vector<std::int64_t> integers;
  std::string text;
  std::optional<OnnxConstant> constant;
};

// One operator of the graph, with the names of the values that it takes and gives.
struct OnnxNode {
  std::string name;
  std::string domain;  // empty: ONNX's own
  std::string op;
  std::vector<std::string> inputs;  // an empty name: left out
  std::vector<std::string> outputs;
  std::map<std::string, OnnxAttribute, std::less<>> attributes;
  bool has_graphs = false;  // If, Loop, Scan and the like

  // The attribute's value, or what stands for it where it is left out.
  std::int64_t integer(std::string_view attribute, std::int64_t absent) const;
  const OnnxAttribute* find(std::string_view attribute) const;
};

// A size that the file leaves open is -1.
using OnnxShape = std::vector<std::int64_t>;

// A model file's graph, as far as it matters where records lie.
struct OnnxGraph {
  std::map<std::string, std::int64_t, std::less<>> operator_sets;  // domain to version
  std::vector<OnnxNode> nodes;                                     // each after what it needs
  std::map<std::string, OnnxConstant, std::less<>> constants;
  std::map<std::string, OnnxShape, std::less<>> shapes;  // of the values that have one declared
  std::vector<std::string> inputs;                       // constants with such a name left out
  std::vector<std::string> outputs;
};

// invalid_argument: these bytes are no ONNX model.
Result<OnnxGraph> read_onnx_graph(std::string_view model);

// The same of a file, which is mapped, not read. not_found, unavailable: it cannot be opened.
Result<OnnxGraph> read_onnx_graph_of(const std::string& path);

}  // namespace slipway::modelserver

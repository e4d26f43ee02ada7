// A model's own file says what it wants for one record: so that the first question that a person is
// shown fits the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::cli {

// One record: {30} is a row of thirty numbers, {3, 224, 224} a picture; or a text, or values of
// whatever types that the model looks for by the names of their columns.
struct RecordShape {
  enum class Of { numbers, text, columns };

  Of of = Of::numbers;
  std::vector<std::uint64_t> axes;  // of numbers; not empty
  std::vector<std::string> names;   // of columns; empty where they could not be read

  bool is_row() const { return of == Of::numbers && axes.size() == 1; }
};

// ONNX is a protobuf message, which has no magic number: its top-level fields must be those of
// onnx.ModelProto, with a graph among them. Wants the whole file.
bool is_onnx(std::string_view content);

// Each takes a file's content, the whole of it or its begin, and gives nothing where that does not
// say: several inputs, text, an axis of any length, a compressed file.
std::optional<RecordShape> onnx_record(std::string_view content);
std::optional<RecordShape> xgboost_record(std::string_view content);  // JSON, UBJSON
std::optional<RecordShape> sklearn_record(std::string_view content);  // a pickle, not executed

}  // namespace slipway::cli

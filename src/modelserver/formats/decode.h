// Request bodies to tensors: one function for each content type.
//
// Every function fills `out.inputs` in the order of the signature's inputs, in their types and
// fitting shapes. An invalid_argument names what the model takes and what came; limit_exceeded
// names the limit. Nothing here keeps a view of the body.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "modelserver/formats/signature.h"

namespace slipway::modelserver {

// Elements that one request may come to, in all its inputs together.
inline constexpr std::size_t request_elements_max = std::size_t{64} << 20;
// Strings that one request may come to.
inline constexpr std::size_t request_strings_max = std::size_t{4} << 20;
// Brackets within brackets.
inline constexpr int json_depth_max = 32;

// How a JSON answer is laid out: {"predictions": [...]} by record, or {"outputs": {name: ...}}.
enum class AnswerStyle : std::uint8_t { predictions, outputs };

// A request body as tensors, one for each input of the model.
struct DecodedRequest {
  std::vector<Tensor> inputs;
  std::vector<Override> overrides;
  AnswerStyle style = AnswerStyle::predictions;

  // Makes as many empty inputs as the signature has, reusing buffers.
  void reset(const ModelSignature& signature);
};

// The media types that decode() tells apart.
enum class ContentType : std::uint8_t { csv, json, json_lines, npy, libsvm, recordio, unknown };

// Reads "text/csv; charset=utf-8" and the like; parameters are ignored. Empty: unknown.
ContentType content_type_of(std::string_view header);

// Says what parts the fields of CSV. `sniffed`: a comma, or where the first line has none,
// whichever of ; tab | and blank it has most of, as AWS's XGBoost image takes it.
enum class Delimiters : std::uint8_t { comma, sniffed };

// From where the indices of text/libsvm count. `sniffed`: from 1 where no record of the body has an
// index 0, as AWS's XGBoost images from 3.0 on take it; from 0 before.
enum class LibsvmIndices : std::uint8_t { from_zero, sniffed };

// How formats are read where AWS's images differ from each other.
struct Dialect {
  Delimiters delimiters = Delimiters::comma;
  LibsvmIndices indices = LibsvmIndices::from_zero;
};

// A record per line, columns dealt to the inputs in their order; no header line; empty lines are
// skipped; a field may be quoted; an empty field is NaN for floating inputs.
Result<> decode_csv(const ModelSignature& signature, Delimiters delimiters, std::string_view body,
                    DecodedRequest& out);

// An array (of records, or one record); {"instances": [...]}, where an instance is an array, a
// scalar, or {input: value}; {"inputs": {name: value}} or {"inputs": value}; {name: value}. NaN,
// Infinity and -Infinity are read as numbers, null as NaN for floating inputs. Columns may be lists
// ({"age": [30, 41]} for [N, 1]), and a bare record may hold bare values ({"age": 30}).
Result<> decode_json(const ModelSignature& signature, std::string_view body, DecodedRequest& out);

// A JSON value per line: an instance, as above.
Result<> decode_json_lines(const ModelSignature& signature, std::string_view body,
                           DecodedRequest& out);

// One array in numpy's format 1.0 to 3.0, C or Fortran order, any boolean, integer or floating
// type, either byte order. For models of one input.
Result<> decode_npy(const ModelSignature& signature, std::string_view body, DecodedRequest& out);

// A record per line: an optional label, then index:value; what is absent is NaN. For models of one
// float32 input of [N, columns].
Result<> decode_libsvm(const ModelSignature& signature, LibsvmIndices indices,
                       std::string_view body, DecodedRequest& out);

// SageMaker's records (recordio.h), dense or sparse; of a sparse one, what is absent is NaN. For
// models of one float32 input of [N, columns].
Result<> decode_recordio(const ModelSignature& signature, std::string_view body,
                         DecodedRequest& out);

Result<> decode(const ModelSignature& signature, ContentType type, const Dialect& dialect,
                std::string_view body, DecodedRequest& out);

// Says whether fit_shape() may read a flat record as a shaped one.
enum class Records : std::uint8_t { as_they_are, flattened };

// Makes `tensor.shape` fit what `info` says: the same rank and sizes; or one record without the
// leading 1; or a list of values for records of one value; or the one value of a scalar, however
// often; or, for flattened records, [N, product of the record's sizes].
Result<> fit_shape(const TensorInfo& info, Records records, Tensor& tensor);

// "the input 'x' wants float32 [N, 3], and float32 [1, 4] came"; with the whole signature behind.
Error misfit(const ModelSignature& signature, std::string what);

}  // namespace slipway::modelserver

// Outputs to answer bodies: one function for each Accept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "modelserver/formats/decode.h"
#include "modelserver/formats/signature.h"

namespace slipway::modelserver {

// A flavor says what answers look like where AWS's own images differ from each other.
//
//            no Accept   JSON                                  CSV
//   plain    JSON        {"predictions": [1.5, ...]}           a line per record
//   xgboost  CSV         {"predictions": [{"score": 1.5}, …]}  all records on one line; a record of
//                                                              several values in brackets
//   xgboost_lines        the same, of versions from 1.2-2 on   a line per record
//   xgboost_batch        the same, but in a transform job      a line per record, brackets as above
enum class Flavor : std::uint8_t { plain, xgboost, xgboost_lines, xgboost_batch };

// The types that an answer is written in.
enum class AcceptType : std::uint8_t { json, csv, json_lines, npy, recordio };

// Says what is answered: a model's outputs, or what SAGEMAKER_INFERENCE_OUTPUT selects of them
// (selected_output.h), which are no array.
enum class AnswerKind : std::uint8_t { outputs, selected };

// Whether answers of that kind can have the type.
constexpr bool is_written(AnswerKind kind, AcceptType type) {
  return type != (kind == AnswerKind::outputs ? AcceptType::recordio : AcceptType::npy);
}
// Those that can, for messages.
std::string_view written_types(AnswerKind kind);

std::string_view media_type_of(AcceptType type);

// Chooses the type that an Accept header weighs most (RFC 9110, 12.5.1: the closest range counts
// for a type, q from 0 to 1); of equal ones the first, and where a wildcard leaves it open, as an
// empty header does, `own`. Nothing: none of them can be written (406).
std::optional<AcceptType> choose_accept(std::string_view header, AcceptType own,
                                        AnswerKind kind = AnswerKind::outputs);

// Returns what a flavor answers where nobody says.
constexpr AcceptType own_accept(Flavor flavor) {
  return flavor == Flavor::plain ? AcceptType::json : AcceptType::csv;
}

// The type that a media type without parameters names, where it is written.
std::optional<AcceptType> accept_type_of(std::string_view media, AnswerKind kind);

// The part of a joined run's outputs that belongs to one request: records [first, first + count) of
// every output. `whole`: the run was for this request alone, whatever the outputs' sizes.
struct RecordRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool whole = true;
};

// Appends the answer to `out`. invalid_argument where the outputs do not go into that type (several
// arrays into .npy, arrays of different record counts into CSV): 406.
//
// NaN and infinities are carried: in JSON as NaN, Infinity and -Infinity, as Python writes and
// reads them.
Result<> encode(const ModelSignature& signature, std::span<const Tensor> outputs, RecordRange range,
                AcceptType type, AnswerStyle style, Flavor flavor, std::string& out);

}  // namespace slipway::modelserver

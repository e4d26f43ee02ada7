#include "modelserver/formats/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "net/http.h"

namespace slipway::modelserver {
namespace {

struct Name {
  std::string_view text;
  ContentType type;
};

constexpr std::array<Name, 11> content_type_names = {{
    {"text/csv", ContentType::csv},
    {"application/json", ContentType::json},
    {"application/jsonlines", ContentType::json_lines},
    {"application/x-jsonlines", ContentType::json_lines},
    {"application/x-ndjson", ContentType::json_lines},
    {"application/x-npy", ContentType::npy},
    {"application/npy", ContentType::npy},
    {"text/libsvm", ContentType::libsvm},
    {"text/x-libsvm", ContentType::libsvm},
    {"text/json", ContentType::json},
    {"application/x-recordio-protobuf", ContentType::recordio},
}};

bool fits(const TensorShape& wanted, const TensorShape& given, std::size_t skipped) {
  if (wanted.size() != given.size() + skipped) return false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto want = wanted[i + skipped];
    if (want != any_size && want != given[i]) return false;
  }
  return true;
}

// A flat table [n, width] as [n, record's sizes].
bool fit_flat(const TensorInfo& info, Tensor& tensor) {
  if (tensor.shape.size() != 2) return false;
  const auto records = tensor.shape[0];
  const auto width = tensor.shape[1];
  if (info.shape.size() == 1) {  // a column, or one record that is the whole vector
    if (width != 1 && records != 1) return false;
    tensor.shape = {records * width};
    return info.shape[0] == any_size || info.shape[0] == tensor.shape[0];
  }
  if (info.shape.empty() || info.record_size() != width) return false;
  if (!info.open_first() && info.shape[0] != records) return false;
  tensor.shape = info.shape;
  tensor.shape[0] = records;
  return true;
}

bool all_alike(const Tensor& tensor) {
  if (tensor.type == ElementType::string)
    return std::ranges::all_of(tensor.strings,
                               [&](const std::string& each) { return each == tensor.strings[0]; });
  const std::size_t width = size_of(tensor.type);
  for (std::size_t at = width; at < tensor.bytes.size(); at += width)
    if (std::memcmp(tensor.bytes.data(), tensor.bytes.data() + at, width) != 0) return false;
  return true;
}

// A scalar has one value for the whole request: records may repeat it, and not differ in it.
Result<> fit_scalar(const TensorInfo& info, Tensor& tensor) {
  if (tensor.size() == 0 || !all_alike(tensor))
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the input '{}' is a scalar, which takes one value for all records of a "
                    "request, and {} came; send such records one by one",
                    info.name, describe(tensor.type, tensor.shape)));
  tensor.shape.clear();
  tensor.strings.resize(std::min<std::size_t>(tensor.strings.size(), 1));
  tensor.bytes.resize(size_of(tensor.type));
  return {};
}

// One value for each record, given as a plain list or, for one record, as it is.
bool fit_column(const TensorInfo& info, Tensor& tensor) {
  if (info.shape.size() < 2 || info.record_size() != 1 || tensor.shape.size() > 1) return false;
  const std::int64_t records = tensor.shape.empty() ? 1 : tensor.shape[0];
  if (!info.open_first() && info.shape[0] != records) return false;
  tensor.shape = info.shape;
  tensor.shape[0] = records;
  return true;
}

}  // namespace

void DecodedRequest::reset(const ModelSignature& signature) {
  inputs.resize(signature.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].clear(signature.inputs[i].type);
  overrides.clear();
  style = AnswerStyle::predictions;
}

ContentType content_type_of(std::string_view header) {
  const auto media = trimmed(header.substr(0, header.find(';')));
  const auto found = std::ranges::find_if(
      content_type_names, [&](const Name& name) { return net::same_name(name.text, media); });
  return found == content_type_names.end() ? ContentType::unknown : found->type;
}

Error misfit(const ModelSignature& signature, std::string what) {
  return {ErrorCode::invalid_argument,
          fmt::format("The request does not fit the model: {}. {}", what, describe(signature))};
}

Result<> fit_shape(const TensorInfo& info, Records records, Tensor& tensor) {
  const TensorShape given = tensor.shape;
  if (fits(info.shape, given, 0)) return {};
  if (info.any_rank) return {};
  if (info.shape.empty()) return fit_scalar(info, tensor);
  if (fits(info.shape, given, 1) && (info.open_first() || info.shape[0] == 1)) {
    tensor.shape.insert(tensor.shape.begin(), 1);
    return {};
  }
  if (fit_column(info, tensor)) return {};
  if (records == Records::flattened && fit_flat(info, tensor)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("the input '{}' wants {}, and {} came", info.name,
                          describe(info.type, info.shape), describe(tensor.type, given)));
}

Result<> decode(const ModelSignature& signature, ContentType type, const Dialect& dialect,
                std::string_view body, DecodedRequest& out) {
  out.reset(signature);
  switch (type) {
    case ContentType::csv: return decode_csv(signature, dialect.delimiters, body, out);
    case ContentType::json: return decode_json(signature, body, out);
    case ContentType::json_lines: return decode_json_lines(signature, body, out);
    case ContentType::npy: return decode_npy(signature, body, out);
    case ContentType::libsvm: return decode_libsvm(signature, dialect.indices, body, out);
    case ContentType::recordio: return decode_recordio(signature, body, out);
    case ContentType::unknown: break;
  }
  return fail(ErrorCode::invalid_argument, "The content type is not known.");
}

}  // namespace slipway::modelserver

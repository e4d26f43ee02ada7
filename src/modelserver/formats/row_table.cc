#include "modelserver/formats/row_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace slipway::modelserver {

Result<RowTable> RowTable::of(const ModelSignature& signature, std::string_view media,
                              DecodedRequest& out) {
  const auto& infos = signature.inputs;
  const bool fits = infos.size() == 1 && infos[0].type == ElementType::float32 &&
                    infos[0].shape.size() == 2 && infos[0].record_size() > 0;
  if (fits)
    return RowTable(signature, out.inputs[0], static_cast<std::size_t>(infos[0].record_size()));
  return std::unexpected(misfit(
      signature, fmt::format("{} is for models of one float32 input of [N, columns]", media)));
}

Result<float*> RowTable::add() {
  if ((records_ + 1) * width_ > request_elements_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("The request comes to more than {} values.", request_elements_max));
  tensor_.bytes.resize((records_ + 1) * width_ * sizeof(float));
  float* const row = tensor_.data<float>() + records_++ * width_;
  std::fill_n(row, width_, std::numeric_limits<float>::quiet_NaN());
  return row;
}

Result<> RowTable::finish() {
  if (records_ == 0) return std::unexpected(misfit(signature_, "the body has no record"));
  tensor_.shape = {static_cast<std::int64_t>(records_), static_cast<std::int64_t>(width_)};
  if (auto fitted = fit_shape(signature_.inputs[0], Records::as_they_are, tensor_); !fitted)
    return std::unexpected(misfit(signature_, fitted.error().message));
  return {};
}

}  // namespace slipway::modelserver

// The one float32 input of [N, columns] that formats fill whose records say which columns they
// have.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "modelserver/formats/decode.h"

namespace slipway::modelserver {

// Writes into the request that it was made for, and outlives neither that nor the signature.
class RowTable {
 public:
  // `media`: the format, for the refusal of a model that takes something else. Borrows both.
  static Result<RowTable> of(const ModelSignature& signature, std::string_view media,
                             DecodedRequest& out);

  std::size_t width() const { return width_; }
  std::size_t records() const { return records_; }

  // A further record, of which every column is missing (NaN); good until the next call.
  Result<float*> add();

  // Says the table's shape. invalid_argument: there is no record, or not as many as the model
  // wants.
  Result<> finish();

 private:
  RowTable(const ModelSignature& signature, Tensor& tensor, std::size_t width)
      : signature_(signature), tensor_(tensor), width_(width) {}

  const ModelSignature& signature_;
  Tensor& tensor_;
  std::size_t width_;
  std::size_t records_ = 0;
};

}  // namespace slipway::modelserver

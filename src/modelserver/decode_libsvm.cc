// text/libsvm to a tensor.
#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "modelserver/decode.h"
#include "modelserver/numbers.h"

namespace slipway::modelserver {
namespace {

constexpr std::size_t quoted_item_bytes_max = 40;

std::string_view take_item(std::string_view& line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == line.npos) {
    line = {};
    return {};
  }
  line.remove_prefix(begin);
  const auto item = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(item.size());
  return item;
}

// Writes one index:value into `row`. A false return is a broken item or an index past the end.
bool place_item(std::string_view item, float* row, std::size_t width) {
  const auto colon = item.find(':');
  std::size_t index = 0;
  const char* const middle = item.data() + colon;
  const auto [end, error] = std::from_chars(item.data(), middle, index);
  if (error != std::errc() || end != middle || index >= width) return false;
  const char* const last = item.data() + item.size();
  return middle + 1 != last && read_float(middle + 1, last, row[index]) == last;
}

Result<> read_line(const Signature& signature, std::string_view line, std::size_t number,
                   float* row, std::size_t width) {
  bool first = true;
  for (auto item = take_item(line); !item.empty(); item = take_item(line), first = false) {
    if (item.starts_with('#')) return {};
    const bool label = item.find(':') == item.npos || item.starts_with("qid:");
    if (label && (first || item.starts_with("qid:"))) continue;
    if (label || !place_item(item, row, width)) {
      return std::unexpected(misfit(
          signature, fmt::format("line {}: '{}' is no index:value with an index from 0 to {}",
                                 number, item.substr(0, quoted_item_bytes_max), width - 1)));
    }
  }
  return {};
}

}  // namespace

Result<> decode_libsvm(const Signature& signature, std::string_view body, DecodedRequest& out) {
  const auto& infos = signature.inputs;
  const bool table = infos.size() == 1 && infos[0].type == ElementType::float32 &&
                     infos[0].shape.size() == 2 && infos[0].record_size() > 0;
  if (!table) {
    return std::unexpected(
        misfit(signature, "text/libsvm is for models of one float32 input of [N, columns]"));
  }
  const auto width = static_cast<std::size_t>(infos[0].record_size());
  Tensor& tensor = out.inputs[0];
  std::size_t records = 0;
  for (std::size_t number = 1; !body.empty(); ++number) {
    auto line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if ((records + 1) * width > request_elements_max) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("The request comes to more than {} values.", request_elements_max));
    }
    const float missing = std::numeric_limits<float>::quiet_NaN();
    tensor.bytes.resize((records + 1) * width * sizeof(float));
    float* const row = tensor.data<float>() + records * width;
    std::fill_n(row, width, missing);
    TRY_DO(read_line(signature, line, number, row, width));
    ++records;
  }
  if (records == 0) return std::unexpected(misfit(signature, "the body has no record"));
  tensor.shape = {static_cast<std::int64_t>(records), static_cast<std::int64_t>(width)};
  if (auto fitted = fit_shape(infos[0], Records::as_they_are, tensor); !fitted)
    return std::unexpected(misfit(signature, fitted.error().message));
  return {};
}

}  // namespace slipway::modelserver

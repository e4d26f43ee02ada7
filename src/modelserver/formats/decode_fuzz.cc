// Any body of any content type to tensors: what is accepted fits the model, in type, rank and size,
// and is the same where buffers are used again. The first byte chooses the type and the model.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "modelserver/formats/decode.h"
#include "modelserver/formats/json_cursor.h"

namespace slipway::modelserver {
namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

constexpr std::size_t types = 6;

const ModelSignature signatures[] = {
    {{{"x", ElementType::float32, {any_size, 3}}}, {}},
    {{{"x", ElementType::float32, {any_size, any_size}}}, {}},
    {{{"x", ElementType::int64, {2, any_size}}}, {}},
    {{{"x", ElementType::string, {any_size}}}, {}},
    {{{"x", ElementType::float16, {any_size, 2, 2}}}, {}},
    {{{"x", ElementType::uint8, {}}}, {}},
    {{{"age", ElementType::int32, {any_size, 1}},
      {"name", ElementType::string, {any_size, 1}},
      {"pair", ElementType::float64, {any_size, 2}}},
     {}},
    {{{"flag", ElementType::boolean, {any_size}}, {"u", ElementType::uint64, {any_size, 1}}}, {}},
};

void check_fits(const TensorInfo& info, const Tensor& tensor) {
  check(tensor.type == info.type);
  check(element_count(tensor.shape) == static_cast<std::int64_t>(tensor.size()));
  check(tensor.bytes.size() == tensor.size() * size_of(tensor.type) || !tensor.strings.empty());
  if (info.shape.empty()) return;
  check(tensor.shape.size() == info.shape.size());
  for (std::size_t i = 0; i < info.shape.size(); ++i)
    check(tensor.shape[i] >= 0 && (info.shape[i] == any_size || info.shape[i] == tensor.shape[i]));
}

bool same(const Tensor& a, const Tensor& b) {
  return a.type == b.type && a.shape == b.shape && a.bytes == b.bytes && a.strings == b.strings;
}

void try_body(const ModelSignature& signature, ContentType type, std::string_view body) {
  static DecodedRequest used;  // holds what former bodies left
  DecodedRequest fresh;
  const Dialect dialect =
      body.size() % 2 == 0 ? Dialect{} : Dialect{Delimiters::sniffed, LibsvmIndices::sniffed};
  const auto decoded = decode(signature, type, dialect, body, fresh);
  const auto again = decode(signature, type, dialect, body, used);
  check(decoded.has_value() == again.has_value());
  if (!decoded) return check(decoded.error().message == again.error().message);
  check(fresh.inputs.size() == signature.inputs.size());
  for (std::size_t i = 0; i < fresh.inputs.size(); ++i) {
    check_fits(signature.inputs[i], fresh.inputs[i]);
    check(same(fresh.inputs[i], used.inputs[i]));
  }
}

// A string is the same once it was written and read again; what is no UTF-8 is so from then on.
void try_string(std::string_view body) {
  const auto text = JsonCursor(body).read_string();
  if (!text) return;
  const auto anew = [](std::string_view given) {
    std::string written;
    append_json_string(written, given);
    return JsonCursor(written).read_string().value();
  };
  const std::string once = anew(*text);
  check(anew(once) == once);
}

}  // namespace
}  // namespace slipway::modelserver

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::modelserver;
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ModelSignature& signature = signatures[data[0] / types % std::size(signatures)];
  try_body(signature, static_cast<ContentType>(data[0] % types), body);
  try_string(body);
  return 0;
}

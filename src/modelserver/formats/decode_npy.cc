// application/x-npy to a tensor.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include "modelserver/formats/decode.h"

namespace slipway::modelserver {
namespace {

constexpr std::string_view npy_magic = "\x93NUMPY";
constexpr std::size_t npy_rank_max = 32;
constexpr std::int64_t npy_elements_max = std::int64_t{1} << 40;

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("The body is no .npy array: {}.", what));
}

struct NpyHead {
  char order = '<';
  char kind = 'f';
  std::size_t width = 4;
  bool fortran = false;
  TensorShape shape;
};

// The value behind 'key': in the header's Python dictionary, up to the end of the header.
std::string_view value_of(std::string_view header, std::string_view key) {
  const auto at = header.find(fmt::format("'{}':", key));
  if (at == header.npos) return {};
  const auto value = header.substr(at + key.size() + 3);
  return value.substr(std::min(value.find_first_not_of(' '), value.size()));
}

Result<> read_type(std::string_view header, NpyHead& head) {
  auto text = value_of(header, "descr");
  if (!text.starts_with('\'')) return broken("structured types are not read");
  text.remove_prefix(1);
  text = text.substr(0, text.find('\''));
  if (text.size() < 3) return broken("the header has no 'descr' that is known");
  head.order = text[0];
  head.kind = text[1];
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), head.width);
  if (error != std::errc() || end != text.data() + text.size())
    return broken("the header has no 'descr' that is known");
  return {};
}

Result<> read_shape(std::string_view header, NpyHead& head) {
  auto text = value_of(header, "shape");
  if (!text.starts_with('(')) return broken("the header has no 'shape'");
  text.remove_prefix(1);
  std::int64_t count = 1;
  for (text = text.substr(0, text.find(')')); !text.empty();) {
    const auto item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const auto first = item.find_first_not_of(' ');
    if (first == item.npos) continue;
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(item.data() + first, item.data() + item.size(), size);
    if (error != std::errc() || size < 0) return broken("its 'shape' is not one");
    head.shape.push_back(size);
    if (head.shape.size() > npy_rank_max || (size > 0 && count > npy_elements_max / size))
      return broken("its 'shape' is too large");
    count *= size;
  }
  return {};
}

// Reads the header and takes it off `body`.
Result<NpyHead> read_head(std::string_view& body) {
  if (!body.starts_with(npy_magic) || body.size() < 10) return broken("it does not begin as one");
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(body[i]));
  };
  const auto major = byte(6);
  if (major < 1 || major > 3) return broken(fmt::format("version {} is not known", major));
  std::size_t length = byte(8) | byte(9) << 8;
  std::size_t start = 10;
  if (major > 1) {
    if (body.size() < 12) return broken("it ends in its header");
    length |= byte(10) << 16 | byte(11) << 24;
    start = 12;
  }
  if (length > body.size() - start) return broken("it ends in its header");
  const auto header = body.substr(start, length);
  body.remove_prefix(start + length);
  NpyHead head;
  TRY_DO(read_type(header, head));
  TRY_DO(read_shape(header, head));
  head.fortran = value_of(header, "fortran_order").starts_with("True");
  return head;
}

template <typename T>
bool push_from(const char* at, Tensor& out) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::is_floating_point_v<T>)
    return out.push_number(static_cast<double>(value));
  else if constexpr (std::is_signed_v<T>)
    return out.push_integer(static_cast<std::int64_t>(value));
  else
    return out.push_integer(static_cast<std::uint64_t>(value));
}

bool push_half(const char* at, Tensor& out) {
  std::uint16_t half;
  std::memcpy(&half, at, sizeof half);
  return out.push_number(static_cast<double>(half_to_float(half)));
}

struct NpyType {
  char kind;
  std::size_t width;
  ElementType type;
  bool (*push)(const char* at, Tensor& out);
};

constexpr NpyType npy_types[] = {
    {'f', 4, ElementType::float32, push_from<float>},
    {'f', 8, ElementType::float64, push_from<double>},
    {'f', 2, ElementType::float16, push_half},
    {'i', 1, ElementType::int8, push_from<std::int8_t>},
    {'i', 2, ElementType::int16, push_from<std::int16_t>},
    {'i', 4, ElementType::int32, push_from<std::int32_t>},
    {'i', 8, ElementType::int64, push_from<std::int64_t>},
    {'u', 1, ElementType::uint8, push_from<std::uint8_t>},
    {'u', 2, ElementType::uint16, push_from<std::uint16_t>},
    {'u', 4, ElementType::uint32, push_from<std::uint32_t>},
    {'u', 8, ElementType::uint64, push_from<std::uint64_t>},
    {'b', 1, ElementType::boolean, push_from<std::uint8_t>},
};

// Visits the elements in row-major order: `visit(pointer)`; false from it ends the walk.
template <typename Visit>
bool walk(const NpyHead& head, const char* data, Visit&& visit) {
  const auto count = static_cast<std::size_t>(element_count(head.shape));
  if (!head.fortran || head.shape.size() < 2) {
    for (std::size_t i = 0; i < count; ++i)
      if (!visit(data + i * head.width)) return false;
    return true;
  }
  std::vector<std::size_t> strides(head.shape.size());
  std::size_t stride = head.width;
  for (std::size_t d = 0; d < strides.size(); ++d) {
    strides[d] = stride;
    stride *= static_cast<std::size_t>(head.shape[d]);
  }
  std::vector<std::int64_t> index(head.shape.size());
  std::size_t offset = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!visit(data + offset)) return false;
    for (std::size_t d = index.size(); d-- > 0;) {
      offset += strides[d];
      if (++index[d] < head.shape[d]) break;
      offset -= strides[d] * static_cast<std::size_t>(head.shape[d]);
      index[d] = 0;
    }
  }
  return true;
}

bool copy_elements(const NpyHead& head, const NpyType& type, std::string_view data, Tensor& out) {
  if (type.type == out.type && head.order != '>' && (!head.fortran || head.shape.size() < 2) &&
      type.type != ElementType::boolean) {
    const auto bytes = std::as_bytes(std::span(data));
    out.bytes.assign(bytes.begin(), bytes.end());
    return true;
  }
  return walk(head, data.data(), [&](const char* element) {
    char bytes[8] = {};
    std::memcpy(bytes, element, head.width);
    if (head.order == '>') std::reverse(bytes, bytes + head.width);
    // 64-bit integers are not all doubles: these keep their bits where the type stays.
    if (type.type == out.type && type.type != ElementType::boolean) {
      const auto at = out.bytes.size();
      out.bytes.resize(at + head.width);
      std::memcpy(out.bytes.data() + at, bytes, head.width);
      return true;
    }
    return type.push(bytes, out);
  });
}

}  // namespace

Result<> decode_npy(const ModelSignature& signature, std::string_view body, DecodedRequest& out) {
  if (signature.inputs.size() != 1) {
    return std::unexpected(misfit(
        signature, "an .npy body is one array, and the model takes several inputs; send JSON"));
  }
  TRY(const NpyHead head, read_head(body));
  const auto known = std::ranges::find_if(npy_types, [&](const NpyType& type) {
    return type.kind == head.kind && type.width == head.width;
  });
  if (known == std::end(npy_types)) {
    return std::unexpected(misfit(
        signature, fmt::format("arrays of numpy type '{}{}' are not read", head.kind, head.width)));
  }
  const auto count = element_count(head.shape);
  if (body.size() % head.width != 0 || std::cmp_not_equal(body.size() / head.width, count)) {
    return broken(fmt::format("its header speaks of {} elements of {} bytes, and {} bytes follow",
                              count, head.width, body.size()));
  }
  Tensor& tensor = out.inputs[0];
  if (!copy_elements(head, *known, body, tensor)) {
    return std::unexpected(
        misfit(signature, fmt::format("an array of {} came, with values that {} cannot hold",
                                      name_of(known->type), name_of(tensor.type))));
  }
  tensor.shape = head.shape;
  if (auto fitted = fit_shape(signature.inputs[0], Records::flattened, tensor); !fitted)
    return std::unexpected(misfit(signature, fitted.error().message));
  return {};
}

}  // namespace slipway::modelserver

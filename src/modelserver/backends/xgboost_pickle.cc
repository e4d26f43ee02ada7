#include "modelserver/backends/xgboost_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace slipway::modelserver {
namespace {

// The opcodes that are looked at, by Python's names for them.
constexpr char op_proto = '\x80';
constexpr char op_frame = '\x95';
constexpr char op_global = 'c';
constexpr char op_short_unicode = '\x8c';
constexpr char op_unicode = 'X';
constexpr char op_unicode8 = '\x8d';
constexpr char op_bytes = 'B';
constexpr char op_bytes8 = '\x8e';
constexpr char op_bytearray8 = '\x96';
constexpr char op_stack_global = '\x93';
constexpr char op_memoize = '\x94';
constexpr char op_put = 'q';
constexpr char op_long_put = 'r';
constexpr char op_float = 'G';
constexpr char op_int4 = 'J';
constexpr char op_int1 = 'K';
constexpr char op_int2 = 'M';
constexpr char op_none = 'N';

constexpr std::size_t quoted_name_bytes_max = 100;

bool begins_as_booster(std::string_view bytes) {
  return begins_as_object(bytes) || bytes.starts_with("CONFIG-offset:");
}

// Takes so many bytes off the front; nothing where there are fewer.
std::optional<std::string_view> take(std::string_view& rest, std::size_t count) {
  if (rest.size() < count) return std::nullopt;
  const auto taken = rest.substr(0, count);
  rest.remove_prefix(count);
  return taken;
}

template <typename T>
std::optional<T> take_little(std::string_view& rest) {
  const auto bytes = take(rest, sizeof(T));
  if (!bytes) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

void skip_memo(std::string_view& rest) {
  if (rest.starts_with(op_memoize)) {
    rest.remove_prefix(1);
  } else if (rest.starts_with(op_put)) {
    take(rest, 2);
  } else if (rest.starts_with(op_long_put)) {
    take(rest, 5);
  }
}

// A short text as protocol 4 writes it; empty where none is next.
std::string_view take_short_text(std::string_view& rest) {
  if (!rest.starts_with(op_short_unicode) || rest.size() < 2) return {};
  const std::size_t length = static_cast<unsigned char>(rest[1]);
  rest.remove_prefix(2);
  const auto text = take(rest, length).value_or("");
  skip_memo(rest);
  return text;
}

std::string_view take_to_line_end(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == rest.npos) return {};
  const auto text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

struct ClassName {
  std::string_view module;
  std::string_view name;
};

// The class of the pickled object, which its pickle names first. Empty where the object is none of
// a class of Python's own code: a list or a dict.
ClassName class_of_root(std::string_view pickle) {
  std::string_view rest = pickle;
  if (rest.starts_with(op_proto)) take(rest, 2);
  if (rest.starts_with(op_frame)) take(rest, 9);
  ClassName found;
  if (rest.starts_with(op_global)) {
    rest.remove_prefix(1);
    found.module = take_to_line_end(rest);
    found.name = take_to_line_end(rest);
    return found;
  }
  found.module = take_short_text(rest);
  found.name = take_short_text(rest);
  return rest.starts_with(op_stack_global) ? found : ClassName{};
}

// Text whose characters stand for bytes, as protocol 2 keeps them (Latin-1 in UTF-8).
std::optional<std::string> bytes_of_latin(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      out += text[i];
    } else if ((first == 0xC2 || first == 0xC3) && i + 1 < text.size()) {
      const auto second = static_cast<unsigned char>(text[++i]);
      out += static_cast<char>(((first & 0x03) << 6) | (second & 0x3F));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// A pickled Booster keeps what XGBoosterSerializeToBuffer gave it as one bytes object, or before
// protocol 3 as text: a length, then the content. The longest that begins as one is it.
std::optional<std::string> find_serialized(std::string_view pickle) {
  std::string_view best;
  bool best_is_text = false;
  for (std::size_t at = 0; at + 9 < pickle.size(); ++at) {
    const char opcode = pickle[at];
    const bool is_text = opcode == op_unicode || opcode == op_unicode8;
    const bool is_short = opcode == op_bytes || opcode == op_unicode;
    const bool is_long = opcode == op_bytes8 || opcode == op_bytearray8 || opcode == op_unicode8;
    if (!is_short && !is_long) continue;
    const std::size_t width = is_short ? 4 : 8;
    std::uint64_t length = 0;
    std::memcpy(&length, pickle.data() + at + 1, width);
    const auto start = at + 1 + width;
    if (length <= best.size() || start >= pickle.size() || length > pickle.size() - start) continue;
    const auto bytes = pickle.substr(start, length);
    if (!begins_as_booster(bytes)) continue;
    best = bytes;
    best_is_text = is_text;
  }
  if (best.empty()) return std::nullopt;
  return best_is_text ? bytes_of_latin(best) : std::optional(std::string(best));
}

// A number, or None, which wrappers took for NaN; nothing where the next value is something else.
std::optional<double> take_number(std::string_view rest) {
  const char opcode = rest.empty() ? '\0' : rest[0];
  take(rest, 1);
  switch (opcode) {
    case op_none: return std::numeric_limits<double>::quiet_NaN();
    case op_float:
      return take_little<std::uint64_t>(rest).transform(
          [](std::uint64_t bits) { return std::bit_cast<double>(std::byteswap(bits)); });
    case op_int4: return take_little<std::int32_t>(rest);
    case op_int2: return take_little<std::uint16_t>(rest);
    case op_int1: return take_little<std::uint8_t>(rest);
    default: return std::nullopt;
  }
}

// The member `missing` of a wrapper, which stands before its Booster: NaN where there is none.
Result<double> missing_of(std::string_view pickle) {
  using namespace std::string_view_literals;
  for (const auto key : {"\x8c\x07missing"sv, "X\x07\0\0\0missing"sv}) {
    const auto at = pickle.find(key);
    if (at == pickle.npos) continue;
    std::string_view rest = pickle.substr(at + key.size());
    skip_memo(rest);
    if (const auto number = take_number(rest)) return *number;
    return fail(
        ErrorCode::invalid_argument,
        "the value that it takes for a missing one (missing=...) is no plain number; save "
        "its Booster (get_booster().save_model), and send nothing where a value is missing");
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

bool begins_as_pickle(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == op_proto && bytes[1] >= 2 && bytes[1] <= 5;
}

bool begins_as_object(std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != '{') return false;
  return std::string_view("\" \n\r\tLliIU$#").contains(bytes[1]);
}

Result<PickledBooster> read_pickled_booster(std::string_view pickle) {
  const ClassName root = class_of_root(pickle);
  const bool is_wrapper = root.module == "xgboost.sklearn";
  const bool is_booster = root.module == "xgboost.core" && root.name == "Booster";
  if (!is_booster && !is_wrapper) {
    const std::string name =
        root.module.empty() ? "none of a class"
                            : fmt::format("a {}.{}", root.module.substr(0, quoted_name_bytes_max),
                                          root.name.substr(0, quoted_name_bytes_max));
    return fail(ErrorCode::invalid_argument,
                fmt::format("the object that was pickled is {}, and neither a Booster nor one of "
                            "XGBoost's own estimators: a Booster inside it would be asked without "
                            "what stands around it. Serve it with code/inference.py",
                            name));
  }
  PickledBooster found;
  found.interface = is_wrapper ? Interface::scikit_learn : Interface::booster;
  auto serialized = find_serialized(pickle);
  if (!serialized) return fail(ErrorCode::invalid_argument, "it is a pickle without a Booster");
  found.serialized = std::move(*serialized);
  if (is_wrapper) {
    TRY(found.missing, missing_of(pickle));
  }
  return found;
}

}  // namespace slipway::modelserver

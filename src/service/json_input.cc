#include "service/json_input.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/text.h"

namespace slipway::service {
namespace {

namespace json = boost::json;
using wire::Node;
using wire::Shape;
using wire::ShapeKind;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<std::int64_t> integer_of(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_string()) return number_in<std::int64_t>(view(value.get_string()));
  constexpr double exact_max = 9007199254740992;  // 2^53
  if (value.is_double() && std::trunc(value.get_double()) == value.get_double() &&
      std::abs(value.get_double()) <= exact_max)
    return static_cast<std::int64_t>(value.get_double());
  return std::nullopt;
}

std::optional<double> real_of(const json::value& value) {
  if (value.is_number()) return value.to_number<double>();
  if (value.is_string()) return number_in<double>(view(value.get_string()));
  return std::nullopt;
}

std::optional<bool> boolean_of(const json::value& value) {
  if (value.is_bool()) return value.get_bool();
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = view(value.get_string());
  if (equal_ignoring_case(text, "true")) return true;
  if (equal_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

std::optional<std::string> text_of(const json::value& value) {
  if (value.is_string()) return std::string(view(value.get_string()));
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_double()) return fmt::to_string(value.get_double());
  if (value.is_number()) return json::serialize(value);
  return std::nullopt;
}

std::optional<Timestamp> time_of(const json::value& value) {
  if (value.is_string()) {
    const auto time = parse_iso8601(view(value.get_string()));
    return time ? std::optional(*time) : std::nullopt;
  }
  const auto seconds = real_of(value);
  if (!seconds) return std::nullopt;
  return Timestamp(std::chrono::microseconds(std::llround(*seconds * 1e6)));
}

std::string_view expected(ShapeKind kind) {
  switch (kind) {
    case ShapeKind::structure: return "an Object";
    case ShapeKind::list: return "an Array";
    case ShapeKind::map: return "an Object";
    case ShapeKind::text: return "a String";
    case ShapeKind::blob: return "a String in base64";
    case ShapeKind::boolean: return "a Boolean";
    case ShapeKind::timestamp: return "a time in ISO 8601";
    default: return "a Number";
  }
}

class Builder {
 public:
  explicit Builder(wire::Arena& arena) : arena_(arena) {}

  Result<Node> build(const json::value& value, const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::structure: return structure(value, shape);
      case ShapeKind::list: return list(value, shape);
      case ShapeKind::map: return map(value, shape);
      case ShapeKind::document: return document(value);
      default: return scalar(value, shape);
    }
  }

 private:
  // Names what is built now in errors: "ProductionVariants.1.ModelName".
  class Step {
   public:
    Step(std::string& path, std::string_view name) : path_(path), before_(path.size()) {
      if (!path_.empty()) path_ += '.';
      path_ += name;
    }
    ~Step() { path_.resize(before_); }

   private:
    std::string& path_;
    std::size_t before_;
  };

  std::unexpected<Error> refuse(std::string_view why) const {
    return fail(ErrorCode::invalid_argument,
                path_.empty() ? std::string(why) : fmt::format("{}: {}", path_, why));
  }
  std::unexpected<Error> mismatch(const Shape& shape) const {
    return refuse(fmt::format("{} is expected", expected(shape.kind)));
  }

  Result<Node> structure(const json::value& value, const Shape& shape) {
    if (!value.is_object()) return mismatch(shape);
    Node out = wire::make_structure(shape.members.size(), arena_);
    for (const auto& [key, member] : value.get_object()) {
      const Step step(path_, {key.data(), key.size()});
      const int slot = wire::find_member(shape, {key.data(), key.size()});
      if (slot < 0) return refuse("there is no such member");
      const auto index = static_cast<std::size_t>(slot);
      if (member.is_null()) continue;
      TRY(out.items[index], build(member, *shape.members[index].shape));
    }
    return out;
  }

  Result<Node> list(const json::value& value, const Shape& shape) {
    if (!value.is_array()) return mismatch(shape);
    const json::array& items = value.get_array();
    Node out = wire::make_list(items.size(), arena_);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Step step(path_, fmt::to_string(i));
      TRY(out.items[i], build(items[i], *shape.members[0].shape));
    }
    return out;
  }

  Result<Node> map(const json::value& value, const Shape& shape) {
    if (!value.is_object()) return mismatch(shape);
    Node out{};
    out.kind = wire::Kind::map;
    for (const auto& [key, each] : value.get_object()) {
      const Step step(path_, {key.data(), key.size()});
      TRY(const Node built, build(each, *shape.members[1].shape));
      wire::append(out, arena_.copy({key.data(), key.size()}), arena_) = built;
    }
    return out;
  }

  // Any value: objects are maps.
  Result<Node> document(const json::value& value) {
    static constexpr Shape any{.name = "Document", .kind = ShapeKind::document};
    static constexpr wire::Member members[] = {{.name = "key", .shape = &any},
                                               {.name = "value", .shape = &any}};
    static constexpr Shape object{.kind = ShapeKind::map, .members = members};
    static constexpr Shape array{.kind = ShapeKind::list, .members = members};
    if (value.is_object()) return map(value, object);
    if (value.is_array()) return list(value, array);
    if (value.is_string()) return wire::make_text(arena_.copy(view(value.get_string())));
    if (value.is_bool()) return wire::make_boolean(value.get_bool());
    if (value.is_int64()) return wire::make_integer(value.get_int64());
    if (value.is_number()) return wire::make_real(value.to_number<double>());
    Node null{};
    null.kind = wire::Kind::null;
    return null;
  }

  Result<Node> scalar(const json::value& value, const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::text:
        if (const auto text = text_of(value)) return wire::make_text(arena_.copy(*text));
        break;
      case ShapeKind::blob:
        if (value.is_string())
          if (const auto bytes = from_base64(view(value.get_string())))
            return wire::make_blob(arena_.copy(*bytes));
        break;
      case ShapeKind::boolean:
        if (const auto boolean = boolean_of(value)) return wire::make_boolean(*boolean);
        break;
      case ShapeKind::integer:
      case ShapeKind::long_integer:
        if (const auto integer = integer_of(value)) return wire::make_integer(*integer);
        break;
      case ShapeKind::timestamp:
        if (const auto time = time_of(value)) return wire::make_time(*time);
        break;
      default:
        if (const auto real = real_of(value)) return wire::make_real(*real);
    }
    return mismatch(shape);
  }

  wire::Arena& arena_;
  std::string path_;
};

}  // namespace

Result<Node> input_from(const json::value& value, const Shape& shape, wire::Arena& arena) {
  return Builder(arena).build(value, shape);
}

}  // namespace slipway::service

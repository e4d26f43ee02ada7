#include "wire/validate.h"

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "wire/pattern.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr std::size_t violations_max = 100;
constexpr std::size_t quoted_bytes_max = 4096;

// Code points of UTF-8 text.
std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::string bound_text(double bound) {
  if (bound == std::trunc(bound) && std::abs(bound) < 9e18)
    return std::to_string(static_cast<std::int64_t>(bound));
  std::string out;
  format_real(bound, out);
  return out;
}

void append_value(const Node& node, std::string& out) {
  if (out.size() > quoted_bytes_max) return;
  if (node.kind == Kind::list) {
    out += '[';
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out += ", ";
      append_value(node.items[i], out);
    }
    out += ']';
  } else if (node.kind == Kind::map) {
    out += '{';
    for (std::uint32_t i = 0; i < node.n; ++i) {
      if (i != 0) out += ", ";
      (out += node.entries[i].key) += '=';
      append_value(node.entries[i].value, out);
    }
    out += '}';
  } else if (node.kind == Kind::null) {
    out += "null";
  } else if (node.kind == Kind::real) {
    // As Java writes a double: 2.0, not 2.
    const std::size_t start = out.size();
    format_real(node.real, out);
    if (out.find_first_not_of("-0123456789", start) == std::string::npos) out += ".0";
  } else {
    format_scalar(node, TimestampFormat::iso8601, out);
  }
}

std::string length_sentence(std::string_view what, double bound) {
  return "Member must have length " + std::string(what) + " than or equal to " + bound_text(bound);
}
std::string value_sentence(std::string_view what, double bound) {
  return "Member must have value " + std::string(what) + " than or equal to " + bound_text(bound);
}

std::string enum_sentence(const Shape& shape) {
  std::string out = "Member must satisfy enum value set: [";
  for (std::size_t i = 0; i < shape.enum_values.size(); ++i) {
    if (i != 0) out += ", ";
    out += shape.enum_values[i];
  }
  return out + "]";
}

std::string pattern_sentence(const Shape& shape) {
  return "Member must satisfy regular expression pattern: " + std::string(shape.pattern);
}

bool fits_pattern(const Node& node, const Shape& shape) {
  return shape.pattern.empty() || compiled_pattern(shape.pattern).matches(node.text());
}

enum class Broken : std::uint8_t { bound, pattern, enumeration };

// Calls `broken(which, sentence maker)` for each constraint of `shape` itself that `node` breaks.
template <typename F>
void each_broken(const Node& node, const Shape& shape, F broken) {
  double size = 0;
  bool counted = true;
  switch (node.kind) {
    case Kind::text: size = static_cast<double>(characters(node.text())); break;
    case Kind::blob:
    case Kind::list:
    case Kind::map: size = node.n; break;
    case Kind::integer:
      size = static_cast<double>(node.integer);
      counted = false;
      break;
    case Kind::real:
      size = node.real;
      counted = false;
      break;
    default: return;
  }
  const auto sentence = counted ? length_sentence : value_sentence;
  if (size > shape.max) broken(Broken::bound, [&] { return sentence("less", shape.max); });
  if (size < shape.min) broken(Broken::bound, [&] { return sentence("greater", shape.min); });
  if (node.kind != Kind::text) return;
  if (!fits_pattern(node, shape)) broken(Broken::pattern, [&] { return pattern_sentence(shape); });
  const bool closed = !shape.enum_values.empty() && !shape.is(ShapeFlag::open_enum);
  if (closed && std::ranges::find(shape.enum_values, node.text()) == shape.enum_values.end()) {
    broken(Broken::enumeration, [&] { return enum_sentence(shape); });
  }
}

bool breaks(const Node& node, const Shape& shape) {
  bool any = false;
  each_broken(node, shape, [&](Broken, auto&&) { any = true; });
  return any;
}

// "[Member must have length ..., Member must satisfy ...]": every constraint that the shape has, as
// AWS says it of items and keys.
std::string all_sentences(const Shape& shape, const Service& service) {
  const bool number = shape.kind == ShapeKind::integer || shape.kind == ShapeKind::long_integer ||
                      shape.kind == ShapeKind::float_number ||
                      shape.kind == ShapeKind::double_number;
  const auto sentence = number ? value_sentence : length_sentence;
  std::vector<std::string> parts;
  if (!std::isnan(shape.max)) parts.push_back(sentence("less", shape.max));
  if (!std::isnan(shape.min)) parts.push_back(sentence("greater", shape.min));
  if (!shape.pattern.empty()) parts.push_back(pattern_sentence(shape));
  if (!shape.enum_values.empty()) parts.push_back(enum_sentence(shape));
  if (service.iam_style) parts.emplace_back("Member must not be null");
  std::string out = "[";
  for (std::size_t i = 0; i < parts.size(); ++i) (out += i == 0 ? "" : ", ") += parts[i];
  return out + "]";
}

bool is_scalar(const Shape& shape) {
  return shape.kind != ShapeKind::structure && shape.kind != ShapeKind::list &&
         shape.kind != ShapeKind::map;
}

bool hides(const Shape& shape) {
  if (shape.is(ShapeFlag::sensitive)) return true;
  for (const Member& member : shape.members) {
    if (shape.kind != ShapeKind::structure && member.shape->is(ShapeFlag::sensitive)) return true;
  }
  return false;
}

// A place in the input, as a chain up to the root: nothing is written unless something is wrong.
struct Place {
  const Place* up = nullptr;
  std::string_view name;   // of the member or map key
  std::size_t number = 0;  // of the list item, from 1
  bool inside_item = false;

  void write(std::string& out) const {
    if (up != nullptr) up->write(out);
    if (name.empty() && number == 0) return;
    if (!out.empty()) out += '.';
    if (number != 0) {
      out += std::to_string(number) + ".member";
    } else if (inside_item) {
      (out += name) += ".member";
    } else {
      out += lower(name[0]);
      out += name.substr(1);
    }
  }
};

class Validator {
 public:
  explicit Validator(const Service& service) : service_(service) {}

  // The members that the operation asks for by MissingParameter, where it does.
  Result<void> presence(const Node& node, const Shape& shape) const {
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& member = shape.members[i];
      if (member.is(MemberFlag::required) && !node.items[i].present())
        return fail(ErrorCode::invalid_argument,
                    "The request must contain the parameter " + std::string(member.name) + ".",
                    "MissingParameter");
    }
    return {};
  }

  void structure(const Node& node, const Shape& shape, const Place& place) {
    std::size_t given = 0;
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& member = shape.members[i];
      const Place here{.up = &place, .name = member.name};
      const Node& slot = node.items[i];
      const std::size_t before = violations_.size();
      if (slot.present()) {
        ++given;
        member_value(slot, member, here);
      } else if (member.is(MemberFlag::required) && !travels_beside(member)) {
        violation(make_null(), *member.shape, here, "Member must not be null");
      }
      if (place.up == nullptr && violations_.size() > before) note(member, slot);
    }
    if (shape.is(ShapeFlag::is_union) && given != 1) {
      violation(Node{}, shape, place, "Member must have exactly one of its members set",
                Show::nothing);
    }
  }

  Result<void> result() {
    const std::string_view code = body_broken_ && !service_.body_validation_error.empty()
                                      ? service_.body_validation_error
                                      : service_.validation_error;
    if (!alphabet_.empty())
      return fail(ErrorCode::invalid_argument, std::move(alphabet_), std::string(code));
    if (violations_.empty()) return {};
    if (service_.s3_style) return in_s3s_words();
    std::string message = std::to_string(violations_.size()) + " validation error" +
                          (violations_.size() == 1 ? "" : "s") + " detected: ";
    for (std::size_t i = 0; i < violations_.size(); ++i)
      (message += i == 0 ? "" : "; ") += violations_[i];
    return fail(ErrorCode::invalid_argument, std::move(message), std::string(code));
  }

 private:
  enum class Show : std::uint8_t { value, nothing };

  // A member of the input itself under which something is wrong.
  void note(const Member& member, const Node& slot) {
    if (member.location == Location::body) {
      body_broken_ = true;
      list_broken_ = list_broken_ || member.name == "AccessControlPolicy";
      body_missing_ = body_missing_ || !slot.present();
    } else if (broken_argument_ == nullptr) {
      broken_argument_ = &member;
      if (slot.present()) append_value(slot, broken_value_);
    }
  }

  // S3 does not say what is wrong with a document, and names headers and parameters as they are on
  // the wire. Of a canned list it says nothing but which it is.
  Result<void> in_s3s_words() const {
    if (broken_argument_ == nullptr && body_missing_)
      return fail(ErrorCode::invalid_argument, "Request Body is empty", "MissingRequestBodyError");
    if (broken_argument_ == nullptr)
      return fail(ErrorCode::invalid_argument, std::string(s3_malformed_xml),
                  list_broken_ ? "MalformedACLError" : "MalformedXML");
    const std::string name(broken_argument_->wire_name);
    const bool canned = name == "x-amz-acl";
    auto error =
        fail(ErrorCode::invalid_argument,
             canned ? "" : "Invalid " + name + " header: " + broken_value_, "InvalidArgument");
    error.error().details = {{"ArgumentName", name}};
    if (canned) error.error().details.emplace_back("ArgumentValue", broken_value_);
    return error;
  }

  static Node make_null() {
    Node node{};
    node.kind = Kind::null;
    return node;
  }

  // Bodies that are not in the node cannot be missed in it.
  static bool travels_beside(const Member& member) {
    return member.is(MemberFlag::streaming) || member.shape->is(ShapeFlag::streaming_blob) ||
           member.shape->is(ShapeFlag::event_stream);
  }

  void violation(const Node& node, const Shape& shape, const Place& place, std::string sentence,
                 Show show = Show::value) {
    if (violations_.size() >= violations_max) return;
    std::string out = "Value ";
    if (node.kind == Kind::null) {
      if (!service_.iam_style) out += "null ";
    } else if (show == Show::value && !hides(shape)) {
      out += '\'';
      append_value(node, out);
      out += "' ";
    }
    violations_.push_back(out + "at '" + path_of(place) +
                          "' failed to satisfy constraint: " + std::move(sentence));
  }

  static std::string path_of(const Place& place) {
    std::string path;
    place.write(path);
    return path;
  }

  // What has a sentence of its own comes before every constraint; the first is told of.
  void member_value(const Node& node, const Member& member, const Place& place) {
    const bool own = !member.sentence.empty() && node.kind == Kind::text;
    if (!own || fits_pattern(node, *member.shape)) return value(node, *member.shape, place);
    if (!alphabet_.empty()) return;
    alphabet_ = "The specified value for " + path_of(place) + " is invalid. ";
    alphabet_ += member.sentence;
  }

  // IAM tells of one constraint of a value, and shows the value where an enum is broken.
  void own_constraints(const Node& node, const Shape& shape, const Place& place) {
    const bool iam = service_.iam_style;
    bool told = false;
    each_broken(node, shape, [&](Broken which, auto sentence) {
      const bool shown = !iam || which == Broken::enumeration;
      if (!iam || !told)
        violation(node, shape, place, sentence(), shown ? Show::value : Show::nothing);
      told = true;
    });
  }

  void value(const Node& node, const Shape& shape, const Place& place) {
    if (violations_.size() >= violations_max) return;
    own_constraints(node, shape, place);
    switch (node.kind) {
      case Kind::structure: return structure(node, shape, place);
      case Kind::list: return shape.kind == ShapeKind::list ? list(node, shape, place) : void();
      case Kind::map: return shape.kind == ShapeKind::map ? map(node, shape, place) : void();
      default: break;
    }
  }

  void list(const Node& node, const Shape& shape, const Place& place) {
    const Shape& item = *shape.members[0].shape;
    bool scalar_broken = false;
    for (std::uint32_t i = 0; i < node.n; ++i) {
      const Place here{.up = &place, .number = i + std::size_t{1}};
      const Node& each = node.items[i];
      if (each.kind == Kind::null) {
        if (!shape.is(ShapeFlag::sparse)) violation(each, item, here, "Member must not be null");
      } else if (is_scalar(item)) {
        scalar_broken = scalar_broken || breaks(each, item);
      } else {
        value(each, item, here);
      }
    }
    if (scalar_broken) {
      violation(node, shape, place,
                "Member must satisfy constraint: " + all_sentences(item, service_),
                service_.iam_style ? Show::nothing : Show::value);
    }
  }

  void map(const Node& node, const Shape& shape, const Place& place) {
    const Shape& key = *shape.members[0].shape;
    const Shape& item = *shape.members[1].shape;
    bool keys_broken = false;
    bool values_broken = false;
    for (const MapEntry& entry : node.map()) {
      const Place here{.up = &place, .name = entry.key, .inside_item = true};
      keys_broken = keys_broken || breaks(make_text(entry.key), key);
      if (entry.value.kind == Kind::null) {
        if (!shape.is(ShapeFlag::sparse))
          violation(entry.value, item, here, "Member must not be null");
      } else if (is_scalar(item)) {
        values_broken = values_broken || breaks(entry.value, item);
      } else {
        value(entry.value, item, here);
      }
    }
    if (keys_broken)
      violation(node, shape, place,
                "Map keys must satisfy constraint: " + all_sentences(key, service_));
    if (values_broken)
      violation(node, shape, place,
                "Map value must satisfy constraint: " + all_sentences(item, service_));
  }

  const Service& service_;
  std::string alphabet_;
  std::vector<std::string> violations_;
  bool body_broken_ = false;
  bool list_broken_ = false;                 // an access control list, which has a word of its own
  bool body_missing_ = false;                // the whole document
  const Member* broken_argument_ = nullptr;  // the first outside the body
  std::string broken_value_;
};

bool is_whole(const Node& input, const Shape& shape) {
  return input.kind == Kind::structure && shape.kind == ShapeKind::structure &&
         input.n == shape.members.size();
}

}  // namespace

Result<void> validate(const Node& input, const Shape& shape, const Service& service) {
  Validator validator(service);
  if (is_whole(input, shape)) validator.structure(input, shape, Place{});
  return validator.result();
}

Result<void> validate(const Operation& operation, const Node& input) {
  if (operation.input == nullptr) return {};
  const Shape& shape = *operation.input;
  const Service& service = operation.schema->service;
  if (operation.is(OperationFlag::asks_by_missing_parameter) && is_whole(input, shape))
    TRY_DO(Validator(service).presence(input, shape));
  return validate(input, shape, service);
}

}  // namespace slipway::wire

#include "wire/protocol_compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/element.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"
#include "wire/scalar.h"

namespace slipway::wire::testing {
namespace {

std::string shown(const Node& document) {
  std::string out;
  write_json_document(document, out);
  return out;
}

std::string differs(std::string_view where, const std::string& actual,
                    const std::string& expected) {
  return std::string(where) + ": have " + actual + ", want " + expected;
}

double as_real(const Node& node) {
  if (node.kind == Kind::integer) return static_cast<double>(node.integer);
  if (node.kind == Kind::real) return node.real;
  if (node.kind == Kind::text && node.text() == "Infinity") return HUGE_VAL;
  if (node.kind == Kind::text && node.text() == "-Infinity") return -HUGE_VAL;
  return NAN;
}

bool is_number(const Node& node) { return node.kind == Kind::integer || node.kind == Kind::real; }

bool same_number(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || a == b || std::abs(a - b) < 1e-9 * std::abs(a);
}

Node scalar_of(const Node& document, const Shape& shape, Arena& arena) {
  switch (shape.kind) {
    case ShapeKind::text:
      if (document.kind == Kind::text) return document;
      return make_text(arena.copy(shown(document)));
    case ShapeKind::blob: return make_blob(document.text());
    case ShapeKind::float_number:
    case ShapeKind::double_number: return make_real(as_real(document));
    case ShapeKind::timestamp:
      if (is_number(document)) return make_time(from_epoch_seconds(as_real(document)));
      return make_time(parse_time(document.text()).value_or(slipway::Timestamp{}));
    default: return document;
  }
}

class Differ {
 public:
  std::string structure(const Node& actual, const Node& expected, const Shape& shape,
                        const std::string& where) {
    if (actual.kind != Kind::structure) return where + ": not a structure";
    for (const MapEntry& entry : expected.map()) {
      if (find_member(shape, entry.key) < 0)
        return where + ": the shape has no " + std::string(entry.key);
    }
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& member = shape.members[i];
      const Node* wanted = member_of(expected, member.name);
      const std::string here = where + "." + std::string(member.name);
      const bool absent = wanted == nullptr || wanted->kind == Kind::null;
      // A server puts every parameter into such a map; a client's case does not say so.
      if (member.location == Location::query && member.shape->kind == ShapeKind::map) {
        if (!absent && !covers(actual.items[i], *wanted, *member.shape->members[1].shape))
          return here + ": lacks some";
        continue;
      }
      if (absent && actual.items[i].present() && !member.is(MemberFlag::idempotency_token)) {
        return here + ": there, but not wanted";
      }
      if (absent || member.is(MemberFlag::streaming) || member.shape->is(ShapeFlag::streaming_blob))
        continue;
      // No header and no parameter is how an empty collection travels there.
      const bool collection = wanted->kind == Kind::list || wanted->kind == Kind::map;
      if (collection && wanted->n == 0 && member.location != Location::body &&
          !actual.items[i].present())
        continue;
      std::string found = value(actual.items[i], *wanted, *member.shape, here);
      if (!found.empty()) return found;
    }
    return {};
  }

  std::string value(const Node& actual, const Node& expected, const Shape& shape,
                    const std::string& where) {
    if (expected.kind == Kind::null) return actual.kind == Kind::null ? "" : where + ": not null";
    if (shape.kind == ShapeKind::document) {
      const std::string found = document_difference(actual, expected);
      return found.empty() ? "" : where + found;
    }
    if (!actual.present()) return where + ": absent";
    switch (shape.kind) {
      case ShapeKind::structure: return structure(actual, expected, shape, where);
      case ShapeKind::list: return list(actual, expected, *shape.members[0].shape, where);
      case ShapeKind::map: return map(actual, expected, *shape.members[1].shape, where);
      default: return scalar(actual, expected, shape, where);
    }
  }

 private:
  // Whether each expected entry is there.
  bool covers(const Node& actual, const Node& expected, const Shape& item) {
    if (expected.n == 0) return true;
    if (actual.kind != Kind::map) return false;
    return std::ranges::all_of(expected.map(), [&](const MapEntry& wanted) {
      return std::ranges::any_of(actual.map(), [&](const MapEntry& entry) {
        return entry.key == wanted.key && value(entry.value, wanted.value, item, "").empty();
      });
    });
  }

  std::string list(const Node& actual, const Node& expected, const Shape& item,
                   const std::string& where) {
    if (actual.kind != Kind::list || actual.n != expected.n)
      return where + ": not a list of that length";
    for (std::uint32_t i = 0; i < actual.n; ++i) {
      std::string found =
          value(actual.items[i], expected.items[i], item, where + "[" + std::to_string(i) + "]");
      if (!found.empty()) return found;
    }
    return {};
  }

  std::string map(const Node& actual, const Node& expected, const Shape& item,
                  const std::string& where) {
    if (actual.kind != Kind::map || actual.n != expected.n)
      return where + ": not a map of that size";
    for (const MapEntry& entry : actual.map()) {
      const Node* wanted = nullptr;
      for (const MapEntry& other : expected.map()) {
        // Header names come in any case.
        if (equal_ignoring_case(other.key, entry.key)) wanted = &other.value;
      }
      if (wanted == nullptr) return where + ": has '" + std::string(entry.key) + "'";
      std::string found =
          value(entry.value, *wanted, item, where + "{" + std::string(entry.key) + "}");
      if (!found.empty()) return found;
    }
    return {};
  }

  std::string scalar(const Node& actual, const Node& expected, const Shape& shape,
                     const std::string& where) {
    Arena arena;
    Node wanted = scalar_of(expected, shape, arena);
    if (wanted.kind == Kind::real && actual.kind == Kind::real) {
      return same_number(actual.real, wanted.real) ? ""
                                                   : differs(where, shown(actual), shown(expected));
    }
    if (equal(actual, wanted)) return {};
    // A JSON value in a string is compared as JSON.
    const auto a = read_json_document(actual.kind == Kind::text ? actual.text() : "", arena);
    const bool json = expected.kind != Kind::text || a.has_value();
    if (json && a && document_difference(*a, expected).empty()) return {};
    return differs(where, shown(actual), shown(expected));
  }
};

struct Canonical {
  static std::string_view squeezed(std::string_view text) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
  }

  static std::string one_spelling(std::string_view text) {
    const auto time = parse_iso8601(text);
    return time ? to_iso8601(*time, Fraction::milliseconds) : std::string(text);
  }

  static bool passes(const Element& element) {
    return element.name != "ResponseMetadata" && element.name != "RequestId" &&
           element.name != "HostId" && element.name != "requestId";
  }

  static void write(const Element& element, std::string& out, RootName root) {
    ((out += '<') += element.name) += '>';
    std::vector<std::string> attributes;
    for (const XmlAttribute* at = element.attributes; at != nullptr; at = at->next) {
      if (!at->name.starts_with("xmlns"))
        attributes.push_back(std::string(at->name) + "=" + std::string(at->value));
    }
    std::ranges::sort(attributes);
    for (const std::string& attribute : attributes) (out += '@') += attribute;
    std::vector<const Element*> children;
    for (const Element* at = element.first; at != nullptr; at = at->next) {
      const bool made_up =
          root == RootName::ignored && at->name == "Type" && element.name == "Error";
      if (passes(*at) && !made_up) children.push_back(at);
    }
    // Equal names keep their order.
    std::vector<std::pair<std::string_view, std::size_t>> order;
    for (std::size_t i = 0; i < children.size(); ++i) order.emplace_back(children[i]->name, i);
    std::ranges::sort(order);
    for (const auto& [name, i] : order) write(*children[i], out, root);
    if (children.empty()) out += one_spelling(squeezed(element.text));
    ((out += "</") += element.name) += '>';
  }
};

}  // namespace

const Node* member_of(const Node& object, std::string_view name) {
  if (object.kind != Kind::map) return nullptr;
  for (const MapEntry& entry : object.map()) {
    if (entry.key == name) return &entry.value;
  }
  return nullptr;
}

std::string_view text_member(const Node& object, std::string_view name) {
  const Node* found = member_of(object, name);
  return found != nullptr && found->kind == Kind::text ? found->text() : std::string_view{};
}

Node node_of(const Node& document, const Shape& shape, Arena& arena) {
  if (document.kind == Kind::null || shape.kind == ShapeKind::document) return document;
  if (shape.kind == ShapeKind::structure) {
    Node out = make_structure(shape.members.size(), arena);
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Node* given = member_of(document, shape.members[i].name);
      if (given != nullptr && given->kind != Kind::null)
        out.items[i] = node_of(*given, *shape.members[i].shape, arena);
    }
    return out;
  }
  if (shape.kind == ShapeKind::list) {
    Node out = make_list(document.n, arena);
    for (std::uint32_t i = 0; i < document.n; ++i)
      out.items[i] = node_of(document.items[i], *shape.members[0].shape, arena);
    return out;
  }
  if (shape.kind == ShapeKind::map) {
    Node out = make_map(document.n, arena);
    for (std::uint32_t i = 0; i < document.n; ++i) {
      out.entries[i] = {document.entries[i].key,
                        node_of(document.entries[i].value, *shape.members[1].shape, arena)};
    }
    return out;
  }
  return scalar_of(document, shape, arena);
}

std::string difference(const Node& actual, const Node& expected, const Shape& shape) {
  Differ differ;
  return differ.structure(actual, expected, shape, std::string(shape.name));
}

std::string document_difference(const Node& actual, const Node& expected) {
  if (is_number(actual) && is_number(expected)) {
    if (same_number(as_real(actual), as_real(expected))) return {};
  } else if (actual.kind == Kind::list && expected.kind == Kind::list) {
    if (actual.n != expected.n) return ": lists of different lengths";
    for (std::uint32_t i = 0; i < actual.n; ++i) {
      const std::string found = document_difference(actual.items[i], expected.items[i]);
      if (!found.empty()) return "[" + std::to_string(i) + "]" + found;
    }
    return {};
  } else if (actual.kind == Kind::map && expected.kind == Kind::map) {
    for (const MapEntry& entry : actual.map()) {
      const Node* other = member_of(expected, entry.key);
      if (other == nullptr) return ": has '" + std::string(entry.key) + "'";
      const std::string found = document_difference(entry.value, *other);
      if (!found.empty()) return "." + std::string(entry.key) + found;
    }
    if (actual.n != expected.n) return differs(" ", shown(actual), shown(expected));
    return {};
  } else if (equal(actual, expected)) {
    return {};
  } else if (actual.kind == Kind::text && expected.kind == Kind::text &&
             same_time(actual.text(), expected.text())) {
    return {};
  }
  return differs(" ", shown(actual), shown(expected));
}

Node known_part(const Node& document, const Shape& shape, Arena& arena) {
  if (document.kind == Kind::list && shape.kind == ShapeKind::list) {
    Node out = make_list(document.n, arena);
    for (std::uint32_t i = 0; i < document.n; ++i)
      out.items[i] = known_part(document.items[i], *shape.members[0].shape, arena);
    return out;
  }
  if (document.kind != Kind::map ||
      (shape.kind != ShapeKind::structure && shape.kind != ShapeKind::map))
    return document;
  Node out = make_map(0, arena);
  for (const MapEntry& entry : document.map()) {
    const int slot = shape.kind == ShapeKind::map ? 1 : find_wire_member(shape, entry.key);
    if (slot < 0 || (shape.kind == ShapeKind::structure && entry.value.kind == Kind::null))
      continue;
    const Shape& inner = *shape.members[static_cast<std::size_t>(slot)].shape;
    append(out, entry.key, arena) = known_part(entry.value, inner, arena);
  }
  return out;
}

bool same_time(std::string_view a, std::string_view b) {
  const auto x = parse_iso8601(a);
  const auto y = parse_iso8601(b);
  return x && y && *x == *y;
}

std::string xml_difference(std::string_view actual, std::string_view expected, RootName root) {
  Arena arena;
  const auto a = parse_xml(actual, arena);
  const auto b = parse_xml(expected, arena);
  if (!a || !b) return "not XML: " + std::string(!a ? actual : expected);
  std::string left;
  std::string right;
  Element renamed = **a;
  if (root == RootName::ignored) renamed.name = (*b)->name;
  Canonical::write(renamed, left, root);
  Canonical::write(**b, right, root);
  return left == right ? "" : differs("xml", left, right);
}

TEST(ProtocolCompare, TellsDocumentsApartAndNumbersByValue) {
  Arena arena;
  const auto read = [&](std::string_view text) { return *read_json_document(text, arena); };
  EXPECT_EQ(document_difference(read(R"({"a":1,"b":[1.0]})"), read(R"({"b":[1],"a":1.0})")), "");
  EXPECT_NE(document_difference(read(R"({"a":1})"), read(R"({"a":2})")), "");
  EXPECT_NE(document_difference(read(R"({"a":1})"), read(R"({"a":1,"b":2})")), "");
  EXPECT_NE(document_difference(read(R"({"a":1,"c":2})"), read(R"({"a":1,"b":2})")), "");
}

TEST(ProtocolCompare, TellsXmlApartButNotByOrderOfDifferentNames) {
  EXPECT_EQ(xml_difference("<a><b>1</b><c/></a>", "<a xmlns='x'> <c></c> <b> 1 </b></a>"), "");
  EXPECT_NE(xml_difference("<a><b>1</b><b>2</b></a>", "<a><b>2</b><b>1</b></a>"), "");
  EXPECT_NE(xml_difference("<a><b>1</b></a>", "<a><c>1</c></a>"), "");
}

}  // namespace slipway::wire::testing

#include "wire/xml_codec.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/encoding.h"
#include "wire/json_reader.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr std::size_t tree_bytes_max = 64 * 1024 * 1024;  // of arena, for one request

bool is_flat(const Member& member) {
  return member.is(MemberFlag::flattened) || member.shape->is(ShapeFlag::flat);
}

std::string_view or_else(std::string_view name, std::string_view otherwise) {
  return name.empty() ? otherwise : name;
}

class TreeReader {
 public:
  TreeReader(TreeForm form, Arena& arena) : form_(form), arena_(arena) {}

  Result<Node> structure(const Element& element, const Shape& shape) {
    if (arena_.bytes() > tree_bytes_max) return unreadable("The document is too large");
    Node out = make_structure(shape.members.size(), arena_);
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& m = shape.members[i];
      if (m.location != Location::body || m.is(MemberFlag::streaming)) continue;
      TRY(out.items[i], member(element, m));
    }
    return out;
  }

  Result<Node> value(const Element& element, const Member& member) {
    const Shape& shape = *member.shape;
    switch (shape.kind) {
      case ShapeKind::structure: return structure(element, shape);
      case ShapeKind::list: return list(element, shape);
      case ShapeKind::map: return map(element, shape);
      case ShapeKind::text: return make_text(element.text);
      default: return parse_scalar(shape, trimmed(element.text), TimestampFormat::iso8601, arena_);
    }
  }

 private:
  static std::string_view trimmed(std::string_view text) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
  }

  Result<Node> member(const Element& element, const Member& member) {
    if (member.is(MemberFlag::xml_attribute)) return attribute(element, member);
    if (is_flat(member) && member.shape->kind == ShapeKind::list) return flat_list(element, member);
    if (is_flat(member) && member.shape->kind == ShapeKind::map) return flat_map(element, member);
    const Element* child = element.child(member.wire_name);
    if (child == nullptr) return Node{};
    return value(*child, member);
  }

  Result<Node> attribute(const Element& element, const Member& member) {
    const XmlAttribute* found = element.attribute(member.wire_name);
    if (found == nullptr) return Node{};
    return parse_scalar(*member.shape, found->value, TimestampFormat::iso8601, arena_);
  }

  // The children of `element` in the order of their numbers.
  static std::vector<const Element*> numbered(const Element& element) {
    struct Item {
      std::uint64_t number;
      std::size_t order;
      const Element* element;
    };
    std::vector<Item> found;
    for (const Element* at = element.first; at != nullptr; at = at->next) {
      std::uint64_t number = 0;
      const char* end = at->name.data() + at->name.size();
      if (std::from_chars(at->name.data(), end, number).ptr == end) {
        found.push_back({number, found.size(), at});
      }
    }
    std::ranges::sort(found, {},
                      [](const Item& item) { return std::pair(item.number, item.order); });
    std::vector<const Element*> sorted;
    for (const Item& item : found) sorted.push_back(item.element);
    return sorted;
  }

  static std::vector<const Element*> named(const Element& element, std::string_view name) {
    std::vector<const Element*> found;
    for (const Element* at = element.first; at != nullptr; at = at->next) {
      if (at->name == name) found.push_back(at);
    }
    return found;
  }

  Result<Node> items(const std::vector<const Element*>& elements, const Member& item) {
    Node out = make_list(elements.size(), arena_);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      TRY(out.items[i], value(*elements[i], item));
    }
    return out;
  }

  Result<Node> list(const Element& element, const Shape& shape) {
    const Member& item = shape.members[0];
    const std::string_view name = or_else(item.wire_name, "member");
    if (form_ == TreeForm::xml) return items(named(element, name), item);
    const Element* members = element.child(name);
    if (members == nullptr) members = element.child("member");
    // Numbers right under the name are what some clients send.
    return items(numbered(members == nullptr ? element : *members), item);
  }

  // Under the member's name, as Smithy says; under the element's where a client follows botocore.
  Result<Node> flat_list(const Element& element, const Member& member) {
    const Member& item = member.shape->members[0];
    for (const std::string_view name : {member.wire_name, item.wire_name}) {
      if (name.empty()) continue;
      if (form_ == TreeForm::xml) {
        const auto found = named(element, name);
        if (!found.empty()) return items(found, item);
      } else if (const Element* child = element.child(name)) {
        return items(numbered(*child), item);
      }
    }
    return Node{};
  }

  Result<Node> entries(const std::vector<const Element*>& elements, const Shape& shape) {
    Node out = make_map(elements.size(), arena_);
    const Member& key = shape.members[0];
    const Member& item = shape.members[1];
    std::uint32_t count = 0;
    for (const Element* entry : elements) {
      const Element* name = entry->child(or_else(key.wire_name, "key"));
      const Element* found = entry->child(or_else(item.wire_name, "value"));
      if (name == nullptr) continue;
      out.entries[count].key = name->text;
      if (found == nullptr) {
        out.entries[count].value.kind = Kind::null;
      } else {
        TRY(out.entries[count].value, value(*found, item));
      }
      ++count;
    }
    out.n = count;
    drop_duplicate_keys(out);
    return out;
  }

  Result<Node> map(const Element& element, const Shape& shape) {
    if (form_ == TreeForm::xml) return entries(named(element, "entry"), shape);
    const Element* under = element.child("entry");
    return entries(numbered(under == nullptr ? element : *under), shape);
  }

  Result<Node> flat_map(const Element& element, const Member& member) {
    const auto found = named(element, member.wire_name);
    if (found.empty()) return Node{};
    return entries(form_ == TreeForm::xml ? found : numbered(*found.front()), *member.shape);
  }

  TreeForm form_;
  Arena& arena_;
};

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Null where none has the name.
const Member* body_member(const Shape& shape, std::string_view name) {
  for (const Member& member : shape.members) {
    if (member.location != Location::body || member.is(MemberFlag::xml_attribute)) continue;
    if (member.wire_name == name) return &member;
    const bool flat = is_flat(member) && member.shape->kind == ShapeKind::list;
    if (flat && member.shape->members[0].wire_name == name) return &member;
  }
  return nullptr;
}

bool items_fit(const Element& element, const Shape& shape) {
  const Member& item = shape.members[0];
  for (const Element* at = element.first; at != nullptr; at = at->next)
    if (at->name != or_else(item.wire_name, "member") || !fits(*at, *item.shape)) return false;
  return element.first != nullptr || is_blank(element.text);
}

bool child_fits(const Element& parent, const Element& child, const Member& member) {
  const Shape& shape = *member.shape;
  if (is_flat(member) && shape.kind == ShapeKind::list) return fits(child, *shape.members[0].shape);
  if (is_flat(member)) return true;
  return parent.child(child.name) == &child && fits(child, shape);
}

class XmlWriter {
 public:
  explicit XmlWriter(std::string& out, XmlTimes times = XmlTimes::shortest)
      : out_(out), times_(times) {}

  void members(const Node& node, const Shape& shape) {
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& m = shape.members[i];
      const bool travels = m.location == Location::body && !m.is(MemberFlag::xml_attribute) &&
                           !m.is(MemberFlag::streaming);
      if (node.items[i].present() && travels) member(node.items[i], m);
    }
  }

  void element(std::string_view name, const Node& node, const Shape& shape, const Member* member,
               const XmlNamespace& space) {
    start(name, space);
    if (node.kind == Kind::structure) {
      attributes(node, shape);
      out_ += '>';
      members(node, shape);
    } else {
      out_ += '>';
      content(node, shape, member);
    }
    close_tag(name, out_);
  }

 private:
  void start(std::string_view name, const XmlNamespace& space) {
    out_ += '<';
    out_ += name;
    if (space.uri.empty()) return;
    out_ += " xmlns";
    if (!space.prefix.empty()) (out_ += ':') += space.prefix;
    out_ += "=\"";
    write_xml_text(space.uri, out_);
    out_ += '"';
  }

  void attributes(const Node& node, const Shape& shape) {
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const Member& m = shape.members[i];
      if (!m.is(MemberFlag::xml_attribute) || !node.items[i].present()) continue;
      ((out_ += ' ') += m.wire_name) += "=\"";
      scalar(node.items[i], time_format(m, TimestampFormat::iso8601));
      out_ += '"';
    }
  }

  void scalar(const Node& node, TimestampFormat format) {
    if (node.kind == Kind::text) return write_xml_text(node.text(), out_);
    const bool whole = times_ == XmlTimes::shortest || format != TimestampFormat::iso8601;
    if (node.kind != Kind::timestamp || whole) return format_scalar(node, format, out_);
    out_ += to_iso8601(node.time(), Fraction::milliseconds);
  }

  void content(const Node& node, const Shape& shape, const Member* member) {
    if (node.kind == Kind::list) {
      const Member& item = shape.members[0];
      for (std::uint32_t i = 0; i < node.n; ++i) {
        value(or_else(item.wire_name, "member"), node.items[i], item);
      }
    } else if (node.kind == Kind::map) {
      for (const MapEntry& entry : node.map()) map_entry("entry", entry, shape);
    } else {
      const bool given = member != nullptr;
      scalar(node,
             given ? time_format(*member, TimestampFormat::iso8601) : TimestampFormat::iso8601);
    }
  }

  void value(std::string_view name, const Node& node, const Member& member) {
    const XmlNamespace& own = member.xml_namespace;
    element(name, node, *member.shape, &member,
            own.uri.empty() ? member.shape->xml_namespace : own);
  }

  void map_entry(std::string_view name, const MapEntry& entry, const Shape& shape) {
    start(name, {});
    out_ += '>';
    map_pair(entry, shape);
    close_tag(name, out_);
  }

  void map_pair(const MapEntry& entry, const Shape& shape) {
    const Member& key = shape.members[0];
    value(or_else(key.wire_name, "key"), make_text(entry.key), key);
    const Member& item = shape.members[1];
    value(or_else(item.wire_name, "value"), entry.value, item);
  }

  void member(const Node& node, const Member& member) {
    const bool flat = is_flat(member);
    if (flat && node.kind == Kind::list) {
      const Member& item = member.shape->members[0];
      for (std::uint32_t i = 0; i < node.n; ++i) {
        // Without a name each item is what its one member is (the overlay's `mingle`).
        if (member.wire_name.empty())
          members(node.items[i], *item.shape);
        else
          value(member.wire_name, node.items[i], item);
      }
    } else if (flat && node.kind == Kind::map) {
      for (const MapEntry& entry : node.map()) {
        map_entry(member.wire_name, entry, *member.shape);
      }
    } else {
      value(member.wire_name, node, member);
    }
  }

  std::string& out_;
  const XmlTimes times_;
};

class FormWriter {
 public:
  explicit FormWriter(std::string& out) : out_(out) {}

  void structure(const Node& node, const Shape& shape, const std::string& prefix) {
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      if (!node.items[i].present()) continue;
      const Member& m = shape.members[i];
      value(node.items[i], m, prefix + std::string(m.wire_name));
    }
  }

 private:
  void value(const Node& node, const Member& member, const std::string& name) {
    switch (node.kind) {
      case Kind::structure: return structure(node, *member.shape, name + ".");
      case Kind::list: return list(node, member, name);
      case Kind::map: return map(node, member, name);
      default: return pair(name, node, time_format(member, TimestampFormat::iso8601));
    }
  }

  void pair(const std::string& name, const Node& node, TimestampFormat format) {
    std::string text;
    format_scalar(node, format, text);
    ((out_ += '&') += percent_encode(name)) += '=';
    out_ += percent_encode(text);
  }

  void list(const Node& node, const Member& member, const std::string& name) {
    const Member& item = member.shape->members[0];
    if (node.n == 0) return pair(name, make_text(""), TimestampFormat::iso8601);
    const std::string prefix =
        is_flat(member) ? name : name + "." + std::string(or_else(item.wire_name, "member"));
    for (std::uint32_t i = 0; i < node.n; ++i) {
      value(node.items[i], item, prefix + "." + std::to_string(i + 1));
    }
  }

  void map(const Node& node, const Member& member, const std::string& name) {
    const Member& key = member.shape->members[0];
    const Member& item = member.shape->members[1];
    std::size_t number = 0;
    for (const MapEntry& entry : node.map()) {
      const std::string prefix =
          name + (is_flat(member) ? "." : ".entry.") + std::to_string(++number) + ".";
      pair(prefix + std::string(or_else(key.wire_name, "key")), make_text(entry.key),
           TimestampFormat::iso8601);
      value(entry.value, item, prefix + std::string(or_else(item.wire_name, "value")));
    }
  }

  std::string& out_;
};

}  // namespace

Result<Node> read_structure(const Element& element, const Shape& shape, TreeForm form,
                            Arena& arena) {
  return TreeReader(form, arena).structure(element, shape);
}

bool fits(const Element& element, const Shape& shape) {
  if (shape.kind == ShapeKind::list) return items_fit(element, shape);
  if (shape.kind == ShapeKind::map) return true;
  if (shape.kind != ShapeKind::structure) return element.first == nullptr;
  if (element.first == nullptr) return is_blank(element.text);
  for (const Element* at = element.first; at != nullptr; at = at->next) {
    const Member* member = body_member(shape, at->name);
    if (member == nullptr || !child_fits(element, *at, *member)) return false;
  }
  return true;
}

void write_element(std::string_view name, const Node& node, const Shape& shape,
                   const XmlNamespace& space, std::string& out, XmlTimes times) {
  XmlWriter(out, times).element(name, node, shape, nullptr, space);
}

void write_members(const Node& node, const Shape& shape, std::string& out) {
  XmlWriter(out).members(node, shape);
}

void open_tag(std::string_view name, const XmlNamespace& space, std::string& out) {
  (out += '<') += name;
  if (!space.uri.empty()) {
    out += " xmlns=\"";
    write_xml_text(space.uri, out);
    out += '"';
  }
  out += '>';
}

void close_tag(std::string_view name, std::string& out) { ((out += "</") += name) += '>'; }

void write_xml_text(std::string_view text, std::string& out) {
  // Nor has XML 1.0 a way to write U+FFFE and U+FFFF: one of them, in whatever somebody has named,
  // would make a whole list unreadable.
  constexpr std::string_view unwritable[] = {"\xEF\xBF\xBE", "\xEF\xBF\xBF"};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '\xEF':
        if (text.substr(i, 3) == unwritable[0] || text.substr(i, 3) == unwritable[1])
          i += 2;
        else
          out += c;
        break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#13;"; break;
      case '\n': out += "&#10;"; break;
      case '\t': out += c; break;
      default:
        // XML 1.0 has no way to write the other control characters.
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
  }
}

void write_form(const Node& node, const Shape& shape, std::string& out) {
  FormWriter(out).structure(node, shape, "");
}

}  // namespace slipway::wire

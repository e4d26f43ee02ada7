// A tree of named texts: what XML documents and dotted form parameters have in common.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "wire/arena.h"

namespace slipway::wire {

// An attribute of an XML element.
struct XmlAttribute {
  std::string_view name;  // with its prefix: "xsi:type"
  std::string_view value;
  XmlAttribute* next;
};

// Lives in an Arena; plain memory. Children keep their order.
struct Element {
  std::string_view name;  // without its prefix
  std::string_view text;  // of an element without children
  XmlAttribute* attributes;
  Element* first;
  Element* last;
  Element* next;

  const Element* child(std::string_view wanted) const;
  const XmlAttribute* attribute(std::string_view wanted) const;
};

Element& add_child(Element& parent, std::string_view name, Arena& arena);

// The root element of an XML document. Whitespace around texts is kept. Refused: document type and
// entity declarations (and so every entity but the five of XML), more depth or elements than the
// limits, anything that is not well-formed UTF-8 XML.
Result<const Element*> parse_xml(std::string_view text, Arena& arena);

// A tree of the parameters of an application/x-www-form-urlencoded text, each dot in a name one
// level: "Tags.member.1.Key=a" is Tags > member > 1 > Key. Children come sorted by name.
// `texts` are read as one. Refused: more parameters or depth than the limits, what is not UTF-8.
Result<const Element*> parse_form(std::span<const std::string_view> texts, Arena& arena);

}  // namespace slipway::wire

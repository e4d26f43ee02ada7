// Elements into nodes and nodes into XML or form parameters, following a shape.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/element.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// How collections stand in the tree: as XML, or as form parameters (numbered members).
enum class TreeForm : std::uint8_t { xml, form };

// The members of `shape` that travel in the body, from the children and attributes of `element`.
// Elements that the shape does not have are skipped. Texts view into the tree.
Result<Node> read_structure(const Element& element, const Shape& shape, TreeForm form,
                            Arena& arena);

// Whether the shape has all that stands in the element: no child that it does not know, none twice
// that is no list, no text where children belong.
bool fits(const Element& element, const Shape& shape);

// How times are written: S3 always writes milliseconds, and they are 000.
enum class XmlTimes : std::uint8_t { shortest, milliseconds };

// Appends one element named `name`. `other` is what else stands on the opening tag.
void write_element(std::string_view name, const Node& node, const Shape& shape,
                   const XmlNamespace& space, std::string& out,
                   XmlTimes times = XmlTimes::shortest);

// Appends the members that travel in the body, without an element around them.
void write_members(const Node& node, const Shape& shape, std::string& out);

// Appends `name` and its namespace as an opening tag.
void open_tag(std::string_view name, const XmlNamespace& space, std::string& out);
void close_tag(std::string_view name, std::string& out);
void write_xml_text(std::string_view text, std::string& out);

// Appends "&Name.member.1=value" for every member.
void write_form(const Node& node, const Shape& shape, std::string& out);

}  // namespace slipway::wire

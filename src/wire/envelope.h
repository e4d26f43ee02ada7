// An envelope surrounds a body: content types, request ids, the XML declaration.
#pragma once

#include <string>
#include <string_view>

#include "wire/codec.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

inline constexpr std::string_view xml_declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

std::string_view content_type_of(Protocol protocol);

// Adds Content-Type where a member has not set it already.
void add_content_type(std::string_view type, HttpResponseParts& out);

// x-amzn-RequestId, or S3's x-amz-request-id and x-amz-id-2.
void add_request_id(const Service& service, std::string_view request_id, HttpResponseParts& out);

// S3's second id: derived from the first.
std::string host_id(std::string_view request_id);

// The namespace of a document's root element.
XmlNamespace xml_space(const Operation& operation, const Shape& shape, const Member* payload);

// Appends the declaration and one element of an answer, as the operation's service writes it.
void write_xml_document(const Operation& operation, std::string_view name, const Node& node,
                        const Shape& shape, const Member* payload, std::string& out);

}  // namespace slipway::wire

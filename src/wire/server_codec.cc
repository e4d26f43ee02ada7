// The server's half of codec.h: requests in, answers out.
#include <string>
#include <vector>

#include "base/text.h"
#include "wire/cbor_codec.h"
#include "wire/codec.h"
#include "wire/element.h"
#include "wire/envelope.h"
#include "wire/gzip.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"
#include "wire/rest_bindings.h"
#include "wire/scalar.h"
#include "wire/validate.h"
#include "wire/xml_codec.h"

namespace slipway::wire {
namespace {

bool is_rest(Protocol protocol) {
  return protocol == Protocol::rest_json || protocol == Protocol::rest_xml;
}

bool bypasses_node(const Member& member) {
  return member.is(MemberFlag::streaming) || member.shape->is(ShapeFlag::streaming_blob) ||
         member.shape->is(ShapeFlag::event_stream);
}

Result<Node> read_query_request(const Shape& shape, const HttpRequestView& request,
                                std::string_view body, Arena& arena) {
  const std::string_view texts[] = {request.query, body};
  TRY(const Element* root, parse_form(texts, arena));
  return read_structure(*root, shape, TreeForm::form, arena);
}

Result<Node> read_rpc_request(const Operation& operation, Protocol protocol,
                              const HttpRequestView& request, std::string_view body, Arena& arena) {
  const Shape& shape = *operation.input;
  if (protocol == Protocol::query) return read_query_request(shape, request, body, arena);
  if (body.empty()) return make_structure(shape.members.size(), arena);
  if (protocol == Protocol::cbor) return read_cbor(body, shape, arena);
  return read_json(body, shape, json_names(operation.schema->service), arena);
}

// The name of a shape where its member has none of its own.
std::string_view own_name(const Shape& shape) {
  return shape.location_name.empty() ? shape.name : shape.location_name;
}

Result<Node> read_payload(const Operation& operation, const Member& member, Protocol protocol,
                          std::string_view body, Arena& arena) {
  if (bypasses_node(member)) return Node{};
  const Shape& shape = *member.shape;
  // An absent payload and an empty one look the same.
  if (body.empty()) return Node{};
  // A document is JSON under either REST protocol.
  if (shape.kind == ShapeKind::document) return read_json(body, shape, Names::wire, arena);
  if (shape.kind == ShapeKind::blob) return make_blob(body);
  if (shape.kind == ShapeKind::text) return make_text(body);
  if (protocol == Protocol::rest_json) return read_json(body, shape, Names::wire, arena);
  TRY(const Element* root, parse_xml(body, arena));
  if (root->name != member.wire_name && root->name != own_name(shape))
    return unreadable("The document is no '" + std::string(member.wire_name) + "'");
  // S3 holds documents against its schema. What would be skipped may be what limits a rule, so that
  // a misspelt filter would let a whole bucket go.
  if (operation.schema->service.s3_style && !fits(*root, shape))
    return unreadable("The document is not one of its schema");
  return read_structure(*root, shape, TreeForm::xml, arena);
}

Result<Node> read_body(const Shape& shape, Protocol protocol, std::string_view body, Arena& arena) {
  if (shape.payload >= 0 || body.empty() || !has_body_members(shape)) {
    return make_structure(shape.members.size(), arena);
  }
  if (protocol == Protocol::rest_json) return read_json(body, shape, Names::wire, arena);
  TRY(const Element* root, parse_xml(body, arena));
  return read_structure(*root, shape, TreeForm::xml, arena);
}

// Not the body's fault, as what the service calls a body that it cannot read would say. The one
// service of XML bodies names the argument; the others do not.
Error in_xml_words(Protocol protocol, Error error) {
  if (protocol != Protocol::rest_xml) {
    error.details.clear();
    return error;
  }
  if (!error.kind.empty()) return error;
  error.kind = "InvalidArgument";
  if (!error.details.empty())
    error.message =
        "Provided " + error.details[0].second + " not an integer or within integer range";
  return error;
}

Result<Node> read_rest_request(const Operation& operation, Protocol protocol,
                               const PathLabels& labels, const HttpRequestView& request,
                               std::string_view body, Arena& arena) {
  const Shape& shape = *operation.input;
  TRY(Node out, read_body(shape, protocol, body, arena));
  if (out.kind != Kind::structure) out = make_structure(shape.members.size(), arena);
  if (shape.payload >= 0) {
    const auto slot = static_cast<std::size_t>(shape.payload);
    TRY(out.items[slot], read_payload(operation, shape.members[slot], protocol, body, arena));
    if (out.items[slot].kind == Kind::null) out.items[slot] = Node{};
  }
  if (auto bound = read_bindings(shape, labels, request, arena, out); !bound)
    return std::unexpected(in_xml_words(protocol, std::move(bound).error()));
  return out;
}

// The last coding of Content-Encoding is gzip.
bool is_gzipped(std::string_view encoding) {
  const auto comma = encoding.rfind(',');
  const std::string_view last =
      comma == std::string_view::npos ? encoding : encoding.substr(comma + 1);
  return equal_ignoring_case(trimmed(last), "gzip");
}

// REST bodies belong to the caller, so they are inflated only where the model says that clients
// compress by themselves.
bool inflates(const Operation& operation, Protocol protocol, const HttpRequestView& request) {
  if (is_rest(protocol) && !operation.is(OperationFlag::compressible)) return false;
  return is_gzipped(request.header("content-encoding"));
}

// The headers as they were before the client compressed: without the last coding.
std::vector<HeaderView> without_gzip(std::span<const HeaderView> headers) {
  std::vector<HeaderView> out;
  for (HeaderView header : headers) {
    if (equal_ignoring_case(header.name, "content-encoding")) {
      const auto comma = header.value.rfind(',');
      if (comma == std::string_view::npos) continue;
      header.value = trimmed(header.value.substr(0, comma));
    }
    out.push_back(header);
  }
  return out;
}

Result<Node> read_input(const Operation& operation, Protocol protocol, const PathLabels& labels,
                        const HttpRequestView& request, std::string_view body, Arena& arena) {
  if (operation.input == nullptr) return make_structure(0, arena);
  TRY(Node out, is_rest(protocol)
                    ? read_rest_request(operation, protocol, labels, request, body, arena)
                    : read_rpc_request(operation, protocol, request, body, arena));
  // `null` where a structure is wanted is an empty one.
  if (out.kind != Kind::structure) out = make_structure(operation.input->members.size(), arena);
  return out;
}

Result<Node> read_request(const Operation& operation, Protocol protocol, const PathLabels& labels,
                          const HttpRequestView& request, Arena& arena) {
  if (!inflates(operation, protocol, request)) {
    return read_input(operation, protocol, labels, request, request.body, arena);
  }
  std::string_view body = request.body;
  if (!body.empty()) {
    TRY(body, inflate_gzip(body, arena));
  }
  const std::vector<HeaderView> headers = without_gzip(request.headers);
  HttpRequestView plain = request;
  plain.headers = headers;
  return read_input(operation, protocol, labels, plain, body, arena);
}

void write_payload(const Member& member, const Node& node, Protocol protocol,
                   const Operation& operation, HttpResponseParts& out) {
  if (bypasses_node(member) || !node.present()) return;
  const bool document = member.shape->kind == ShapeKind::document;
  if (!document && (node.kind == Kind::blob || node.kind == Kind::text)) {
    add_content_type(node.kind == Kind::blob ? "application/octet-stream" : "text/plain", out);
    out.body = node.text();
  } else if (document || protocol == Protocol::rest_json) {
    add_content_type("application/json", out);
    write_json(node, *member.shape, Names::wire, out.body);
  } else {
    add_content_type("application/xml", out);
    const Shape& shape = *member.shape;
    const bool named = member.wire_name != member.name;
    write_xml_document(operation, named ? member.wire_name : own_name(shape), node, shape, &member,
                       out.body);
  }
}

// The whole answer is one value: <LocationConstraint>eu-west-1</LocationConstraint>.
void write_bare_root(const Operation& operation, const Node& node, std::string& out) {
  const Member& member = operation.output->members[0];
  out += xml_declaration;
  open_tag(member.wire_name, xml_space(operation, *operation.output, nullptr), out);
  if (node.items[0].kind == Kind::text) write_xml_text(node.items[0].text(), out);
  close_tag(member.wire_name, out);
}

void write_rest_body(const Operation& operation, Protocol protocol, const Node& node,
                     HttpResponseParts& out) {
  const Shape& shape = *operation.output;
  if (shape.payload >= 0) {
    const auto slot = static_cast<std::size_t>(shape.payload);
    return write_payload(shape.members[slot], node.items[slot], protocol, operation, out);
  }
  if (protocol == Protocol::rest_json) {
    add_content_type("application/json", out);
    return write_json(node, shape, Names::wire, out.body);
  }
  if (!has_body_members(shape)) return;
  add_content_type("application/xml", out);
  if (shape.is(ShapeFlag::bare_root)) return write_bare_root(operation, node, out.body);
  write_xml_document(operation, own_name(shape), node, shape, nullptr, out.body);
}

void write_rest_response(const Operation& operation, Protocol protocol, const Node& node,
                         HttpResponseParts& out) {
  if (operation.output == nullptr) return;
  out.status = status_of(node, *operation.output, operation.response_code);
  write_headers(node, *operation.output, out.headers);
  write_rest_body(operation, protocol, node, out);
}

void write_query_response(const Operation& operation, const Node& node, std::string_view request_id,
                          HttpResponseParts& out) {
  add_content_type("text/xml", out);
  const XmlNamespace space{"", operation.schema->service.xml_namespace};
  const std::string response = std::string(operation.name) + "Response";
  open_tag(response, space, out.body);
  if (operation.output != nullptr) {
    std::string wrapper(operation.result_wrapper);
    if (wrapper.empty()) wrapper = std::string(operation.name) + "Result";
    open_tag(wrapper, {}, out.body);
    write_members(node, *operation.output, out.body);
    close_tag(wrapper, out.body);
  }
  out.body += "<ResponseMetadata><RequestId>";
  write_xml_text(request_id, out.body);
  out.body += "</RequestId></ResponseMetadata>";
  close_tag(response, out.body);
}

void write_json_response(const Operation& operation, Protocol protocol, const Node& node,
                         HttpResponseParts& out) {
  add_content_type(content_type_of(protocol), out);
  if (operation.output == nullptr) {
    out.body = "{}";
  } else {
    write_json(node, *operation.output, json_names(operation.schema->service), out.body);
  }
}

void write_cbor_response(const Operation& operation, const Node& node, HttpResponseParts& out) {
  out.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
  add_content_type("application/cbor", out);
  if (operation.output == nullptr) {
    write_cbor_map_head(0, out.body);
  } else {
    write_cbor(node, *operation.output, out.body);
  }
}

// A handler may give a structure of no slots for an output that has members: nothing is set.
Node whole(const Operation& operation, const Node& node, Arena& arena) {
  const std::size_t slots = operation.output == nullptr ? 0 : operation.output->members.size();
  if (node.kind == Kind::structure && node.n == slots) return node;
  return make_structure(slots, arena);
}

std::string_view find_header(std::span<const HeaderView> headers, std::string_view name) {
  for (const HeaderView& header : headers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

}  // namespace

std::string_view HttpRequestView::header(std::string_view name) const {
  return find_header(headers, name);
}

std::string_view HttpResponseView::header(std::string_view name) const {
  return find_header(headers, name);
}

void PathLabels::add(std::string_view name, std::string_view value) {
  if (count < count_max) items[count++] = {name, value};
}

Result<Node> decode_request(const Operation& operation, Protocol protocol, const PathLabels& labels,
                            const HttpRequestView& request, Arena& arena) {
  auto node = read_request(operation, protocol, labels, request, arena);
  if (!node && node.error().kind.empty()) {
    const Service& service = operation.schema->service;
    node.error().kind = service.serialization_error;
    if (service.s3_style) node.error().message = s3_malformed_xml;
    // The Query services say of a number that is none that the input is malformed, and no more.
    if (service.serialization_error == "MalformedInput" &&
        node.error().message.ends_with("is not a valid integer"))
      node.error().message.clear();
  }
  return node;
}

HttpResponseParts encode_response(const Operation& operation, Protocol protocol, const Node& output,
                                  std::string_view request_id) {
  HttpResponseParts out;
  out.status = operation.response_code;
  Arena arena;
  const Node node = whole(operation, output, arena);
  add_request_id(operation.schema->service, request_id, out);
  switch (protocol) {
    case Protocol::json10:
    case Protocol::json11: write_json_response(operation, protocol, node, out); break;
    case Protocol::cbor: write_cbor_response(operation, node, out); break;
    case Protocol::query: write_query_response(operation, node, request_id, out); break;
    default: write_rest_response(operation, protocol, node, out);
  }
  return out;
}

}  // namespace slipway::wire

// The client's half of codec.h: requests out, answers in.
#include <string>

#include "wire/cbor_codec.h"
#include "wire/codec.h"
#include "wire/element.h"
#include "wire/envelope.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"
#include "wire/rest_bindings.h"
#include "wire/xml_codec.h"

namespace slipway::wire {
namespace {

const Shape& input_of(const Operation& operation) {
  static constexpr Shape nothing{.name = "Unit"};
  return operation.input == nullptr ? nothing : *operation.input;
}

bool bypasses_node(const Member& member) {
  return member.is(MemberFlag::streaming) || member.shape->is(ShapeFlag::streaming_blob) ||
         member.shape->is(ShapeFlag::event_stream);
}

void set_type(std::string_view type, HttpRequestParts& out) {
  HttpResponseParts headers{.headers = std::move(out.headers)};
  add_content_type(type, headers);
  out.headers = std::move(headers.headers);
}

void write_rpc(const Operation& operation, Protocol protocol, const Node& input,
               HttpRequestParts& out) {
  const Service& service = operation.schema->service;
  const Shape& shape = input_of(operation);
  out.path = "/";
  if (protocol == Protocol::query) {
    set_type("application/x-www-form-urlencoded; charset=utf-8", out);
    out.body =
        "Action=" + std::string(operation.name) + "&Version=" + std::string(service.api_version);
    write_form(input, shape, out.body);
  } else if (protocol == Protocol::cbor) {
    out.path = "/service/" + std::string(service.target_prefix) + "/operation/" +
               std::string(operation.name);
    out.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
    set_type("application/cbor", out);
    write_cbor(input, shape, out.body);
  } else {
    out.headers.emplace_back(
        "X-Amz-Target", std::string(service.target_prefix) + "." + std::string(operation.name));
    set_type(content_type_of(protocol), out);
    write_json(input, shape, json_names(service), out.body);
  }
}

void write_payload(const Member& member, const Node& node, Protocol protocol,
                   HttpRequestParts& out) {
  if (bypasses_node(member) || !node.present()) return;
  const Shape& shape = *member.shape;
  const bool document = shape.kind == ShapeKind::document;
  if (!document && (node.kind == Kind::blob || node.kind == Kind::text)) {
    set_type(node.kind == Kind::blob ? "application/octet-stream" : "text/plain", out);
    out.body = node.text();
  } else if (document || protocol == Protocol::rest_json) {
    set_type("application/json", out);
    write_json(node, shape, Names::wire, out.body);
  } else {
    set_type("application/xml", out);
    const XmlNamespace& own = member.xml_namespace;
    const std::string_view named = shape.location_name.empty() ? shape.name : shape.location_name;
    write_element(member.wire_name != member.name ? member.wire_name : named, node, shape,
                  own.uri.empty() ? shape.xml_namespace : own, out.body);
  }
}

void write_rest_body(const Operation& operation, Protocol protocol, const Node& input,
                     HttpRequestParts& out) {
  const Shape& shape = input_of(operation);
  if (shape.payload >= 0) {
    const auto slot = static_cast<std::size_t>(shape.payload);
    write_payload(shape.members[slot], input.items[slot], protocol, out);
  } else if (has_body_members(shape) && protocol == Protocol::rest_json) {
    set_type("application/json", out);
    write_json(input, shape, Names::wire, out.body);
  } else if (has_body_members(shape)) {
    set_type("application/xml", out);
    const std::string_view own =
        shape.location_name.empty() ? operation.input_name : shape.location_name;
    const XmlNamespace& space =
        operation.input_namespace.uri.empty() ? shape.xml_namespace : operation.input_namespace;
    write_element(own.empty() ? shape.name : own, input, shape, space, out.body);
  }
}

Result<Node> read_xml_body(const Operation& operation, std::string_view body, Arena& arena) {
  const Shape& shape = *operation.output;
  TRY(const Element* root, parse_xml(body, arena));
  if (!shape.is(ShapeFlag::bare_root)) return read_structure(*root, shape, TreeForm::xml, arena);
  Node out = make_structure(shape.members.size(), arena);
  if (!root->text.empty()) out.items[0] = make_text(root->text);
  return out;
}

Result<Node> read_query_body(const Operation& operation, std::string_view body, Arena& arena) {
  TRY(const Element* root, parse_xml(body, arena));
  const bool named = !operation.result_wrapper.empty();
  const Element* result = root->child(named ? std::string(operation.result_wrapper)
                                            : std::string(operation.name) + "Result");
  return read_structure(result == nullptr ? *root : *result, *operation.output, TreeForm::xml,
                        arena);
}

Result<Node> read_payload(const Member& member, Protocol protocol, std::string_view body,
                          Arena& arena) {
  if (bypasses_node(member) || body.empty()) return Node{};
  const Shape& shape = *member.shape;
  if (shape.kind == ShapeKind::blob) return make_blob(arena.copy(body));
  if (shape.kind == ShapeKind::text) return make_text(arena.copy(body));
  if (protocol == Protocol::rest_json)
    return read_json(arena.copy(body), shape, Names::wire, arena);
  TRY(const Element* root, parse_xml(body, arena));
  return read_structure(*root, shape, TreeForm::xml, arena);
}

Result<Node> read_rest(const Operation& operation, Protocol protocol,
                       const HttpResponseView& response, Arena& arena) {
  const Shape& shape = *operation.output;
  Node out = make_structure(shape.members.size(), arena);
  if (shape.payload >= 0) {
    const auto slot = static_cast<std::size_t>(shape.payload);
    TRY(out.items[slot], read_payload(shape.members[slot], protocol, response.body, arena));
    if (out.items[slot].kind == Kind::null) out.items[slot] = Node{};
  } else if (has_body_members(shape) && !response.body.empty()) {
    TRY(out, protocol == Protocol::rest_json
                 ? read_json(arena.copy(response.body), shape, Names::wire, arena)
                 : read_xml_body(operation, response.body, arena));
    if (out.kind != Kind::structure) out = make_structure(shape.members.size(), arena);
  }
  TRY_DO(read_response_bindings(shape, response.headers, response.status, arena, out));
  return out;
}

Result<Node> read_rpc(const Operation& operation, Protocol protocol,
                      const HttpResponseView& response, Arena& arena) {
  const Shape& shape = *operation.output;
  if (response.body.empty()) return make_structure(shape.members.size(), arena);
  if (protocol == Protocol::query) return read_query_body(operation, response.body, arena);
  if (protocol == Protocol::cbor) return read_cbor(arena.copy(response.body), shape, arena);
  return read_json(arena.copy(response.body), shape, json_names(operation.schema->service), arena);
}

}  // namespace

Result<HttpRequestParts> encode_request(const Operation& operation, Protocol protocol,
                                        const Node& input) {
  Arena arena;
  const std::size_t slots = input_of(operation).members.size();
  const bool fits = input.kind == Kind::structure && input.n == slots;
  const Node node = fits ? input : make_structure(slots, arena);
  HttpRequestParts out;
  out.method = operation.method;
  if (protocol != Protocol::rest_json && protocol != Protocol::rest_xml) {
    out.method = "POST";
    write_rpc(operation, protocol, node, out);
    return out;
  }
  TRY_DO(write_target(operation, node, out));
  write_headers(node, input_of(operation), out.headers);
  write_rest_body(operation, protocol, node, out);
  return out;
}

Result<Node> decode_response(const Operation& operation, Protocol protocol,
                             const HttpResponseView& response, Arena& arena) {
  if (operation.output == nullptr) return make_structure(0, arena);
  const bool rest = protocol == Protocol::rest_json || protocol == Protocol::rest_xml;
  TRY(Node out, rest ? read_rest(operation, protocol, response, arena)
                     : read_rpc(operation, protocol, response, arena));
  if (out.kind != Kind::structure) out = make_structure(operation.output->members.size(), arena);
  return out;
}

}  // namespace slipway::wire

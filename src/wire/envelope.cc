#include "wire/envelope.h"

#include "base/encoding.h"
#include "base/text.h"
#include "wire/xml_codec.h"

namespace slipway::wire {

std::string_view content_type_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::json10: return "application/x-amz-json-1.0";
    case Protocol::json11: return "application/x-amz-json-1.1";
    case Protocol::rest_json: return "application/json";
    case Protocol::rest_xml: return "application/xml";
    case Protocol::query: return "text/xml";
    case Protocol::cbor: return "application/cbor";
  }
  return "application/octet-stream";
}

void add_content_type(std::string_view type, HttpResponseParts& out) {
  for (const auto& [name, value] : out.headers) {
    if (equal_ignoring_case(name, "content-type")) return;
  }
  out.headers.emplace_back("Content-Type", type);
}

void add_request_id(const Service& service, std::string_view request_id, HttpResponseParts& out) {
  if (!service.s3_style) {
    out.headers.emplace_back("x-amzn-RequestId", request_id);
    return;
  }
  out.headers.emplace_back("x-amz-request-id", request_id);
  out.headers.emplace_back("x-amz-id-2", host_id(request_id));
}

std::string host_id(std::string_view request_id) {
  const auto digest = sha256(request_id);
  return to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

XmlNamespace xml_space(const Operation& operation, const Shape& shape, const Member* payload) {
  if (payload != nullptr && !payload->xml_namespace.uri.empty()) return payload->xml_namespace;
  if (!shape.xml_namespace.uri.empty()) return shape.xml_namespace;
  return {"", operation.schema->service.xml_namespace};
}

void write_xml_document(const Operation& operation, std::string_view name, const Node& node,
                        const Shape& shape, const Member* payload, std::string& out) {
  const bool s3 = operation.schema->service.s3_style;
  out += xml_declaration;
  write_element(name, node, shape, xml_space(operation, shape, payload), out,
                s3 ? XmlTimes::milliseconds : XmlTimes::shortest);
}

}  // namespace slipway::wire

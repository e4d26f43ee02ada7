// Errors in the envelopes of their protocols, out and in.
#include <algorithm>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/cbor_codec.h"
#include "wire/codec.h"
#include "wire/element.h"
#include "wire/envelope.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"
#include "wire/rest_bindings.h"
#include "wire/scalar.h"
#include "wire/xml_codec.h"

namespace slipway::wire {
namespace {

constexpr int status_default = 400;

const Shape* find_error(const Operation* operation, std::string_view code) {
  if (operation == nullptr) return nullptr;
  const auto matches = [&](const Shape& shape) {
    return shape.name == code || (!shape.error_code.empty() && shape.error_code == code);
  };
  for (const Shape* shape : operation->errors) {
    if (matches(*shape)) return shape;
  }
  for (const Shape& shape : operation->schema->shapes) {
    if (shape.is(ShapeFlag::exception) && matches(shape)) return &shape;
  }
  return nullptr;
}

// An error whose texts can be written in every protocol: it may quote what a stranger sent or what
// a container said, and that need not be UTF-8.
struct LegibleError {
  explicit LegibleError(const ErrorAnswer& given) : message(to_utf8(given.message)), answer(given) {
    for (const auto& [name, value] : given.details) details.emplace_back(name, to_utf8(value));
    answer.message = message;
    answer.details = details;
  }
  LegibleError(const LegibleError&) = delete;
  LegibleError& operator=(const LegibleError&) = delete;

  const std::string message;
  std::vector<std::pair<std::string, std::string>> details;
  ErrorAnswer answer;  // of views into the others
};

// An error about to be written: the modelled shape, where there is one, with its members filled.
class Failure {
 public:
  Failure(const Service& service, const Operation* operation, const ErrorAnswer& answer)
      : service_(service), answer_(answer), shape_(find_error(operation, answer.code)) {
    if (shape_ == nullptr) return;
    node_ = make_structure(shape_->members.size(), arena_);
    const bool given = answer.members != nullptr && answer.members->kind == Kind::structure &&
                       answer.members->n == node_.n;
    if (given) std::ranges::copy(answer.members->slots(), node_.items);
    if (const int slot = message_slot(); slot >= 0 && !answer.message.empty()) {
      node_.items[slot] = make_text(answer.message);
    }
    for (const auto& [name, value] : answer.details) fill(name, value);
  }

  const Shape* shape() const { return shape_; }
  const Node& node() const { return node_; }

  int status() const {
    if (answer_.status != 0) return answer_.status;
    if (shape_ != nullptr && shape_->error_status != 0) return shape_->error_status;
    return status_default;
  }

  std::string_view fault() const { return status() >= 500 ? "Receiver" : "Sender"; }

  // Returns what SDKs look for: the shape's name in JSON and CBOR.
  std::string_view name() const { return shape_ != nullptr ? shape_->name : answer_.code; }

  // Returns what stands in XML's <Code> and in x-amzn-query-error. Services that spoke Query before
  // JSON call there without "Exception" what their models do not have: InvalidParameterValue.
  std::string_view code() const {
    constexpr std::string_view mark = "Exception";
    if (shape_ == nullptr && service_.query_compatible && answer_.code.ends_with(mark)) {
      if (answer_.code == "UnrecognizedClientException") return "InvalidClientTokenId";
      if (answer_.code == "InvalidSignatureException") return "SignatureDoesNotMatch";
      return answer_.code.substr(0, answer_.code.size() - mark.size());
    }
    if (shape_ == nullptr) return answer_.code;
    return shape_->error_code.empty() ? shape_->name : shape_->error_code;
  }

  // Whether x-amzn-ErrorType names the error too. Services that spoke Query before JSON send
  // x-amzn-query-error in its place.
  bool is_named_in_header() const { return !service_.query_compatible; }

  std::string type() const {
    if (shape_ == nullptr) return std::string(answer_.code);
    return "com.amazonaws." + std::string(service_.name) + "#" + std::string(shape_->name);
  }

  // Whether the shape has a member for the message, so that it is written with the others.
  bool message_is_member() const { return message_slot() >= 0; }

  // The slot of that name, or -1; `-1` for details is "beside the model".
  int slot_of(std::string_view name) const {
    return shape_ == nullptr ? -1 : find_member(*shape_, name);
  }

  // Details that the model does not have, as name and value.
  template <typename F>
  void each_extra(F write) const {
    for (const auto& [name, value] : answer_.details) {
      if (slot_of(name) < 0) write(name, value);
    }
  }

 private:
  int message_slot() const {
    for (std::size_t i = 0; i < shape_->members.size(); ++i) {
      const Member& member = shape_->members[i];
      const bool named = equal_ignoring_case(member.name, "message");
      if (named && member.location == Location::body) return static_cast<int>(i);
    }
    return -1;
  }

  void fill(std::string_view name, std::string_view value) {
    const int slot = slot_of(name);
    if (slot < 0) return;
    const Shape& shape = *shape_->members[static_cast<std::size_t>(slot)].shape;
    const auto node = parse_scalar(shape, value, TimestampFormat::unspecified, arena_);
    if (node) node_.items[slot] = *node;
  }

  const Service& service_;
  const ErrorAnswer& answer_;
  const Shape* shape_ = nullptr;
  Arena arena_;
  Node node_{};
};

void add_json_member(std::string_view name, std::string_view value, std::string& out) {
  if (out.back() != '{') out += ',';
  write_json_string(name, out);
  out += ':';
  write_json_string(value, out);
}

void write_json_error(const Failure& failure, const ErrorAnswer& answer, Protocol protocol,
                      HttpResponseParts& out) {
  add_content_type(content_type_of(protocol), out);
  if (failure.is_named_in_header()) out.headers.emplace_back("x-amzn-ErrorType", failure.name());
  out.body = "{";
  const bool rest = protocol == Protocol::rest_json;
  add_json_member("__type", rest ? std::string(failure.name()) : failure.type(), out.body);
  if (failure.shape() == nullptr || !failure.message_is_member()) {
    if (!answer.message.empty())
      add_json_member(rest ? "Message" : "message", answer.message, out.body);
  }
  failure.each_extra([&](std::string_view name, std::string_view value) {
    add_json_member(name, value, out.body);
  });
  if (failure.shape() != nullptr) {
    if (rest) write_headers(failure.node(), *failure.shape(), out.headers);
    std::string members;
    write_json(failure.node(), *failure.shape(), Names::wire, members);
    if (members.size() > 2) (out.body += ',').append(members, 1, members.size() - 2);
  }
  out.body += '}';
}

void write_cbor_error(const Failure& failure, const ErrorAnswer& answer, HttpResponseParts& out) {
  out.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
  add_content_type("application/cbor", out);
  const bool modelled = failure.shape() != nullptr;
  const bool message = !answer.message.empty() && (!modelled || !failure.message_is_member());
  std::size_t members = message ? 2 : 1;
  if (modelled) {
    for (const Node& slot : failure.node().slots()) members += slot.present() ? 1 : 0;
  }
  write_cbor_map_head(members, out.body);
  write_cbor_text("__type", out.body);
  write_cbor_text(failure.type(), out.body);
  if (message) {
    write_cbor_text("message", out.body);
    write_cbor_text(answer.message, out.body);
  }
  for (std::size_t i = 0; modelled && i < failure.shape()->members.size(); ++i) {
    if (!failure.node().items[i].present()) continue;
    const Member& member = failure.shape()->members[i];
    write_cbor_text(member.wire_name, out.body);
    write_cbor(failure.node().items[i], *member.shape, out.body);
  }
}

void add_element(std::string_view name, std::string_view text, std::string& out) {
  open_tag(name, {}, out);
  write_xml_text(text, out);
  close_tag(name, out);
}

void write_error_members(const Failure& failure, const ErrorAnswer& answer, std::string& out,
                         const Service& service) {
  const bool modelled = failure.shape() != nullptr;
  add_element("Code", failure.code(), out);
  // botocore and the others look for "Message" whatever the model calls the member; S3's is there
  // even where it is empty.
  if (!answer.message.empty() || service.s3_style) add_element("Message", answer.message, out);
  if (modelled) {
    for (std::size_t i = 0; i < failure.shape()->members.size(); ++i) {
      const Member& member = failure.shape()->members[i];
      const Node& node = failure.node().items[i];
      const bool is_message =
          equal_ignoring_case(member.name, "message") && !answer.message.empty();
      if (is_message || !node.present() || member.location != Location::body) continue;
      const Shape one{.name = failure.shape()->name, .members = {&member, 1}};
      Arena arena;
      Node wrapped = make_structure(1, arena);
      wrapped.items[0] = node;
      write_members(wrapped, one, out);
    }
  }
  failure.each_extra(
      [&](std::string_view name, std::string_view value) { add_element(name, value, out); });
}

void write_s3_error(const Service& service, const Failure& failure, const ErrorAnswer& answer,
                    std::string_view request_id, HttpResponseParts& out) {
  add_content_type("application/xml", out);
  out.body += xml_declaration;
  open_tag("Error", {}, out.body);
  write_error_members(failure, answer, out.body, service);
  add_element("RequestId", request_id, out.body);
  add_element("HostId", host_id(request_id), out.body);
  close_tag("Error", out.body);
}

void write_xml_error(const Service& service, const Failure& failure, const ErrorAnswer& answer,
                     Protocol protocol, std::string_view request_id, HttpResponseParts& out) {
  add_content_type(content_type_of(protocol), out);
  if (failure.shape() != nullptr && protocol == Protocol::rest_xml) {
    write_headers(failure.node(), *failure.shape(), out.headers);
  }
  open_tag("ErrorResponse", {"", service.xml_namespace}, out.body);
  open_tag("Error", {}, out.body);
  add_element("Type", failure.fault(), out.body);
  write_error_members(failure, answer, out.body, service);
  close_tag("Error", out.body);
  add_element("RequestId", request_id, out.body);
  close_tag("ErrorResponse", out.body);
}

// "com.amazonaws.sagemaker#ResourceInUse:http://..." is ResourceInUse.
std::string bare_code(std::string_view text) {
  text = text.substr(0, text.find(':'));
  const auto mark = text.rfind('#');
  return std::string(mark == std::string_view::npos ? text : text.substr(mark + 1));
}

std::string text_of(const Node& document, std::string_view name) {
  if (document.kind != Kind::map) return {};
  for (const MapEntry& entry : document.map()) {
    if (equal_ignoring_case(entry.key, name) && entry.value.kind == Kind::text) {
      return std::string(entry.value.text());
    }
  }
  return {};
}

void read_json_error(const HttpResponseView& response, Arena& arena, ServiceError& out) {
  out.code = bare_code(response.header("x-amzn-errortype"));
  const auto document = read_json_document(response.body, arena);
  if (!document) return;
  for (const std::string_view name : {"__type", "code"}) {
    if (out.code.empty()) out.code = bare_code(text_of(*document, name));
  }
  out.message = text_of(*document, "message");
}

void read_cbor_error(const HttpResponseView& response, Arena& arena, ServiceError& out) {
  static constexpr Shape text{.name = "String", .kind = ShapeKind::text};
  static constexpr Member members[] = {
      {"__type", "__type", &text}, {"message", "message", &text}, {"Message", "Message", &text}};
  static constexpr Shape shape{.name = "Error", .members = members};
  const auto node = read_cbor(response.body, shape, arena);
  if (!node || node->kind != Kind::structure) return;
  if (node->items[0].present()) out.code = bare_code(node->items[0].text());
  for (const std::size_t slot : {1u, 2u}) {
    if (node->items[slot].present()) out.message = node->items[slot].text();
  }
}

void read_xml_error(const HttpResponseView& response, Arena& arena, ServiceError& out) {
  const auto root = parse_xml(response.body, arena);
  if (!root) return;
  const Element* error = (*root)->child("Error");
  if (error == nullptr) error = *root;
  if (const Element* code = error->child("Code")) out.code = code->text;
  if (const Element* message = error->child("Message")) out.message = message->text;
  for (const Element* place : {*root, error}) {
    const Element* id = place->child("RequestId");
    if (id != nullptr && out.request_id.empty()) out.request_id = id->text;
  }
}

}  // namespace

HttpResponseParts encode_error(const Service& service, const Operation* operation,
                               Protocol protocol, const ErrorAnswer& given,
                               std::string_view request_id) {
  const LegibleError legible(given);
  const ErrorAnswer& error = legible.answer;
  const Failure failure(service, operation, error);
  HttpResponseParts out;
  out.status = failure.status();
  add_request_id(service, request_id, out);
  if (service.query_compatible && protocol != Protocol::query) {
    out.headers.emplace_back("x-amzn-query-error",
                             std::string(failure.code()) + ";" + std::string(failure.fault()));
  }
  switch (protocol) {
    case Protocol::cbor: write_cbor_error(failure, error, out); break;
    case Protocol::query:
    case Protocol::rest_xml:
      if (service.s3_style) {
        write_s3_error(service, failure, error, request_id, out);
      } else {
        write_xml_error(service, failure, error, protocol, request_id, out);
      }
      break;
    default: write_json_error(failure, error, protocol, out);
  }
  return out;
}

ServiceError decode_error(Protocol protocol, const HttpResponseView& response) {
  ServiceError out;
  Arena arena;
  out.status = response.status;
  for (const std::string_view name : {"x-amzn-requestid", "x-amz-request-id"}) {
    if (out.request_id.empty()) out.request_id = response.header(name);
  }
  switch (protocol) {
    case Protocol::cbor: read_cbor_error(response, arena, out); break;
    case Protocol::query:
    case Protocol::rest_xml: read_xml_error(response, arena, out); break;
    default: read_json_error(response, arena, out);
  }
  if (out.code.empty()) out.code = std::to_string(response.status);
  return out;
}

}  // namespace slipway::wire

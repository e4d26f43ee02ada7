#include "wire/schema_loader.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "wire/json_reader.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view shape_traits[] = {
    "type", "required", "members", "member", "key", "value", "min", "max", "pattern", "enum",
    "sensitive", "flattened", "union", "document", "exception", "error", "payload", "event",
    "eventstream", "xmlNamespace", "locationName", "timestampFormat", "sparse", "streaming",
    "location", "fault",
    // Left out on purpose.
    "documentation", "box", "synthetic", "retryable", "wrapper", "xmlOrder", "deprecated",
    "deprecatedMessage", "deprecatedSince", "requiresLength", "resultWrapper"};
constexpr std::string_view member_traits[] = {
    "shape", "location", "locationName", "flattened", "streaming", "xmlAttribute", "xmlNamespace",
    "timestampFormat", "jsonvalue", "idempotencyToken", "eventpayload", "eventheader", "hostLabel",
    "deprecated",
    // Left out on purpose.
    "documentation", "box", "contextParam", "deprecatedMessage", "deprecatedSince", "queryName",
    "enum"};
constexpr std::string_view operation_traits[] = {
    "name", "http", "input", "output", "errors", "authtype", "unsignedPayload", "httpChecksum",
    "httpChecksumRequired", "endpoint", "requestcompression", "deprecated",
    // Left out on purpose.
    "documentation", "idempotent", "readonly", "staticContextParams", "operationContextParams",
    "deprecatedMessage", "deprecatedSince", "endpointdiscovery", "endpointoperation", "auth",
    "alias", "documentationUrl"};

constexpr std::uint16_t server_fault_status = 500;

// ---- Reading documents ----

const Node* find(const Node& map, std::string_view name) {
  if (map.kind != Kind::map) return nullptr;
  for (const MapEntry& entry : map.map()) {
    if (entry.key == name) return &entry.value;
  }
  return nullptr;
}

std::string_view text(const Node& map, std::string_view name) {
  const Node* found = find(map, name);
  return found != nullptr && found->kind == Kind::text ? found->text() : std::string_view{};
}

bool flag(const Node& map, std::string_view name) {
  const Node* found = find(map, name);
  return found != nullptr && (found->kind != Kind::boolean || found->boolean);
}

double number(const Node& map, std::string_view name) {
  const Node* found = find(map, name);
  if (found == nullptr) return unbounded;
  return found->kind == Kind::integer ? static_cast<double>(found->integer) : found->real;
}

Result<void> check(const Node& map, Names known, std::string_view where) {
  for (const MapEntry& entry : map.map()) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    return unreadable("unknown trait '" + std::string(entry.key) + "' on " + std::string(where) +
                      ": decide what it means and add it to schema_loader.cc");
  }
  return {};
}

XmlNamespace space_of(const Node& map) {
  const Node* found = find(map, "xmlNamespace");
  if (found == nullptr) return {};
  if (found->kind == Kind::text) return {"", found->text()};
  return {text(*found, "prefix"), text(*found, "uri")};
}

template <typename T>
T lookup(std::string_view word, T otherwise,
         std::span<const std::pair<std::string_view, T>> table) {
  for (const auto& [name, value] : table) {
    if (name == word) return value;
  }
  return otherwise;
}

TimestampFormat time_of(const Node& map) {
  static constexpr std::pair<std::string_view, TimestampFormat> table[] = {
      {"iso8601", TimestampFormat::iso8601},
      {"unixTimestamp", TimestampFormat::unix_seconds},
      {"rfc822", TimestampFormat::http_date}};
  return lookup<TimestampFormat>(text(map, "timestampFormat"), TimestampFormat::unspecified, table);
}

Location location_of(const Node& map) {
  static constexpr std::pair<std::string_view, Location> table[] = {
      {"header", Location::header},
      {"headers", Location::headers_with_prefix},
      {"uri", Location::uri},
      {"querystring", Location::query},
      {"statusCode", Location::status_code}};
  return lookup<Location>(text(map, "location"), Location::body, table);
}

ShapeKind kind_of(const Node& shape) {
  static constexpr std::pair<std::string_view, ShapeKind> table[] = {
      {"list", ShapeKind::list},          {"map", ShapeKind::map},
      {"string", ShapeKind::text},        {"character", ShapeKind::text},
      {"blob", ShapeKind::blob},          {"boolean", ShapeKind::boolean},
      {"integer", ShapeKind::integer},    {"long", ShapeKind::long_integer},
      {"float", ShapeKind::float_number}, {"double", ShapeKind::double_number},
      {"timestamp", ShapeKind::timestamp}};
  if (flag(shape, "document")) return ShapeKind::document;
  return lookup<ShapeKind>(text(shape, "type"), ShapeKind::structure, table);
}

template <typename Flag>
std::uint16_t flags_of(const Node& map, std::span<const std::pair<std::string_view, Flag>> table) {
  std::uint16_t flags = 0;
  for (const auto& [name, bit] : table) {
    if (flag(map, name)) flags |= static_cast<std::uint16_t>(bit);
  }
  return flags;
}

std::uint16_t member_flags(const Node& reference) {
  static constexpr std::pair<std::string_view, MemberFlag> table[] = {
      {"flattened", MemberFlag::flattened},
      {"xmlAttribute", MemberFlag::xml_attribute},
      {"idempotencyToken", MemberFlag::idempotency_token},
      {"streaming", MemberFlag::streaming},
      {"jsonvalue", MemberFlag::json_value},
      {"eventpayload", MemberFlag::event_payload},
      {"eventheader", MemberFlag::event_header},
      {"hostLabel", MemberFlag::host_label},
      {"deprecated", MemberFlag::deprecated}};
  return flags_of<MemberFlag>(reference, table);
}

std::uint16_t shape_flags(const Node& shape) {
  static constexpr std::pair<std::string_view, ShapeFlag> table[] = {
      {"sensitive", ShapeFlag::sensitive}, {"flattened", ShapeFlag::flat},
      {"union", ShapeFlag::is_union},      {"exception", ShapeFlag::exception},
      {"sparse", ShapeFlag::sparse},       {"eventstream", ShapeFlag::event_stream},
      {"event", ShapeFlag::event},         {"streaming", ShapeFlag::streaming_blob}};
  return flags_of<ShapeFlag>(shape, table);
}

// ---- Building ----

class Loader final : public LoadedSchema {
 public:
  const Schema& schema() const override { return schema_; }

  Result<void> load(const ModelParts& parts) {
    const Node shapes = deep_copy(parts.shapes, arena_);
    for (const MapEntry& entry : shapes.map()) {
      index_[entry.key] = index_.size();
      models_[entry.key] = &entry.value;
    }
    shapes_.resize(index_.size());
    for (const MapEntry& entry : shapes.map()) TRY_DO(load_shape(entry.key, entry.value));
    load_service(deep_copy(parts.metadata, arena_));
    for (const Node& operation : parts.operations)
      TRY_DO(load_operation(deep_copy(operation, arena_)));
    keep_outputs_in_body();
    std::ranges::sort(operations_, {}, &Operation::name);
    schema_.shapes = shapes_;
    schema_.operations = operations_;
    return {};
  }

 private:
  Result<const Shape*> shape_of(const Node& reference) {
    const auto found = index_.find(text(reference, "shape"));
    if (found == index_.end())
      return unreadable("no shape '" + std::string(text(reference, "shape")) + "'");
    return &shapes_[found->second];
  }

  std::span<const std::string_view> texts(const Node* list) {
    if (list == nullptr) return {};
    std::vector<std::string_view>& out = texts_.emplace_back();
    for (const Node& item : list->slots()) out.push_back(item.text());
    return out;
  }

  Result<void> add_member(std::string_view name, std::string_view wire_default,
                          const Node& reference, std::vector<Member>& out) {
    TRY_DO(check(reference, member_traits, name));
    TRY(const Shape* shape, shape_of(reference));
    const std::string_view wire = text(reference, "locationName");
    const bool named = find(reference, "locationName") != nullptr;
    out.push_back({name, named ? wire : wire_default, shape, location_of(reference),
                   member_flags(reference), time_of(reference), space_of(reference)});
    // Old models say where a member travels on its shape.
    const Node& model = *models_[text(reference, "shape")];
    if (!text(model, "location").empty()) {
      out.back().location = location_of(model);
      if (!named && find(model, "locationName") != nullptr)
        out.back().wire_name = text(model, "locationName");
    }
    return {};
  }

  Result<void> add_members(const Node& shape, std::vector<Member>& out) {
    for (const std::string_view name : {"member", "key", "value"}) {
      if (const Node* reference = find(shape, name)) {
        if (reference->kind == Kind::map) TRY_DO(add_member(name, "", *reference, out));
      }
    }
    const Node* members = find(shape, "members");
    if (members == nullptr) return {};
    for (const MapEntry& entry : members->map()) {
      TRY_DO(add_member(entry.key, entry.key, entry.value, out));
    }
    for (const std::string_view name : texts(find(shape, "required"))) {
      const auto member = std::ranges::find(out, name, &Member::name);
      if (member != out.end()) member->flags |= static_cast<std::uint16_t>(MemberFlag::required);
    }
    return {};
  }

  Result<void> load_shape(std::string_view name, const Node& model) {
    TRY_DO(check(model, shape_traits, name));
    std::vector<Member>& members = members_.emplace_back();
    Shape shape{.name = name,
                .kind = kind_of(model),
                .flags = shape_flags(model),
                .timestamp_format = time_of(model)};
    if (shape.kind != ShapeKind::document) TRY_DO(add_members(model, members));
    shape.members = members;
    shape.min = number(model, "min");
    shape.max = number(model, "max");
    shape.pattern = text(model, "pattern");
    shape.enum_values = texts(find(model, "enum"));
    shape.location_name = text(model, "locationName");
    shape.xml_namespace = space_of(model);
    if (const std::string_view payload = text(model, "payload"); !payload.empty()) {
      shape.payload = static_cast<std::int16_t>(find_member(shape, payload));
    }
    if (flag(model, "fault")) shape.error_status = server_fault_status;
    if (const Node* error = find(model, "error")) load_error(*error, shape);
    shapes_[index_[name]] = shape;
    return {};
  }

  // An answer has neither path nor query: what a model puts there travels in its body.
  void keep_outputs_in_body() {
    for (const Operation& operation : operations_) {
      const auto takes = [&](const Operation& other) { return other.input == operation.output; };
      if (operation.output == nullptr || std::ranges::any_of(operations_, takes)) continue;
      for (Member& member : members_[static_cast<std::size_t>(operation.output - shapes_.data())]) {
        const bool request_only =
            member.location == Location::uri || member.location == Location::query;
        if (request_only) member.location = Location::body;
      }
    }
  }

  static void load_error(const Node& error, Shape& shape) {
    shape.error_code = text(error, "code");
    const double status = number(error, "httpStatusCode");
    if (status == status) shape.error_status = static_cast<std::uint16_t>(status);
    if (flag(error, "senderFault"))
      shape.flags |= static_cast<std::uint16_t>(ShapeFlag::sender_fault);
  }

  void load_service(const Node& metadata) {
    Service& service = schema_.service;
    service.name = text(metadata, "endpointPrefix");
    service.service_id = text(metadata, "serviceId");
    service.api_version = text(metadata, "apiVersion");
    service.endpoint_prefix = text(metadata, "endpointPrefix");
    service.signing_name = text(metadata, "signingName");
    if (service.signing_name.empty()) service.signing_name = service.endpoint_prefix;
    service.target_prefix = text(metadata, "targetPrefix");
    service.xml_namespace = text(metadata, "xmlNamespace");
    service.query_compatible = find(metadata, "awsQueryCompatible") != nullptr;
    const Node* spoken = find(metadata, "protocols");
    if (spoken == nullptr) spoken = find(metadata, "protocol");
    const Node one[] = {spoken == nullptr ? Node{} : *spoken};
    const std::span<const Node> words =
        one[0].kind == Kind::list ? std::span<const Node>(one[0].slots()) : one;
    for (const Node& word : words)
      add_protocol(word.text(), text(metadata, "jsonVersion") == "1.0");
    service.protocols = protocols_;
  }

  void add_protocol(std::string_view word, bool json10) {
    static constexpr std::pair<std::string_view, Protocol> table[] = {
        {"rest-json", Protocol::rest_json},
        {"rest-xml", Protocol::rest_xml},
        {"query", Protocol::query},
        {"smithy-rpc-v2-cbor", Protocol::cbor}};
    protocols_.push_back(
        lookup<Protocol>(word, json10 ? Protocol::json10 : Protocol::json11, table));
  }

  Result<void> load_operation(const Node& model) {
    TRY_DO(check(model, operation_traits, text(model, "name")));
    Operation operation{
        .name = text(model, "name"), .schema = &schema_, .method = "POST", .request_uri = "/"};
    operation.flags = static_cast<std::uint16_t>(OperationFlag::built);
    if (const Node* http = find(model, "http")) {
      operation.method = text(*http, "method");
      operation.request_uri = text(*http, "requestUri");
      const double code = number(*http, "responseCode");
      if (code == code) operation.response_code = static_cast<std::uint16_t>(code);
    }
    if (flag(model, "requestcompression")) {
      operation.flags |= static_cast<std::uint16_t>(OperationFlag::compressible);
    }
    TRY_DO(load_sides(model, operation));
    operation.auth_type = text(model, "authtype");
    operation.mode = "test";
    operations_.push_back(operation);
    return {};
  }

  Result<void> load_sides(const Node& model, Operation& operation) {
    if (const Node* input = find(model, "input")) {
      TRY(operation.input, shape_of(*input));
      operation.input_name = text(*input, "locationName");
      operation.input_namespace = space_of(*input);
      // Old models name the payload here.
      if (const std::string_view payload = text(*input, "payload"); !payload.empty()) {
        Shape& shape = shapes_[index_.at(text(*input, "shape"))];
        shape.payload = static_cast<std::int16_t>(find_member(shape, payload));
      }
    }
    if (const Node* output = find(model, "output")) {
      TRY(operation.output, shape_of(*output));
      operation.result_wrapper = text(*output, "resultWrapper");
    }
    const Node* errors = find(model, "errors");
    if (errors == nullptr) return {};
    std::vector<const Shape*>& list = errors_.emplace_back();
    for (const Node& reference : errors->slots()) {
      TRY(const Shape* shape, shape_of(reference));
      list.push_back(shape);
    }
    operation.errors = list;
    return {};
  }

  Arena arena_;
  Schema schema_;
  std::map<std::string_view, std::size_t> index_;
  std::map<std::string_view, const Node*> models_;
  std::vector<Shape> shapes_;
  std::vector<Operation> operations_;
  std::vector<Protocol> protocols_;
  std::deque<std::vector<Member>> members_;
  std::deque<std::vector<std::string_view>> texts_;
  std::deque<std::vector<const Shape*>> errors_;
};

}  // namespace

Result<std::unique_ptr<LoadedSchema>> load_schema(const ModelParts& parts) {
  auto loader = std::make_unique<Loader>();
  TRY_DO(loader->load(parts));
  return loader;
}

Result<std::unique_ptr<LoadedSchema>> load_schema(std::string_view model_json) {
  Arena arena;
  TRY(const Node model, read_json_document(model_json, arena));
  const Node* metadata = find(model, "metadata");
  const Node* shapes = find(model, "shapes");
  const Node* operations = find(model, "operations");
  if (metadata == nullptr || shapes == nullptr || operations == nullptr) {
    return unreadable("a model has metadata, shapes and operations; this text lacks one of them");
  }
  std::vector<Node> list;
  for (const MapEntry& entry : operations->map()) list.push_back(entry.value);
  return load_schema({*metadata, *shapes, list});
}

}  // namespace slipway::wire

// AWS's models say this about services, operations and shapes, as plain tables.
//
// The tables of each service in src/service/*/operations.txt are generated when the project is
// built (tools/generate_wire.py, from the pinned botocore wheel) and live in read-only memory. The
// same form is loaded at run time from JSON (schema_loader.h): the protocol tests do that.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace slipway::wire {

// AWS's protocols: how an operation's input and output are laid out in HTTP.
enum class Protocol : std::uint8_t { json10, json11, rest_json, rest_xml, query, cbor };

// "json10", "rest_json", ...: for messages and logs.
std::string_view name_of(Protocol protocol);

// The kinds of shapes in the models.
enum class ShapeKind : std::uint8_t {
  structure,
  list,
  map,
  text,
  blob,
  boolean,
  integer,
  long_integer,
  float_number,
  double_number,
  timestamp,
  document,  // any JSON value
};

// Says how a timestamp is written; `unspecified` leaves it to the protocol and the place.
enum class TimestampFormat : std::uint8_t { unspecified, iso8601, unix_seconds, http_date };

// Says where a member travels. `body` unless the model says otherwise.
enum class Location : std::uint8_t {
  body,
  header,
  headers_with_prefix,
  uri,
  query,
  status_code,
};

struct Shape;
struct Schema;

// A namespace that an element declares.
struct XmlNamespace {
  std::string_view prefix;
  std::string_view uri;
};

// Says what the model says of a member beside its shape: bits of Member::flags.
enum class MemberFlag : std::uint16_t {
  required = 1 << 0,
  flattened = 1 << 1,
  xml_attribute = 1 << 2,
  idempotency_token = 1 << 3,
  streaming = 1 << 4,   // the bytes bypass Node: the door gets or gives a byte stream beside it
  json_value = 1 << 5,  // a JSON document carried as text (base64 in a header)
  event_payload = 1 << 6,
  event_header = 1 << 7,
  host_label = 1 << 8,
  deprecated = 1 << 9,
};

// A member of a structure, the element of a list, or the key or value of a map.
struct Member {
  std::string_view name;       // as the model spells it
  std::string_view wire_name;  // locationName where the model has one, else `name`; empty for the
                               // element, key and value of a collection that names none
  const Shape* shape = nullptr;
  Location location = Location::body;
  std::uint16_t flags = 0;
  TimestampFormat timestamp_format = TimestampFormat::unspecified;
  XmlNamespace xml_namespace = {};
  // Overlay: what is said instead of the shape's pattern, "It must contain only ...".
  std::string_view sentence = {};

  bool is(MemberFlag flag) const { return (flags & static_cast<std::uint16_t>(flag)) != 0; }
};

// Says what the model says of a shape: bits of Shape::flags.
enum class ShapeFlag : std::uint16_t {
  sensitive = 1 << 0,  // never in a message or a log
  flat = 1 << 1,       // list, map: `flattened` on the shape itself
  is_union = 1 << 2,
  exception = 1 << 3,
  sender_fault = 1 << 4,
  sparse = 1 << 5,  // list, map: null items are kept
  event_stream = 1 << 6,
  event = 1 << 7,
  open_enum = 1 << 8,  // overlay: values beyond `enum_values` are accepted
  streaming_blob = 1 << 9,
  bare_root = 1 << 10,  // overlay: the only body member is the root element itself
};

inline constexpr double unbounded = std::numeric_limits<double>::quiet_NaN();

// A shape of the model. Generated, immutable, for the life of the program.
struct Shape {
  std::string_view name;
  ShapeKind kind = ShapeKind::structure;
  std::uint16_t flags = 0;
  TimestampFormat timestamp_format = TimestampFormat::unspecified;
  std::int16_t payload = -1;  // structure: the member that is the whole body, or -1
  // structure: its members; list: {element}; map: {key, value}; else empty.
  std::span<const Member> members = {};
  // Text, blob: length; list, map: count; number: value. `unbounded` where there is none.
  double min = unbounded;
  double max = unbounded;
  std::string_view pattern = {};  // as the model has it (Java's dialect)
  std::span<const std::string_view> enum_values = {};
  std::string_view location_name = {};  // structure: its XML element where it is a payload
  XmlNamespace xml_namespace = {};
  std::string_view error_code = {};  // exception: the code on the wire where it is not the name
  std::uint16_t error_status = 0;    // exception: 0 where the model has none

  bool is(ShapeFlag flag) const { return (flags & static_cast<std::uint16_t>(flag)) != 0; }
};

// Says what the model says of an operation: bits of Operation::flags.
enum class OperationFlag : std::uint16_t {
  built = 1 << 0,  // in operations.txt: its shapes are here
  unsigned_payload = 1 << 1,
  checksum_required = 1 << 2,  // a request must carry a checksum
  compressible = 1 << 3,       // clients may gzip the body
  outdated = 1 << 4,           // deprecated: loses against another operation of the same path
  asks_by_missing_parameter = 1 << 5,  // overlay: "MissingParameter" where a required member lacks
};

// An operation of a service. Generated like its shapes.
struct Operation {
  std::string_view name;
  const Schema* schema = nullptr;
  std::string_view method;       // "POST"
  std::string_view request_uri;  // "/{Bucket}/{Key+}?uploads": literals that must be there
  std::uint16_t response_code = 200;
  std::uint16_t flags = 0;
  // Null where the operation has none, and for operations that are not built.
  const Shape* input = nullptr;
  const Shape* output = nullptr;
  std::string_view input_name = {};  // the XML element of the input's body
  XmlNamespace input_namespace = {};
  std::string_view result_wrapper = {};
  std::span<const Shape* const> errors = {};
  // REST: required members in the query and in headers, which tell operations of one path apart.
  std::span<const std::string_view> match_query = {};
  std::span<const std::string_view> match_headers = {};
  std::string_view auth_type = {};  // "none", "v4", "v4-unsigned-body"; empty: the service's
  std::string_view host_prefix = {};
  std::string_view checksum_member = {};  // the input member that names the algorithm
  std::string_view mode = {};  // after the name in operations.txt: "read", "write frees", ...

  bool is(OperationFlag flag) const { return (flags & static_cast<std::uint16_t>(flag)) != 0; }
};

// A service, as the model and requests name it.
struct Service {
  std::string_view name;        // botocore's: "sagemaker-runtime"
  std::string_view service_id;  // "SageMaker Runtime"
  std::string_view api_version;
  std::string_view endpoint_prefix;  // "runtime.sagemaker"
  std::string_view signing_name;     // what a credential scope says
  std::string_view target_prefix;    // X-Amz-Target before the dot; rpc-v2-cbor's service name too
  std::string_view xml_namespace;
  std::span<const Protocol> protocols = {};
  bool query_compatible = false;  // awsQueryCompatible: errors also carry x-amzn-query-error
  // Overlay: the error code for violated constraints, and for a request that cannot be read.
  std::string_view validation_error = "ValidationException";
  std::string_view serialization_error = "SerializationException";
  // Overlay: the code where a member of the body breaks a constraint; empty where it is the same.
  std::string_view body_validation_error = {};
  // Overlay: S3's own error envelope and request id headers.
  bool s3_style = false;
  // Overlay: IAM's way to tell of constraints: one of a value, and the value only with an enum.
  bool iam_style = false;
};

// Holds all tables of one service. Everything in it lives as long as it does.
struct Schema {
  Service service;
  std::span<const Shape> shapes;
  std::span<const Member> members;
  std::span<const Operation> operations;  // every operation of the service, sorted by name

  // Null where there is none.
  const Operation* find_operation(std::string_view name) const;
  const Shape* find_shape(std::string_view name) const;  // slow: tests and start only
};

// The slot of the member of that name, or -1. `hint` is where to look first: members mostly arrive
// in order, so a reader passes the slot after the last one found.
int find_member(const Shape& structure, std::string_view name, int hint = 0);
int find_wire_member(const Shape& structure, std::string_view wire_name, int hint = 0);

}  // namespace slipway::wire

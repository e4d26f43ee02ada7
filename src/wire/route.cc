#include "wire/route.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "wire/rest_match.h"

namespace slipway::wire {
namespace {

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equal_ignoring_case(text.substr(0, start.size()), start);
}

// The headers that routing looks at, found in one pass.
struct Head {
  std::string_view protocol;
  std::string_view target;
  std::string_view other_target;  // X-Amzn-Target
  std::string_view authorization;
  std::string_view content_type;
  std::string_view host;

  explicit Head(const HttpRequestView& request) {
    for (const HeaderView& header : request.headers) take(header);
  }

 private:
  void take(const HeaderView& header) {
    switch (header.name.size()) {
      case 4: keep(header, "host", host); break;
      case 12:
        keep(header, "x-amz-target", target);
        keep(header, "content-type", content_type);
        break;
      case 13:
        keep(header, "authorization", authorization);
        keep(header, "x-amzn-target", other_target);
        break;
      case 15: keep(header, "smithy-protocol", protocol); break;
      default: break;
    }
  }
  static void keep(const HeaderView& header, std::string_view name, std::string_view& value) {
    if (value.empty() && equal_ignoring_case(header.name, name)) value = trimmed(header.value);
  }
};

// "AKID/20240501/us-east-1/sagemaker/aws4_request" names sagemaker; a key may hold slashes, and in
// a query the slashes are written %2F.
std::string_view scope_service(std::string_view credential) {
  const bool encoded = !credential.contains('/');
  const auto cut = [&](std::string_view& text) {
    const auto at =
        encoded ? std::max(text.rfind("%2F") + 1, text.rfind("%2f") + 1) - 1 : text.rfind('/');
    if (at == std::string_view::npos) return std::string_view{};
    const std::string_view last = text.substr(at + (encoded ? 3 : 1));
    text = text.substr(0, at);
    return last;
  };
  if (cut(credential) != "aws4_request") return {};
  return cut(credential);
}

// The service that the request says it is signed for, or empty. Signature V2 is S3's alone.
std::string_view scope_of(const Head& head, const HttpRequestView& request) {
  if (head.authorization.starts_with("AWS4-")) {
    const auto at = head.authorization.find("Credential=");
    if (at == std::string_view::npos) return {};
    const std::string_view rest = head.authorization.substr(at + 11);
    return scope_service(rest.substr(0, rest.find_first_of(", ")));
  }
  if (head.authorization.starts_with("AWS ")) return "s3";
  bool found = false;
  const std::string_view credential = query_value(request.query, "X-Amz-Credential", found);
  if (found) return scope_service(credential);
  query_value(request.query, "AWSAccessKeyId", found);
  return found ? "s3" : std::string_view{};
}

// Directory buckets are S3's too; that Slipway has none is for S3 to say.
std::string_view routed_scope(std::string_view scope) {
  return scope == "s3express" ? "s3" : scope;
}

bool is_form(const Head& head) {
  return starts_ignoring_case(head.content_type, "application/x-www-form-urlencoded");
}

bool speaks(const Schema& schema, Protocol protocol) {
  const auto& spoken = schema.service.protocols;
  return std::ranges::find(spoken, protocol) != spoken.end();
}

bool is_rest(const Schema& schema) {
  return speaks(schema, Protocol::rest_json) || speaks(schema, Protocol::rest_xml);
}

Protocol rest_protocol(const Schema& schema) {
  return speaks(schema, Protocol::rest_xml) ? Protocol::rest_xml : Protocol::rest_json;
}

bool speaks_json(const Schema& schema) {
  return speaks(schema, Protocol::json10) || speaks(schema, Protocol::json11);
}

// The content type chooses only where the service speaks both.
Protocol json_protocol(const Schema& schema, const Head& head) {
  if (!speaks(schema, Protocol::json11)) return Protocol::json10;
  if (!speaks(schema, Protocol::json10)) return Protocol::json11;
  return head.content_type.contains("json-1.0") ? Protocol::json10 : Protocol::json11;
}

// The protocol to answer in where no operation was found.
Protocol fallback_protocol(const Schema& schema, const Head& head) {
  if (is_rest(schema)) return rest_protocol(schema);
  if (speaks(schema, Protocol::query) && (is_form(head) || !speaks_json(schema)))
    return Protocol::query;
  return json_protocol(schema, head);
}

// Parameter of a form request, in the query string or in the body.
std::string_view form_parameter(const HttpRequestView& request, const Head& head,
                                std::string_view name) {
  bool found = false;
  const std::string_view value = query_value(request.query, name, found);
  if (found || !is_form(head)) return value;
  return query_value(request.body, name, found);
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host;
  return host.substr(0, host.rfind(':'));
}

// "a.b" of "a.b.example.com" in the zone "example.com"; empty for what lies in another.
std::string_view inside(std::string_view zone, std::string_view host) {
  if (!host.ends_with(zone)) return {};
  host.remove_suffix(zone.size());
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : std::string_view{};
}

// bucket.s3.amazonaws.com, bucket.s3.eu-west-1.amazonaws.com, bucket.s3-eu-west-1.amazonaws.com
std::string_view zone_bucket(std::string_view host) {
  std::string_view rest = inside("amazonaws.com", host);
  if (rest.empty()) rest = inside(loopback_zone, host);
  auto at = std::string_view::npos;
  for (const std::string_view mark : {".s3.", ".s3-"}) {
    const auto found = rest.rfind(mark);
    if (found != std::string_view::npos) at = std::min(at, found);
  }
  if (rest.ends_with(".s3")) at = rest.size() - 3;
  return at == std::string_view::npos ? std::string_view{} : rest.substr(0, at);
}

bool is_address(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

struct OperationRouter::Tables {
  struct Entry {
    const Schema* schema;
    RestMatcher rest;
  };
  std::vector<Entry> services;
  std::vector<std::string> bucket_suffixes;  // ".s3.localhost"

  const Entry* s3() const {
    const auto found = std::ranges::find_if(
        services, [](const Entry& entry) { return entry.schema->service.s3_style; });
    return found == services.end() ? nullptr : &*found;
  }

  std::string_view bucket_of(std::string_view host_header) const {
    const std::string_view host = without_port(host_header);
    if (host.empty() || is_address(host)) return {};
    for (const std::string& suffix : bucket_suffixes) {
      if (!host.ends_with(suffix) || host.size() == suffix.size()) continue;
      const std::string_view bucket = host.substr(0, host.size() - suffix.size());
      // "s3.localhost" under the suffix ".localhost" is the service itself.
      return bucket == "s3" ? std::string_view{} : bucket;
    }
    return zone_bucket(host);
  }

  Route by_name(const Schema& schema, Protocol protocol, std::string_view name) const {
    return {{&schema, schema.find_operation(name), protocol}, {}, name, {}};
  }

  // Of several that are signed alike, the one that is called so.
  const Entry* signed_as(std::string_view scope) const {
    const Entry* found = nullptr;
    for (const Entry& entry : services) {
      const Service& service = entry.schema->service;
      if (service.signing_name == scope && (found == nullptr || service.name == scope))
        found = &entry;
    }
    return found;
  }

  // The Query service of that version, or null.
  const Entry* of_version(std::string_view version) const {
    const auto found = std::ranges::find_if(services, [&](const Entry& entry) {
      return speaks(*entry.schema, Protocol::query) && entry.schema->service.api_version == version;
    });
    return found == services.end() ? nullptr : &*found;
  }

  bool by_cbor_path(const HttpRequestView& request, const Head& head, Route& route) const;
  bool by_target(const Head& head, Route& route) const;
  bool by_rest(const Entry& entry, const HttpRequestView& request, const Head& head,
               Route& route) const;
  bool by_action(const Entry& entry, const HttpRequestView& request, const Head& head,
                 Route& route) const;
  bool by_scope(std::string_view scope, const HttpRequestView& request, const Head& head,
                Route& route) const;
  bool by_version(const HttpRequestView& request, const Head& head, Route& route) const;
  bool by_action_alone(const HttpRequestView& request, const Head& head, Route& route) const;
  bool by_path(const HttpRequestView& request, const Head& head, Route& route) const;
  Route signed_route(std::string_view scope, const HttpRequestView& request,
                     const Head& head) const;
  Route of_another(std::string_view scope, const HttpRequestView& request, const Head& head) const;
  Route unsigned_route(const HttpRequestView& request, const Head& head) const;
};

// "/service/{Service}/operation/{Operation}" and nothing around it; {Service} may have a namespace.
bool OperationRouter::Tables::by_cbor_path(const HttpRequestView& request, const Head& head,
                                           Route& route) const {
  constexpr std::string_view before_service = "/service/";
  constexpr std::string_view before_operation = "operation";
  if (request.method != "POST" || !request.path.starts_with(before_service)) return false;
  std::string_view rest = request.path.substr(before_service.size());
  const std::string_view shape = take_until(rest, '/');
  if (take_until(rest, '/') != before_operation || rest.empty() || rest.contains('/')) return false;
  const std::string_view name = shape.substr(shape.rfind('.') + 1);
  for (const Entry& entry : services) {
    if (!speaks(*entry.schema, Protocol::cbor) || entry.schema->service.target_prefix != name)
      continue;
    route = by_name(*entry.schema, Protocol::cbor, rest);
    // Two protocols at once are none: which of the two operations is meant cannot be told.
    if (!head.target.empty() || !head.other_target.empty())
      route = {{entry.schema, nullptr, Protocol::cbor}, {}, {}, {}};
    return true;
  }
  return false;
}

bool OperationRouter::Tables::by_target(const Head& head, Route& route) const {
  const auto dot = head.target.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  const std::string_view prefix = head.target.substr(0, dot);
  for (const Entry& entry : services) {
    if (entry.schema->service.target_prefix != prefix || !speaks_json(*entry.schema)) continue;
    route = by_name(*entry.schema, json_protocol(*entry.schema, head), head.target.substr(dot + 1));
    return true;
  }
  return false;
}

bool OperationRouter::Tables::by_rest(const Entry& entry, const HttpRequestView& request,
                                      const Head& head, Route& route) const {
  const bool s3 = entry.schema->service.s3_style;
  const std::string_view bucket = s3 ? bucket_of(head.host) : std::string_view{};
  route.operation = entry.rest.match(request, bucket, route.labels);
  route.schema = entry.schema;
  route.protocol = rest_protocol(*entry.schema);
  route.virtual_bucket = bucket;
  if (route.operation != nullptr) route.operation_name = route.operation->name;
  return route.operation != nullptr;
}

// A version that is another service's says that the request is not for this one.
bool OperationRouter::Tables::by_action(const Entry& entry, const HttpRequestView& request,
                                        const Head& head, Route& route) const {
  if (!speaks(*entry.schema, Protocol::query)) return false;
  const std::string_view action = form_parameter(request, head, "Action");
  if (action.empty()) return false;
  const std::string_view version = form_parameter(request, head, "Version");
  if (version != entry.schema->service.api_version && of_version(version) != nullptr) return false;
  route = by_name(*entry.schema, Protocol::query, action);
  return true;
}

bool OperationRouter::Tables::by_scope(std::string_view scope, const HttpRequestView& request,
                                       const Head& head, Route& route) const {
  for (const Entry& entry : services) {
    if (entry.schema->service.signing_name != scope) continue;
    if (is_rest(*entry.schema) ? by_rest(entry, request, head, route)
                               : by_action(entry, request, head, route))
      return true;
  }
  return false;
}

bool OperationRouter::Tables::by_version(const HttpRequestView& request, const Head& head,
                                         Route& route) const {
  const std::string_view action = form_parameter(request, head, "Action");
  if (action.empty()) return false;
  const Entry* const entry = of_version(form_parameter(request, head, "Version"));
  if (entry == nullptr) return false;
  route = by_name(*entry->schema, Protocol::query, action);
  return true;
}

// The links in messages say neither a version nor a service: an action that one service alone has.
bool OperationRouter::Tables::by_action_alone(const HttpRequestView& request, const Head& head,
                                              Route& route) const {
  const std::string_view action = form_parameter(request, head, "Action");
  if (action.empty() || !form_parameter(request, head, "Version").empty()) return false;
  int found = 0;
  for (const Entry& entry : services) {
    if (!speaks(*entry.schema, Protocol::query)) continue;
    const Route named = by_name(*entry.schema, Protocol::query, action);
    if (named.operation == nullptr) continue;
    route = named;
    ++found;
  }
  return found == 1;
}

// The REST services by their paths, but for S3, which has every path.
bool OperationRouter::Tables::by_path(const HttpRequestView& request, const Head& head,
                                      Route& route) const {
  return std::ranges::any_of(services, [&](const Entry& entry) {
    return is_rest(*entry.schema) && !entry.schema->service.s3_style &&
           by_rest(entry, request, head, route);
  });
}

// Whose scope is not ours is not told that it should have been S3's.
Route OperationRouter::Tables::signed_route(std::string_view scope, const HttpRequestView& request,
                                            const Head& head) const {
  Route route;
  if (by_scope(scope, request, head, route)) return route;
  if (by_version(request, head, route) || by_path(request, head, route)) return route;
  const Entry* const own = signed_as(scope);
  if (own == nullptr) return {};
  const Entry* const bucket_service = s3();
  if (own != bucket_service && bucket_service != nullptr &&
      by_rest(*bucket_service, request, head, route))
    return route;
  return {{own->schema, nullptr, fallback_protocol(*own->schema, head)}, {}, {}, {}};
}

Route OperationRouter::Tables::unsigned_route(const HttpRequestView& request,
                                              const Head& head) const {
  Route route;
  if (by_version(request, head, route) || by_action_alone(request, head, route)) return route;
  route = {};
  if (!head.target.empty()) return {};
  if (by_path(request, head, route)) return route;
  const Entry* const bucket_service = s3();
  if (bucket_service == nullptr) return {};
  by_rest(*bucket_service, request, head, route);
  return route;
}

// Whose tables these are has no operations: the route says which service it would be, and what was
// asked where the request names that.
Route OperationRouter::Tables::of_another(std::string_view scope, const HttpRequestView& request,
                                          const Head& head) const {
  Route route;
  if (head.protocol == "rpc-v2-cbor" && by_cbor_path(request, head, route)) return route;
  if (!head.target.empty() && by_target(head, route)) return route;
  const std::string_view action = form_parameter(request, head, "Action");
  if (const Entry* const own = signed_as(scope))
    return {{own->schema, nullptr, fallback_protocol(*own->schema, head)}, {}, action, {}};
  by_version(request, head, route);
  return route;
}

OperationRouter::OperationRouter(std::span<const Schema* const> schemas, Options options) {
  auto tables = std::make_unique<Tables>();
  for (const Schema* schema : schemas) tables->services.push_back({schema, RestMatcher(*schema)});
  for (const std::string& host : options.bucket_hosts)
    tables->bucket_suffixes.push_back("." + host);
  std::ranges::sort(tables->bucket_suffixes, std::greater{}, &std::string::size);
  tables_ = std::move(tables);
  auto others = std::make_unique<Tables>();
  for (const Schema& schema : options.others)
    others->services.push_back({&schema, RestMatcher(schema)});
  others_ = std::move(others);
}

OperationRouter::OperationRouter(std::span<const Schema* const> schemas)
    : OperationRouter(schemas, Options{}) {}

OperationRouter::~OperationRouter() = default;

std::string_view OperationRouter::bucket_of(std::string_view host) const {
  return tables_->bucket_of(host);
}

Route OperationRouter::find(const HttpRequestView& request) const {
  const Head head(request);
  const std::string_view scope = routed_scope(scope_of(head, request));
  Route route;
  // A key of S3's may look like any path, and the header beside it is not signed.
  if (head.protocol == "rpc-v2-cbor" && scope != "s3" &&
      tables_->by_cbor_path(request, head, route))
    return route;
  if (!head.target.empty() && tables_->by_target(head, route)) return route;
  route = scope.empty() ? tables_->unsigned_route(request, head)
                        : tables_->signed_route(scope, request, head);
  // What is not signed and says nothing of itself is S3's, which has every path.
  if (route.found() && (route.operation != nullptr || !scope.empty())) return route;
  const Route other = others_->of_another(scope, request, head);
  return other.found() ? other : route;
}

namespace {

// Returns what the path of a request to S3 leads to.
std::string_view resource_type(const Route& route, std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (!route.virtual_bucket.empty()) return path.empty() ? "BUCKET" : "OBJECT";
  if (path.empty()) return "SERVICE";
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos || slash + 1 == path.size() ? "BUCKET" : "OBJECT";
}

bool has_part(std::string_view query, std::string_view name) {
  bool found = false;
  query_value(query, name, found);
  return found;
}

// S3 has a word of its own for these: a part of a bucket, or half of an upload, asked of an object.
struct Misplaced {
  std::string_view method;
  std::string_view part;
  std::string_view code;
  std::string_view message;
  std::string_view argument = {};
};
constexpr Misplaced misplaced_parts[] = {
    {"GET", "uploads", "InvalidRequest",
     "Key is not expected for the GET method ?uploads subresource"},
    {"GET", "versions", "InvalidRequest",
     "There is no such thing as the ?versions sub-resource for a key"},
    {"PUT", "partNumber", "InvalidArgument",
     "This operation does not accept partNumber without uploadId", "partNumber"},
};

const Misplaced* misplaced(const Route& route, const HttpRequestView& request) {
  if (resource_type(route, request.path) != "OBJECT" || has_part(request.query, "uploadId"))
    return nullptr;
  const auto found = std::ranges::find_if(misplaced_parts, [&](const Misplaced& each) {
    return request.method == each.method && has_part(request.query, each.part);
  });
  return found == std::end(misplaced_parts) ? nullptr : found;
}

HttpResponseParts refuse_misplaced(const Route& route, std::string_view request_id,
                                   const Misplaced& what) {
  const std::pair<std::string, std::string> details[] = {
      {"ArgumentName", std::string(what.argument)}, {"ArgumentValue", std::string(what.argument)}};
  return encode_error(route.schema->service, nullptr, route.protocol,
                      {.code = what.code,
                       .message = what.message,
                       .status = 400,
                       .details = std::span(details).first(what.argument.empty() ? 0 : 2)},
                      request_id);
}

HttpResponseParts method_not_allowed(const Route& route, std::string_view request_id,
                                     const HttpRequestView& request) {
  const bool upload = has_part(request.query, "uploadId");
  const std::string_view type = upload ? "UPLOAD" : resource_type(route, request.path);
  const std::pair<std::string, std::string> details[] = {{"Method", std::string(request.method)},
                                                         {"ResourceType", std::string(type)}};
  auto answer = encode_error(route.schema->service, nullptr, route.protocol,
                             {.code = "MethodNotAllowed",
                              .message = "The specified method is not allowed against this "
                                         "resource.",
                              .status = 405,
                              .details = details},
                             request_id);
  answer.headers.emplace_back("Allow", type == "SERVICE"  ? "GET"
                                       : type == "UPLOAD" ? "DELETE, POST, GET"
                                                          : "HEAD, DELETE, GET, PUT");
  return answer;
}

// Said by what stands before the Query services, in a namespace of its own; SQS says it itself.
HttpResponseParts invalid_action(const Route& route, std::string_view request_id) {
  Service before = route.schema->service;
  const std::string message = "Could not find operation " + std::string(route.operation_name) +
                              " for version " + std::string(before.api_version);
  if (!before.query_compatible)
    before.xml_namespace = "http://webservices.amazon.com/AWSFault/2005-15-09";
  return encode_error(before, nullptr, route.protocol,
                      {.code = "InvalidAction", .message = message}, request_id);
}

}  // namespace

HttpResponseParts unknown_operation(const Route& route, std::string_view request_id,
                                    const HttpRequestView& request) {
  const Service& service = route.schema->service;
  if (route.schema->operations.empty()) return not_implemented(route, request_id);
  const bool form = route.protocol == Protocol::query;
  if (!form && service.s3_style)
    if (const Misplaced* const what = misplaced(route, request))
      return refuse_misplaced(route, request_id, *what);
  if (!form && service.s3_style) return method_not_allowed(route, request_id, request);
  if (form) return invalid_action(route, request_id);
  const std::string name(route.operation_name);
  const bool rest = route.protocol == Protocol::rest_json || route.protocol == Protocol::rest_xml;
  const std::string message = name.empty() ? "The requested operation does not exist."
                                           : "The operation " + name + " does not exist.";
  return encode_error(
      service, nullptr, route.protocol,
      {.code = "UnknownOperationException", .message = message, .status = rest ? 404 : 400},
      request_id);
}

HttpResponseParts not_implemented(const Route& route, std::string_view request_id) {
  const Service& service = route.schema->service;
  const std::string_view name =
      route.operation == nullptr ? route.operation_name : route.operation->name;
  const std::string what =
      std::string(service.name) + (name.empty() ? "" : " ") + std::string(name);
  const std::string message =
      "Slipway does not implement " + what + " yet. `slipway ops` lists what it does.";
  const std::string_view code = service.s3_style ? "NotImplemented" : "NotImplementedException";
  return encode_error(service, nullptr, route.protocol,
                      {.code = code, .message = message, .status = 501}, request_id);
}

}  // namespace slipway::wire

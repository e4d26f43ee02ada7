#include "wire/route.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "wire/rest_match.h"

namespace slipway::wire {
namespace {

constexpr std::string_view amazon = ".amazonaws.com";
constexpr std::string_view own_prefix = "/_slipway";

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equal_ignoring_case(text.substr(0, start.size()), start);
}

// The headers that routing looks at, found in one pass.
struct Head {
  std::string_view protocol;
  std::string_view target;
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
      case 13: keep(header, "authorization", authorization); break;
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

std::string_view scope_of(const Head& head, const HttpRequestView& request) {
  if (head.authorization.starts_with("AWS4-")) {
    const auto at = head.authorization.find("Credential=");
    if (at == std::string_view::npos) return {};
    const std::string_view rest = head.authorization.substr(at + 11);
    return scope_service(rest.substr(0, rest.find_first_of(", ")));
  }
  bool found = false;
  return scope_service(query_value(request.query, "X-Amz-Credential", found));
}

bool signed_the_old_way(const Head& head, const HttpRequestView& request) {
  bool found = false;
  if (head.authorization.starts_with("AWS ")) return true;
  query_value(request.query, "AWSAccessKeyId", found);
  return found;
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

Protocol json_protocol(const Head& head) {
  return head.content_type.contains("json-1.0") ? Protocol::json10 : Protocol::json11;
}

// The protocol to answer in where no operation was found.
Protocol fallback_protocol(const Schema& schema, const Head& head) {
  if (is_rest(schema)) return rest_protocol(schema);
  if (speaks(schema, Protocol::query) && (is_form(head) || !speaks(schema, Protocol::json10)))
    return Protocol::query;
  return json_protocol(head);
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

// bucket.s3.amazonaws.com, bucket.s3.eu-west-1.amazonaws.com, bucket.s3-eu-west-1.amazonaws.com
std::string_view amazon_bucket(std::string_view host) {
  if (!host.ends_with(amazon)) return {};
  const std::string_view rest = host.substr(0, host.size() - amazon.size());
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

struct Router::Tables {
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
    return amazon_bucket(host);
  }

  Route by_name(const Schema& schema, Protocol protocol, std::string_view name) const {
    return {&schema, schema.find_operation(name), protocol, {}, name};
  }

  bool by_cbor_path(const HttpRequestView& request, Route& route) const;
  bool by_target(const Head& head, Route& route) const;
  bool by_rest(const Entry& entry, const HttpRequestView& request, const Head& head,
               Route& route) const;
  bool by_scope(std::string_view scope, const HttpRequestView& request, const Head& head,
                Route& route) const;
  bool by_version(const HttpRequestView& request, const Head& head, Route& route) const;
  bool by_path(const HttpRequestView& request, const Head& head, Route& route) const;
};

// .../service/{Service}/operation/{Operation}
bool Router::Tables::by_cbor_path(const HttpRequestView& request, Route& route) const {
  const auto last = request.path.rfind("/operation/");
  if (last == std::string_view::npos) return false;
  const std::string_view before = request.path.substr(0, last);
  const auto slash = before.rfind('/');
  if (slash == std::string_view::npos || !before.substr(0, slash).ends_with("/service"))
    return false;
  const std::string_view prefix = before.substr(slash + 1);
  for (const Entry& entry : services) {
    if (entry.schema->service.target_prefix != prefix) continue;
    route = by_name(*entry.schema, Protocol::cbor, request.path.substr(last + 11));
    return true;
  }
  return false;
}

bool Router::Tables::by_target(const Head& head, Route& route) const {
  const auto dot = head.target.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view prefix = head.target.substr(0, dot);
  for (const Entry& entry : services) {
    if (entry.schema->service.target_prefix != prefix) continue;
    route = by_name(*entry.schema, json_protocol(head), head.target.substr(dot + 1));
    return true;
  }
  return false;
}

bool Router::Tables::by_rest(const Entry& entry, const HttpRequestView& request, const Head& head,
                             Route& route) const {
  const bool s3 = entry.schema->service.s3_style;
  const std::string_view bucket = s3 ? bucket_of(head.host) : std::string_view{};
  route.operation = entry.rest.match(request, bucket, route.labels);
  route.schema = entry.schema;
  route.protocol = rest_protocol(*entry.schema);
  if (route.operation != nullptr) route.operation_name = route.operation->name;
  return route.operation != nullptr;
}

bool Router::Tables::by_scope(std::string_view scope, const HttpRequestView& request,
                              const Head& head, Route& route) const {
  if (scope == "s3express") scope = "s3";
  const Entry* first = nullptr;
  for (const Entry& entry : services) {
    if (entry.schema->service.signing_name != scope) continue;
    if (first == nullptr) first = &entry;
    if (is_rest(*entry.schema)) {
      if (by_rest(entry, request, head, route)) return true;
    } else if (speaks(*entry.schema, Protocol::query)) {
      const std::string_view action = form_parameter(request, head, "Action");
      if (!action.empty()) {
        route = by_name(*entry.schema, Protocol::query, action);
        return true;
      }
    }
  }
  if (first == nullptr) return false;
  route = {first->schema, nullptr, fallback_protocol(*first->schema, head), {}, {}};
  return true;
}

bool Router::Tables::by_version(const HttpRequestView& request, const Head& head,
                                Route& route) const {
  const std::string_view action = form_parameter(request, head, "Action");
  if (action.empty()) return false;
  const std::string_view version = form_parameter(request, head, "Version");
  for (const Entry& entry : services) {
    if (!speaks(*entry.schema, Protocol::query) || entry.schema->service.api_version != version)
      continue;
    route = by_name(*entry.schema, Protocol::query, action);
    return true;
  }
  return false;
}

// Unsigned, and nothing names a service: the REST services by their paths, S3 last of all.
bool Router::Tables::by_path(const HttpRequestView& request, const Head& head, Route& route) const {
  for (const Entry& entry : services) {
    if (!is_rest(*entry.schema) || entry.schema->service.s3_style) continue;
    if (by_rest(entry, request, head, route)) return true;
  }
  const Entry* bucket_service = s3();
  if (bucket_service == nullptr) return false;
  by_rest(*bucket_service, request, head, route);
  return true;
}

Router::Router(std::span<const Schema* const> schemas, Options options) {
  auto tables = std::make_unique<Tables>();
  for (const Schema* schema : schemas) tables->services.push_back({schema, RestMatcher(*schema)});
  for (const std::string& host : options.bucket_hosts)
    tables->bucket_suffixes.push_back("." + host);
  std::ranges::sort(tables->bucket_suffixes, std::greater{}, &std::string::size);
  tables_ = std::move(tables);
}

Router::Router(std::span<const Schema* const> schemas) : Router(schemas, Options{}) {}

Router::~Router() = default;

Route Router::find(const HttpRequestView& request) const {
  Route route;
  const std::string_view path = request.path;
  if (path == "/v2" || path.starts_with("/v2/") || path.starts_with(own_prefix)) return route;
  const Head head(request);
  if (head.protocol == "rpc-v2-cbor" && tables_->by_cbor_path(request, route)) return route;
  if (!head.target.empty() && tables_->by_target(head, route)) return route;
  const std::string_view scope = scope_of(head, request);
  if (!scope.empty()) {
    if (!tables_->by_scope(scope, request, head, route)) route = {};
    return route;
  }
  const Tables::Entry* s3 = tables_->s3();
  if (s3 != nullptr && signed_the_old_way(head, request)) {
    tables_->by_rest(*s3, request, head, route);
    return route;
  }
  if (tables_->by_version(request, head, route)) return route;
  if (!head.target.empty() || !tables_->by_path(request, head, route)) route = {};
  return route;
}

HttpResponseParts unknown_operation(const Route& route, std::string_view request_id) {
  const Service& service = route.schema->service;
  const std::string name(route.operation_name);
  ErrorAnswer error;
  std::string message;
  if (route.protocol == Protocol::query) {
    message =
        "Could not find operation " + name + " for version " + std::string(service.api_version);
    error = {.code = "InvalidAction", .message = message};
  } else if (service.s3_style) {
    error = {.code = "MethodNotAllowed",
             .message = "The specified method is not allowed against this resource.",
             .status = 405};
  } else {
    const bool rest = route.protocol == Protocol::rest_json || route.protocol == Protocol::rest_xml;
    message = name.empty() ? "The requested operation does not exist."
                           : "The operation " + name + " does not exist.";
    error = {.code = "UnknownOperationException", .message = message, .status = rest ? 404 : 400};
  }
  return encode_error(service, nullptr, route.protocol, error, request_id);
}

HttpResponseParts not_implemented(const Route& route, std::string_view request_id) {
  const Service& service = route.schema->service;
  const std::string_view name =
      route.operation == nullptr ? route.operation_name : route.operation->name;
  const std::string message = "Slipway does not implement " + std::string(service.name) + " " +
                              std::string(name) + " yet. `slipway ops` lists what it does.";
  const std::string_view code = service.s3_style ? "NotImplemented" : "NotImplementedException";
  return encode_error(service, nullptr, route.protocol,
                      {.code = code, .message = message, .status = 501}, request_id);
}

}  // namespace slipway::wire

#include "cli/aws_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/encoding.h"
#include "net/http.h"

namespace slipway::cli {

namespace {

// The client puts this before the name of an operation of the JSON protocol.
struct JsonService {
  std::string_view name;
  std::string_view target;
};
constexpr JsonService json_services[] = {{"sagemaker", "SageMaker"}, {"logs", "Logs_20140328"}};
constexpr JsonService query_versions[] = {{"iam", "2010-05-08"}, {"sts", "2011-06-15"}};

std::string_view look_up(std::span<const JsonService> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &JsonService::name);
  return found == table.end() ? std::string_view() : found->target;
}

// The feature `B` says that a waiter asks (boto's and the SDKs' way of saying so).
constexpr std::string_view agent = "slipway-cli/1 ua/2.1";
constexpr std::string_view waiting_agent = "slipway-cli/1 ua/2.1 m/B";

ErrorCode code_of_status(int status) {
  switch (status) {
    case 401: return ErrorCode::unauthenticated;
    case 403: return ErrorCode::permission_denied;
    case 404: return ErrorCode::not_found;
    case 409: return ErrorCode::conflict;
    case 501: return ErrorCode::not_implemented;
    case 503: return ErrorCode::unavailable;
    default: return status >= 500 ? ErrorCode::internal : ErrorCode::invalid_argument;
  }
}

std::string text_of(const boost::json::object& object,
                    std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const boost::json::value* value = object.if_contains(name);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
  }
  return {};
}

// "com.amazonaws.sagemaker#ResourceNotFound:http://..." is ResourceNotFound.
std::string bare_code(std::string_view code) {
  code = code.substr(0, code.find(':'));
  return std::string(
      code.substr(code.find('#') == std::string_view::npos ? 0 : code.find('#') + 1));
}

void read_json_error(const net::BlockingResponse& response, Error& error) {
  boost::system::error_code broken;
  const boost::json::value body = boost::json::parse(response.body, broken);
  const std::string header(response.headers.find("x-amzn-ErrorType").value_or(""));
  if (!header.empty()) error.kind = bare_code(header);
  if (broken || !body.is_object()) return;
  const boost::json::object& object = body.get_object();
  if (error.kind.empty()) error.kind = bare_code(text_of(object, {"__type", "code", "Code"}));
  error.message = text_of(object, {"message", "Message", "errorMessage"});
  for (const std::string_view name : {"OriginalMessage", "LogStreamArn"}) {
    if (std::string text = text_of(object, {name}); !text.empty()) {
      error.details.emplace_back(name, std::move(text));
    }
  }
  if (const auto* status = object.if_contains("OriginalStatusCode")) {
    error.details.emplace_back("OriginalStatusCode", boost::json::serialize(*status));
  }
}

void read_xml_error(const net::BlockingResponse& response, Error& error) {
  error.kind = xml_text(response.body, "Code").value_or("");
  error.message = xml_text(response.body, "Message").value_or("");
}

Error error_of(const net::BlockingResponse& response) {
  Error error{code_of_status(response.status), "", ""};
  error.details.emplace_back("status", std::to_string(response.status));
  if (response.body.starts_with('<')) {
    read_xml_error(response, error);
  } else {
    read_json_error(response, error);
  }
  if (error.message.empty()) {
    error.message = fmt::format("The server answered {} {}.", response.status,
                                net::reason_phrase(response.status));
  }
  return error;
}

Error nobody_there(const Error& error, const std::string& endpoint) {
  Error unreachable = error;
  if (error.code != ErrorCode::unavailable && error.code != ErrorCode::timeout) return unreachable;
  unreachable.kind = "unreachable";
  unreachable.message = fmt::format(
      "The server at {} cannot be reached: {} Start it with `slipway serve`, or name it with "
      "--endpoint, "
      "--data or AWS_ENDPOINT_URL.",
      endpoint, error.message.ends_with('.') ? error.message : error.message + ".");
  return unreachable;
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string form;
  for (const auto& [name, value] : parameters) {
    if (!form.empty()) form += '&';
    form += percent_encode(name) + '=' + percent_encode(value);
  }
  return form;
}

}  // namespace

AwsClient::AwsClient(Settings settings, const Clock& clock, std::string authority,
                     net::BlockingClient connection)
    : settings_(std::move(settings)),
      clock_(&clock),
      authority_(std::move(authority)),
      connection_(std::move(connection)) {}
AwsClient::AwsClient(AwsClient&&) noexcept = default;
AwsClient& AwsClient::operator=(AwsClient&&) noexcept = default;
AwsClient::~AwsClient() = default;

Result<AwsClient> AwsClient::make(Settings settings, const Clock& clock) {
  auto origin = net::Origin::parse(settings.endpoint);
  if (!origin) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not the address of a server: {}", settings.endpoint,
                            origin.error().message),
                "usage");
  }
  std::shared_ptr<const net::TlsContext> tls;
  if (!settings.ca_bundle.empty() && origin->scheme == net::Origin::Scheme::https) {
    TRY(tls, net::TlsContext::client(settings.ca_bundle));
  }
  const std::string authority = origin->authority();
  return AwsClient(std::move(settings), clock, authority,
                   net::BlockingClient(*std::move(origin), {}, std::move(tls)));
}

Result<boost::json::object> AwsClient::call(std::string_view service, std::string_view operation,
                                            const boost::json::object& input, Hold hold) {
  AwsRequest request{.service = std::string(service)};
  request.headers = {
      {"Content-Type", "application/x-amz-json-1.1"},
      {"X-Amz-Target", fmt::format("{}.{}", look_up(json_services, service), operation)}};
  request.body = boost::json::serialize(input);
  TRY(const net::BlockingResponse response, send(std::move(request), hold));
  if (response.body.empty()) return boost::json::object();
  boost::system::error_code broken;
  boost::json::value output = boost::json::parse(response.body, broken);
  if (broken || !output.is_object()) {
    return fail(ErrorCode::corrupted,
                fmt::format("The answer to {} is not a JSON object. Is {} a Slipway server?",
                            operation, settings_.endpoint));
  }
  return std::move(output.get_object());
}

Result<std::string> AwsClient::query(
    std::string_view service, std::string_view operation,
    const std::vector<std::pair<std::string, std::string>>& parameters) {
  AwsRequest request{.service = std::string(service)};
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = fmt::format("Action={}&Version={}", operation, look_up(query_versions, service));
  if (!parameters.empty()) request.body += '&' + form_of(parameters);
  TRY(net::BlockingResponse response, send(std::move(request)));
  return std::move(response.body);
}

Result<net::BlockingResponse> AwsClient::send(AwsRequest request, Hold hold) {
  std::vector<wire::HeaderPair> headers{{"Host", authority_}};
  for (const auto& [name, value] : request.headers) headers.emplace_back(name, value);
  wire::SignedRequest to_sign{request.method, request.path, request.query, headers};
  if (!request.file) to_sign.body = request.body;
  const auto added = wire::sign(to_sign, settings_.credentials, {settings_.region, request.service},
                                clock_->now());
  net::BlockingRequest out;
  out.method = request.method;
  out.target = request.query.empty() ? request.path : request.path + '?' + request.query;
  for (const auto& [name, value] : headers) out.headers.add(name, value);
  for (const auto& [name, value] : added) out.headers.set(name, value);
  out.headers.add("User-Agent", hold == Hold::yes ? waiting_agent : agent);
  out.body =
      request.file ? net::Body(*std::move(request.file)) : net::Body(std::move(request.body));
  auto response = connection_.send(std::move(out));
  if (!response) return std::unexpected(nobody_there(response.error(), settings_.endpoint));
  if (response->status >= 300) return std::unexpected(error_of(*response));
  return response;
}

bool is_missing(const Error& error) {
  if (error.code == ErrorCode::not_found) return true;
  return error.kind == "ValidationException" && error.message.starts_with("Could not find");
}

std::optional<std::string> xml_text(std::string_view xml, std::string_view tag) {
  const std::string open = fmt::format("<{}>", tag);
  const std::size_t start = xml.find(open);
  if (start == std::string_view::npos) return std::nullopt;
  const std::string_view rest = xml.substr(start + open.size());
  const std::size_t end = rest.find('<');
  if (end == std::string_view::npos) return std::nullopt;
  std::string text(rest.substr(0, end));
  constexpr std::pair<std::string_view, std::string_view> entities[] = {
      {"&lt;", "<"},   {"&gt;", ">"},  {"&quot;", "\""},
      {"&apos;", "'"}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : entities) {
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at) {
      text.replace(at, entity.size(), character);
    }
  }
  return text;
}

}  // namespace slipway::cli

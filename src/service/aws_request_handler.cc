#include "service/aws_request_handler.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/log.h"
#include "service/query_headers.h"
#include "service/upload.h"
#include "service/work.h"
#include "wire/codec.h"

namespace slipway::service {
namespace {

constexpr const char* slow_body =
    "Your socket connection to the server was not read from or written to within the timeout "
    "period. Idle connections will be closed.";

Error too_large(std::uint64_t bytes_max) {
  return {ErrorCode::limit_exceeded,
          fmt::format("The request body is larger than the {} bytes that are allowed.", bytes_max)};
}

std::uint64_t body_bytes_max(const Entry* entry) {
  return entry && entry->mode == Mode::hot ? hot_body_bytes_max : control_body_bytes_max;
}

// Where no service can be told that would say it in its own words.
net::Response nothing_here() {
  net::Response response{.status = 404,
                         .headers = {},
                         .body = std::string(R"({"message":"There is nothing at this path."})")};
  response.headers.add("Content-Type", "application/json");
  return response;
}

}  // namespace

net::Response to_response(wire::HttpResponseParts&& parts) {
  net::Response response{.status = parts.status, .headers = {}, .body = std::move(parts.body)};
  for (const auto& [name, value] : parts.headers) response.headers.add(name, value);
  return response;
}

net::Response error_response(const Error& error, const wire::Asked& asked, ErrorTable errors,
                             std::string_view request_id) {
  wire::ErrorAnswer answer = to_wire(error, asked.schema->service, errors);
  if (answer.status == 0 && error.code == ErrorCode::unauthenticated)
    answer.status = wire::auth_status(error, dialect_of(asked));
  net::Response response = to_response(wire::encode_error(asked.schema->service, asked.operation,
                                                          asked.protocol, answer, request_id));
  for (const auto& [name, value] : error.headers) response.headers.set(name, value);
  if (response.status == 304) response.body = net::Body();
  return response;
}

void put_beside(Call::Beside&& beside, net::Response& response) {
  if (beside.body) response.body = std::move(*beside.body);
  if (beside.status) response.status = *beside.status;
  beside.headers.for_each(
      [&](const net::Header& header) { response.headers.add(header.name, header.value); });
}

net::Described described(const wire::Asked& asked, std::string_view request_id,
                         std::string_view principal) {
  return {.id = request_id,
          .service = asked.schema ? asked.schema->service.name : std::string_view(),
          .operation = asked.operation ? asked.operation->name : std::string_view(),
          .principal = principal};
}

AwsRequestHandler::AwsRequestHandler(const ServiceContext& context, net::Loop& loop)
    : context_(context),
      authenticator_(context.keys, context.call.clock, context.sites, *context.known_senders,
                     context.auth, context.region,
                     context.authorizer ? Strangers::admitted : Strangers::refused,
                     context.uses.get()),
      hot_gate_(context.authorizer, context.store, context.call),
      request_ids_(context.call.random.next()) {
  for (const Entry* const entry : context.registry.hot()) hot_.push_back(entry->hot(loop));
}

wire::Route AwsRequestHandler::route_of(const net::RequestHead& head, std::string_view body) {
  headers_.clear();
  for (const net::Header& header : head.headers) headers_.push_back({header.name, header.value});
  return context_.router.find({.method = head.method,
                               .path = head.path,
                               .query = head.query,
                               .headers = headers_,
                               .body = body});
}

std::string AwsRequestHandler::make_request_id(const wire::Route& route) {
  if (route.protocol == wire::Protocol::rest_xml)
    return make_token(request_ids_, 16, "0123456789ABCDEF");
  return make_uuid(request_ids_);
}

net::Described AwsRequestHandler::described(const net::RequestHead& head) {
  return service::described(route_of(head, {}), {});
}

net::BodyPlan AwsRequestHandler::on_head(const net::RequestHead& head) {
  if (!head.has_body() && head.method != "PUT") return net::Collect{};
  const wire::Route route = route_of(head, {});
  if (!route.found()) return net::Collect{strangers_body_bytes_max};
  if (!bucket_of_form(context_, route, head).empty()) return plan_form(head, route);
  const Entry* const entry = route.operation ? context_.registry.find(*route.operation) : nullptr;
  if (entry && entry->mode == Mode::upload) return plan_upload(head, route, *entry);
  return plan_collected(head, route, body_bytes_max(entry));
}

// Nothing large is collected for a stranger: the head must be signed, or at least name a key, a
// scope and a date that hold where only the whole body can show more.
net::BodyPlan AwsRequestHandler::plan_collected(const net::RequestHead& head,
                                                const wire::Route& route, std::uint64_t bytes_max) {
  if (head.content_length.value_or(0) > bytes_max) {
    net::Refuse refused = turn_away(head, route, too_large(bytes_max));
    refused.response.status = 413;
    return refused;
  }
  if (head.content_length && *head.content_length <= strangers_body_bytes_max)
    return net::Collect{bytes_max};
  auto sender = authenticator_.look_at(head, route);
  if (!sender) return turn_away(head, route, sender.error());
  return net::Collect{bytes_max, std::move(sender->owners), sender->standing};
}

net::Refuse AwsRequestHandler::turn_away(const net::RequestHead& head, const wire::Route& route,
                                         const Error& error) {
  const bool stranger = context_.auth == AuthMode::strict && !authenticator_.names_known_key(head);
  return {error_response(error, route, context_.registry.errors_of(*route.schema),
                         make_request_id(route)),
          stranger ? strangers_read_on_bytes_max : ~0ULL};
}

// For what was let in and did not come: too much of it, too slowly, or with no room to put it.
net::Response AwsRequestHandler::refusal(const net::RequestHead& head, int status,
                                         std::string_view reason) {
  const wire::Route route = route_of(head, {});
  if (!route.found()) return net::plain_response(status, reason);
  Error error{ErrorCode::unavailable, std::string(reason)};
  if (status == 413) {
    const Entry* const entry = route.operation ? context_.registry.find(*route.operation) : nullptr;
    error = too_large(body_bytes_max(entry));
  }
  if (status == 408) error = {ErrorCode::timeout, slow_body, "RequestTimeout"};
  net::Response response = error_response(error, route, context_.registry.errors_of(*route.schema),
                                          make_request_id(route));
  if (status != 408) response.status = status;  // AWS says 400 to who is too slow
  return response;
}

net::BodyPlan AwsRequestHandler::plan_upload(const net::RequestHead& head, const wire::Route& route,
                                             const Entry& entry) {
  std::string request_id = make_request_id(route);
  auto authenticated = authenticator_.check(head, route, std::nullopt);
  if (!authenticated) return turn_away(head, route, authenticated.error());
  return net::Stream{make_upload_receiver(
      context_, {route, entry, std::move(*authenticated), std::move(request_id)})};
}

net::BodyPlan AwsRequestHandler::plan_form(const net::RequestHead& head, const wire::Route& route) {
  auto receiver =
      make_form_receiver(context_, authenticator_, head, {route, make_request_id(route)});
  if (!receiver) return turn_away(head, route, receiver.error());
  return net::Stream{std::move(*receiver)};
}

void AwsRequestHandler::on_request(net::Request&& request, net::Responder&& responder) {
  wire::Route route = route_of(request.head(), request.body());
  if (!route.found()) return responder.send(nothing_here());
  std::string request_id = make_request_id(route);
  responder.describe(service::described(route, request_id));
  if (!route.operation && is_preflight(context_, route, request.head()))
    return answer_preflight(
        context_, {std::move(request), std::move(responder), route, std::move(request_id)});
  const ErrorTable errors = context_.registry.errors_of(*route.schema);
  if (!bucket_of_form(context_, route, request.head()).empty())
    return responder.send(
        error_response(no_form(request.head()).error(), route, errors, request_id));
  if (!route.operation)
    return responder.send(to_response(wire::unknown_operation(
        route, request_id,
        {.method = request.head().method, .path = request.path(), .query = request.head().query})));
  auto authenticated = authenticator_.check(request.head(), route, request.body());
  if (!authenticated)
    return responder.send(error_response(authenticated.error(), route, errors, request_id));
  if (!authenticated->caller.unsigned_refusal) responder.vouch();
  responder.describe(service::described(route, request_id, authenticated->caller.principal.name));
  const Entry* const entry = context_.registry.find(*route.operation);
  if (!entry) return responder.send(to_response(wire::not_implemented(route, request_id)));
  if (entry->mode == Mode::hot) {
    const Result<> passed = [&] {
      const LogRequest about(request_id);
      return hot_gate_.pass(request, route, authenticated->caller, request_id);
    }();
    if (!passed) return responder.send(error_response(passed.error(), route, errors, request_id));
    return hot_[entry->hot_number]({std::move(request), std::move(responder), route,
                                    &authenticated->caller, std::move(request_id)});
  }
  take_query_headers(request, route);
  Work::start(context_, {std::move(request), std::move(responder), route, *entry,
                         std::move(authenticated->caller), std::move(request_id)});
}

}  // namespace slipway::service

#include "service/sagemaker_runtime/invoke.h"

#include "service/aws_request_handler.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke_head.h"
#include "service/sagemaker_runtime/session.h"

namespace slipway::sagemaker_runtime {
namespace {

// One InvokeEndpoint on its way: owns the request, and with it every view that the router sees.
class Invoke final : public routing::Invocation {
 public:
  Invoke(service::HotRequest&& hot, routing::Router& router, routing::Sessions& sessions)
      : router_(router),
        sessions_(sessions),
        request_(std::move(hot.request)),
        responder_(std::move(hot.responder)),
        asked_(hot.route),
        request_id_(std::move(hot.request_id)),
        endpoint_(AskedEndpoint::of(hot.route, *hot.caller)) {}

  // Fills `request` from the head; or says what breaks the API's limits.
  Result<> prepare();

  void refuse(const Error& error) {
    responder_.send(service::error_response(error, asked_, error_table(), request_id_));
  }

  void answered(const routing::InvokeAnswer& answer) override;
  void failed(routing::InvokeFailure failure, std::string_view detail,
              std::string_view variant) override;

 private:
  void begin_session(const NewSession& session, const routing::InvokeAnswer& answer,
                     const AnswerHead& head);

  routing::Router& router_;
  routing::Sessions& sessions_;
  net::Request request_;
  net::Responder responder_;
  const wire::Asked asked_;
  const std::string request_id_;
  AskedEndpoint endpoint_;
  InvokeHead head_;
  HeldSession session_;
};

Result<> Invoke::prepare() {
  TRY_DO(read_head(request_.headers(), invoke_rules, endpoint_, head_));
  head_.fill(request);
  if (!head_.component.empty()) endpoint_.choose_component(head_.component);
  request.fleet = endpoint_.fleet;
  request.body = request_.body();
  return session_.find(sessions_, endpoint_, head_, request);
}

void Invoke::answered(const routing::InvokeAnswer& answer) {
  if (answer.status < 200 || answer.status >= 300) return refuse(model_error(endpoint_, answer));
  const AnswerHead head(answer, request_id_);
  if (!head_.session.empty()) {
    if (const auto closed = closed_session(answer)) sessions_.end(endpoint_.fleet, *closed);
    if (const auto opened = opened_session(answer, sessions_.now());
        opened && head_.session == new_session)
      return begin_session(*opened, answer, head);
  }
  responder_.send(net::ResponseView{.status = 200, .headers = head.fields(), .body = answer.body});
}

// The answer leaves from the store's thread, when this object is gone: it takes all along.
void Invoke::begin_session(const NewSession& session, const routing::InvokeAnswer& answer,
                           const AnswerHead& head) {
  if (answer.instance.empty()) return refuse(no_place_for_session(endpoint_));
  net::Response response{.status = 200, .headers = {}, .body = std::string(answer.body)};
  for (const net::Header& field : head.fields()) response.headers.add(field.name, field.value);
  net::Response refusal =
      service::error_response({ErrorCode::unavailable, "The session could not be kept; try again."},
                              asked_, error_table(), request_id_);
  sessions_.begin(endpoint_.fleet, session.id, answer.instance, session.life,
                  [responder = std::move(responder_), response = std::move(response),
                   refusal = std::move(refusal)](const Result<>& kept) mutable {
                    responder.send(kept ? std::move(response) : std::move(refusal));
                  });
}

void Invoke::failed(routing::InvokeFailure failure, std::string_view detail,
                    std::string_view /*variant*/) {
  if (failure == routing::InvokeFailure::no_such_instance)  // what it held is lost with it
    sessions_.end(endpoint_.fleet, head_.session);
  if (const auto error = request_error(failure, request_id_)) return refuse(*error);
  if (failure == routing::InvokeFailure::not_found && !endpoint_.component.empty())
    return refuse(no_component(endpoint_, router_.route_of(endpoint_.own_fleet()).get()));
  refuse(failure_error(endpoint_, failure, detail, request, container()));
}

}  // namespace

void invoke_endpoint(service::HotRequest&& hot, routing::Router& router,
                     routing::Sessions& sessions) {
  auto invoke = std::make_unique<Invoke>(std::move(hot), router, sessions);
  if (const Result<> prepared = invoke->prepare(); !prepared)
    return invoke->refuse(prepared.error());
  router.invoke(std::move(invoke));
}

}  // namespace slipway::sagemaker_runtime

#include "service/sagemaker_runtime/invoke.h"

#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke_head.h"

namespace slipway::sagemaker_runtime {
namespace {

// One InvokeEndpoint on its way: owns the request, and with it every view that the router sees.
class Invoke final : public fleet::Invocation {
 public:
  explicit Invoke(service::HotRequest&& hot)
      : request_(std::move(hot.request)),
        responder_(std::move(hot.responder)),
        route_(hot.route),
        request_id_(std::move(hot.request_id)),
        endpoint_(AskedEndpoint::of(hot.route, *hot.caller)) {}

  // Fills `request` from the head; or says what breaks the API's limits.
  Result<> prepare();

  void refuse(const Error& error) {
    responder_.send(service::error_response(error, route_, error_table(), request_id_));
  }

  void answered(const fleet::InvokeAnswer& answer) override;
  void failed(fleet::InvokeFailure failure, std::string_view detail,
              std::string_view variant) override;

 private:
  net::Request request_;
  net::Responder responder_;
  const wire::Route route_;
  const std::string request_id_;
  AskedEndpoint endpoint_;
  InvokeHead head_;
};

Result<> Invoke::prepare() {
  TRY_DO(read_head(request_.headers(), invoke_rules, endpoint_, head_));
  head_.fill(request);
  if (!head_.component.empty()) endpoint_.choose_component(head_.component);
  request.fleet = endpoint_.fleet;
  request.body = request_.body();
  return {};
}

void Invoke::answered(const fleet::InvokeAnswer& answer) {
  if (answer.status < 200 || answer.status >= 300)
    return refuse(model_error(endpoint_, answer.status, answer.body));
  const AnswerHead head(answer, request_id_);
  responder_.send(net::ResponseView{.status = 200, .headers = head.fields(), .body = answer.body});
}

void Invoke::failed(fleet::InvokeFailure failure, std::string_view detail,
                    std::string_view /*variant*/) {
  refuse(failure_error(endpoint_, failure, detail, request.target_variant));
}

}  // namespace

void invoke_endpoint(service::HotRequest&& hot, fleet::Router& router) {
  auto invoke = std::make_unique<Invoke>(std::move(hot));
  if (const Result<> prepared = invoke->prepare(); !prepared)
    return invoke->refuse(prepared.error());
  router.invoke(std::move(invoke));
}

}  // namespace slipway::sagemaker_runtime

#include "service/sagemaker_runtime/stream.h"

#include <algorithm>
#include <memory>

#include "service/aws_request_handler.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke_head.h"
#include "service/sagemaker_runtime/part_aligner.h"
#include "service/sagemaker_runtime/session.h"
#include "wire/auth/event_stream.h"

namespace slipway::sagemaker_runtime {
namespace {

using routing::InvokeFailure;

// One streamed invocation on its way: owns the request, and with it every view that the router
// sees.
class StreamedInvoke final : public routing::Invocation {
 public:
  StreamedInvoke(service::HotRequest&& hot, routing::Router& router,
                 std::chrono::milliseconds time_limit)
      : router_(router),
        request_(std::move(hot.request)),
        responder_(std::move(hot.responder)),
        asked_(hot.route),
        request_id_(std::move(hot.request_id)),
        endpoint_(AskedEndpoint::of(hot.route, *hot.caller)) {
    request.time_limit = time_limit;
  }

  // Fills `request` from the head; or says what breaks the API's limits.
  Result<> prepare(const routing::Sessions& sessions);
  // From here on a client that goes away ends this.
  void watch_client();

  void refuse(const Error& error) {
    responder_.send(service::error_response(error, asked_, error_table(), request_id_));
  }

  void answered(const routing::InvokeAnswer& answer) override;
  void failed(InvokeFailure failure, std::string_view detail, std::string_view variant) override;
  void begun(const routing::InvokeAnswer& head) override;
  void part(std::string_view bytes) override;
  void ended() override;

 private:
  template <typename Act>
  Task while_alive(Act act);
  void send_part(std::string_view bytes);
  void send_frame();

  routing::Router& router_;
  net::Request request_;
  net::Responder responder_;
  const wire::Asked asked_;
  const std::string request_id_;
  AskedEndpoint endpoint_;
  InvokeHead head_;
  HeldSession session_;
  net::BodyWriter writer_;  // from begun() on
  PartAligner aligner_{routing::PartBorder::none};
  std::string frame_;  // reused
  bool paused_ = false;
  bool first_sent_ = false;
  const std::shared_ptr<StreamedInvoke*> alive_ = std::make_shared<StreamedInvoke*>(this);
};

Result<> StreamedInvoke::prepare(const routing::Sessions& sessions) {
  TRY_DO(read_head(request_.headers(), stream_rules, endpoint_, head_));
  head_.fill(request);
  if (!head_.component.empty()) endpoint_.choose_component(head_.component);
  request.fleet = endpoint_.fleet;
  request.body = request_.body();
  request.answer_mode = routing::AnswerMode::streamed;
  return session_.find(sessions, endpoint_, head_, request);
}

// The connection may outlive this, and the other way round.
template <typename Act>
Task StreamedInvoke::while_alive(Act act) {
  return [weak = std::weak_ptr(alive_), act = std::move(act)] {
    if (const auto alive = weak.lock()) act(**alive);
  };
}

void StreamedInvoke::watch_client() {
  responder_.on_closed(while_alive([](StreamedInvoke& self) { self.give_up(); }));
}

void StreamedInvoke::begun(const routing::InvokeAnswer& head) {
  aligner_ = PartAligner(head.part_border);
  net::Fields fields;
  const AnswerHead answer_head(head, request_id_, "X-Amzn-SageMaker-Content-Type");
  for (const net::Header& field : answer_head.fields()) fields.add(field.name, field.value);
  fields.add("Content-Type", "application/vnd.amazon.eventstream");
  writer_ = responder_.start(200, std::move(fields));
}

void StreamedInvoke::part(std::string_view bytes) {
  aligner_.take(bytes, [this](std::string_view part) { send_part(part); });
}

void StreamedInvoke::send_part(std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), stream_part_bytes_max))) {
    frame_.clear();
    wire::append_event(frame_, "PayloadPart", "application/octet-stream",
                       bytes.substr(0, stream_part_bytes_max));
    send_frame();
  }
}

void StreamedInvoke::send_frame() {
  const std::size_t waiting = writer_.write(frame_);
  // Whoever waits for the first word does not wait for what came with it to be framed.
  if (!std::exchange(first_sent_, true)) return writer_.flush();
  if (waiting <= stream_queue_bytes_max || paused_) return;
  paused_ = true;
  pause();
  writer_.on_drained(while_alive([](StreamedInvoke& self) {
    self.paused_ = false;
    self.resume();
  }));
}

void StreamedInvoke::ended() {
  aligner_.finish([this](std::string_view part) { send_part(part); });
  writer_.finish();
}

void StreamedInvoke::answered(const routing::InvokeAnswer& answer) {
  refuse(model_error(endpoint_, answer));
}

void StreamedInvoke::failed(InvokeFailure failure, std::string_view detail,
                            std::string_view /*variant*/) {
  if (failure == InvokeFailure::not_found && !endpoint_.component.empty())
    return refuse(no_component(endpoint_, router_.route_of(endpoint_.own_fleet()).get()));
  const auto error = request_error(failure, request_id_);
  if (!writer_)
    return refuse(error ? *error : failure_error(endpoint_, failure, detail, request, container()));
  aligner_.finish([this](std::string_view part) { send_part(part); });
  const StreamFailure named = stream_failure(failure, detail);
  frame_.clear();
  wire::append_exception(frame_, named.exception, named.payload);
  writer_.write(frame_);
  writer_.finish();
}

}  // namespace

void invoke_endpoint_streamed(service::HotRequest&& hot, routing::Router& router,
                              const routing::Sessions& sessions,
                              std::chrono::milliseconds time_limit) {
  auto invoke = std::make_unique<StreamedInvoke>(std::move(hot), router, time_limit);
  if (const Result<> prepared = invoke->prepare(sessions); !prepared)
    return invoke->refuse(prepared.error());
  invoke->watch_client();
  router.invoke(std::move(invoke));
}

}  // namespace slipway::sagemaker_runtime

#include "engine/routing/instance_link.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/routing/redact_addresses.h"

namespace slipway::routing {

namespace {

// Fields of an answer that belong to its connection, or that the server writes anew.
constexpr std::array<std::string_view, 8> own_fields{
    "content-type", "content-length", "connection",        "keep-alive",
    "date",         "server",         "transfer-encoding", "trailer"};

bool passes(std::string_view name) {
  for (const std::string_view own : own_fields)
    if (net::same_name(name, own)) return false;
  return true;
}

std::optional<net::Address> address_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto address = net::Address::parse(text);
  return address ? std::optional(std::move(*address)) : std::nullopt;
}

// `model`: what the instance calls the model that is asked; empty: it has one.
net::ClientRequest http_request(const RequestForm& form, const InvokeRequest& request,
                                std::string_view model, std::chrono::milliseconds time_limit) {
  net::ClientRequest out{.method = form.method, .target = form.path, .time_limit = time_limit};
  if (!model.empty()) out.target = fmt::format("{}/{}/invoke", form.models_path, model);
  if (!request.content_type.empty()) out.headers.add("Content-Type", request.content_type);
  if (!request.accept.empty()) out.headers.add("Accept", request.accept);
  for (const net::Header& header : request.headers) out.headers.add(header.name, header.value);
  if (request.body_files)
    out.body_files = request.body_files;
  else
    out.body = net::Body::borrowed(request.body);
  return out;
}

std::vector<net::Header> passed_headers(const net::Headers& headers) {
  std::vector<net::Header> passed;
  for (const net::Header& header : headers)
    if (passes(header.name)) passed.push_back(header);
  return passed;
}

bool is_success(int status) { return status >= 200 && status < 300; }

InvokeFailure failure_of(const Error& error) {
  if (error.code == ErrorCode::timeout) return InvokeFailure::timeout;
  if (error.code == ErrorCode::limit_exceeded) return InvokeFailure::too_large;
  return InvokeFailure::broken;
}

// What callers may hear of it.
std::string sentence_of(const Error& error, const InstanceRoute& instance) {
  return redact_addresses(error.message, instance.addresses);
}

}  // namespace

// Takes a streamed answer from HTTP; one of another kind than 2xx it collects.
class HttpStream final : public net::ResponseReceiver {
 public:
  HttpStream(InstanceLink& link, std::unique_ptr<Invocation> invocation)
      : link_(link), invocation_(std::move(invocation)) {}

  void on_head(net::ClientResponse&& head) override {
    status_ = head.status();
    if (!is_success(status_)) return void(refusal_.emplace(std::move(head)));
    link_.user_.on_begun(*invocation_, {.status = status_,
                                        .content_type = head.headers().get("content-type"),
                                        .headers = passed_headers(head.headers()),
                                        .body = {}});
  }
  void on_data(std::string_view bytes) override {
    if (!refusal_) return link_.user_.on_part(*invocation_, bytes);
    refusal_body_ += bytes.substr(0, refusal_bytes_max - refusal_body_.size());
  }
  void on_end(const net::Headers& /*trailers*/) override {
    --link_.http_under_way_;
    if (!refusal_) return link_.user_.on_ended(std::move(invocation_));
    link_.user_.on_answer(std::move(invocation_),
                          {.status = status_,
                           .content_type = refusal_->headers().get("content-type"),
                           .headers = passed_headers(refusal_->headers()),
                           .body = refusal_body_});
  }
  void on_abort(const Error& error) override {
    --link_.http_under_way_;
    if (error.kind == "not_sent")
      return link_.user_.on_unsent(std::move(invocation_), sentence_of(error, *link_.instance_));
    link_.user_.on_failure(std::move(invocation_), failure_of(error),
                           sentence_of(error, *link_.instance_));
  }

 private:
  // What is kept of the body of an answer that is none of the 2xx kind; the rest is thrown away.
  static constexpr std::size_t refusal_bytes_max = 1024 * 1024;

  InstanceLink& link_;
  std::unique_ptr<Invocation> invocation_;
  int status_ = 0;
  std::optional<net::ClientResponse> refusal_;
  std::string refusal_body_;
};

InstanceLink::InstanceLink(net::Loop& loop, std::shared_ptr<const InstanceRoute> instance,
                           LinkUser& user, net::LinkSpare& spare)
    : loop_(loop),
      instance_(std::move(instance)),
      user_(user),
      http_address_(address_of(instance_->addresses.http)) {
  if (auto address = address_of(instance_->addresses.link))
    framed_ = std::make_unique<FramedLink>(loop_, std::move(*address), user_, spare);
}

InstanceLink::~InstanceLink() = default;

std::size_t InstanceLink::under_way() const {
  return http_under_way_ + (framed_ ? framed_->under_way() : 0);
}

void InstanceLink::expire(Instant now) {
  if (framed_) framed_->expire(now);
}

bool InstanceLink::send(std::unique_ptr<Invocation>& invocation,
                        std::chrono::milliseconds time_limit) {
  const InvokeRequest& request = invocation->request;
  const bool framed = framed_ && !framed_->is_lost() && !request.body_files &&
                      net::fits_link({.content_type = request.content_type,
                                      .accept = request.accept,
                                      .headers = framed_->headers_of(*invocation),
                                      .body = request.body});
  return framed ? framed_->send(invocation, loop_.now() + time_limit)
                : send_by_http(invocation, time_limit);
}

bool InstanceLink::send_by_http(std::unique_ptr<Invocation>& invocation,
                                std::chrono::milliseconds time_limit) {
  if (!http_address_) return false;
  if (!http_)
    http_ = std::make_unique<net::HttpClient>(
        loop_, *http_address_,
        net::HttpClientLimits{.connect_time = connect_timeout, .body_bytes_max = answer_bytes_max});
  ++http_under_way_;
  net::ClientRequest request =
      http_request(instance_->form, invocation->request, invocation->model_name(), time_limit);
  ExchangePlace& place = invocation->place_;
  place = {.way = ExchangePlace::Way::http};
  if (invocation->request.answer_mode == AnswerMode::streamed) {
    place.number =
        http_->send(std::move(request), std::make_unique<HttpStream>(*this, std::move(invocation)));
    return true;
  }
  place.number =
      http_->send(std::move(request),
                  [this, sent = std::move(invocation)](Result<net::ClientResponse> result) mutable {
                    on_http_answer(std::move(sent), std::move(result));
                  });
  return true;
}

void InstanceLink::set_paused(Invocation& invocation, Flow flow) {
  const ExchangePlace& place = invocation.place_;
  if (place.way == ExchangePlace::Way::framed) return framed_->set_paused(invocation, flow);
  flow == Flow::paused ? http_->pause(place.number) : http_->resume(place.number);
}

void InstanceLink::drop(Invocation& invocation) {
  const ExchangePlace& place = invocation.place_;
  if (place.way == ExchangePlace::Way::framed) return framed_->drop(invocation);
  --http_under_way_;
  http_->cancel(place.number);
}

void InstanceLink::on_http_answer(std::unique_ptr<Invocation> invocation,
                                  Result<net::ClientResponse> result) {
  --http_under_way_;
  if (!result) {
    const Error& error = result.error();
    if (error.kind == "not_sent")
      return user_.on_unsent(std::move(invocation), sentence_of(error, *instance_));
    return user_.on_failure(std::move(invocation), failure_of(error),
                            sentence_of(error, *instance_));
  }
  user_.on_answer(std::move(invocation), {.status = result->status(),
                                          .content_type = result->headers().get("content-type"),
                                          .headers = passed_headers(result->headers()),
                                          .body = result->body()});
}

}  // namespace slipway::routing

#include "engine/routing/http_link.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

}  // namespace

// Takes a streamed answer; one of another kind than 2xx it collects.
class HttpLink::Stream final : public net::ResponseReceiver {
 public:
  Stream(HttpLink& link, std::unique_ptr<Exchange> exchange)
      : link_(link), exchange_(std::move(exchange)) {}

  void on_head(net::ClientResponse&& head) override {
    status_ = head.status();
    if (!is_success(status_)) return void(refusal_.emplace(std::move(head)));
    note_begun(*exchange_);
    link_.user_.on_begun(*exchange_, {.status = status_,
                                      .content_type = head.headers().get("content-type"),
                                      .headers = passed_headers(head.headers()),
                                      .body = {}});
  }
  void on_data(std::string_view bytes) override {
    if (!refusal_) return link_.user_.on_part(*exchange_, bytes);
    refusal_body_ += bytes.substr(0, refusal_bytes_max - refusal_body_.size());
  }
  void on_end(const net::Headers& /*trailers*/) override {
    if (refusal_)
      return link_.answer(std::move(exchange_),
                          {.status = status_,
                           .content_type = refusal_->headers().get("content-type"),
                           .headers = passed_headers(refusal_->headers()),
                           .body = refusal_body_});
    link_.release(*exchange_);
    link_.user_.on_ended(std::move(exchange_));
  }
  void on_abort(const Error& error) override { link_.fail(std::move(exchange_), error); }

 private:
  // What is kept of the body of an answer that is none of the 2xx kind; the rest is thrown away.
  static constexpr std::size_t refusal_bytes_max = 1024 * 1024;

  HttpLink& link_;
  std::unique_ptr<Exchange> exchange_;
  int status_ = 0;
  std::optional<net::ClientResponse> refusal_;
  std::string refusal_body_;
};

HttpLink::HttpLink(net::Loop& loop, const InstanceRoute& instance, net::Address address,
                   LinkUser& user)
    : loop_(loop), instance_(instance), address_(std::move(address)), user_(user) {}

HttpLink::~HttpLink() = default;

Link::Sent HttpLink::send(std::unique_ptr<Exchange>& exchange,
                          std::chrono::milliseconds time_limit) {
  if (!http_)
    http_ = std::make_unique<net::HttpClient>(
        loop_, address_,
        net::HttpClientLimits{.connect_time = connect_timeout, .body_bytes_max = answer_bytes_max});
  ++under_way_;
  net::ClientRequest request =
      http_request(instance_.form, exchange->request, model_of(*exchange), time_limit);
  // The client tells nothing from within its send(), and its number is known only after.
  Exchange& sent = *exchange;
  std::uint64_t number = 0;
  if (sent.request.answer_mode == AnswerMode::streamed)
    number = http_->send(std::move(request), std::make_unique<Stream>(*this, std::move(exchange)));
  else
    number = http_->send(std::move(request), [this, taken = std::move(exchange)](
                                                 Result<net::ClientResponse> result) mutable {
      on_whole(std::move(taken), std::move(result));
    });
  note_taken(sent, number);
  return Sent::taken;
}

void HttpLink::set_paused(Exchange& exchange, Flow flow) {
  flow == Flow::paused ? http_->pause(number_of(exchange)) : http_->resume(number_of(exchange));
}

void HttpLink::drop(Exchange& exchange) {
  --under_way_;
  http_->cancel(number_of(exchange));
}

void HttpLink::release(Exchange& exchange) {
  --under_way_;
  note_over(exchange);
}

void HttpLink::answer(std::unique_ptr<Exchange> exchange, InvokeAnswer&& answer) {
  release(*exchange);
  user_.on_answer(std::move(exchange), std::move(answer));
}

void HttpLink::fail(std::unique_ptr<Exchange> exchange, const Error& error) {
  release(*exchange);
  const std::string why = redact_addresses(error.message, instance_.addresses);
  if (error.kind == "not_sent") return user_.on_unsent(std::move(exchange), why);
  user_.on_failure(std::move(exchange), failure_of(error), why);
}

void HttpLink::on_whole(std::unique_ptr<Exchange> exchange, Result<net::ClientResponse> result) {
  if (!result) return fail(std::move(exchange), result.error());
  answer(std::move(exchange), {.status = result->status(),
                               .content_type = result->headers().get("content-type"),
                               .headers = passed_headers(result->headers()),
                               .body = result->body()});
}

}  // namespace slipway::routing

#include "engine/fleet/instance_link.h"

#include <array>
#include <utility>

namespace slipway::fleet {

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

net::ClientRequest http_request(const InvokeRequest& request,
                                std::chrono::milliseconds time_limit) {
  net::ClientRequest out{.method = "POST", .target = "/invocations", .time_limit = time_limit};
  if (!request.content_type.empty()) out.headers.add("Content-Type", request.content_type);
  if (!request.accept.empty()) out.headers.add("Accept", request.accept);
  for (const net::Header& header : request.headers) out.headers.add(header.name, header.value);
  out.body = net::Body::borrowed(request.body);
  return out;
}

InvokeFailure failure_of(const Error& error) {
  if (error.code == ErrorCode::timeout) return InvokeFailure::timeout;
  if (error.code == ErrorCode::limit_exceeded) return InvokeFailure::too_large;
  return InvokeFailure::broken;
}

}  // namespace

InstanceLink::InstanceLink(net::Loop& loop, std::shared_ptr<const InstanceRoute> instance,
                           LinkUser& user)
    : loop_(loop), instance_(std::move(instance)), user_(user) {
  if (auto address = address_of(instance_->addresses.link))
    framed_ = std::make_unique<FramedLink>(loop_, std::move(*address), user_);
  if (auto address = address_of(instance_->addresses.http))
    http_ = std::make_unique<net::HttpClient>(
        loop_, std::move(*address),
        net::HttpClientLimits{.connect_time = connect_timeout, .body_bytes_max = answer_bytes_max});
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
  const bool framed = framed_ && !framed_->is_lost() &&
                      net::fits_link({.content_type = request.content_type,
                                      .accept = request.accept,
                                      .headers = request.headers,
                                      .body = request.body});
  return framed ? framed_->send(invocation, loop_.now() + time_limit)
                : send_by_http(invocation, time_limit);
}

bool InstanceLink::send_by_http(std::unique_ptr<Invocation>& invocation,
                                std::chrono::milliseconds time_limit) {
  if (!http_) return false;
  ++http_under_way_;
  net::ClientRequest request = http_request(invocation->request, time_limit);
  http_->send(std::move(request),
              [this, sent = std::move(invocation)](Result<net::ClientResponse> result) mutable {
                on_http_answer(std::move(sent), std::move(result));
              });
  return true;
}

void InstanceLink::on_http_answer(std::unique_ptr<Invocation> invocation,
                                  Result<net::ClientResponse> result) {
  --http_under_way_;
  if (!result) {
    const Error& error = result.error();
    if (error.kind == "not_sent") return user_.on_unsent(std::move(invocation), error.message);
    return user_.on_failure(std::move(invocation), failure_of(error), error.message);
  }
  std::vector<net::Header> headers;
  for (const net::Header& header : result->headers())
    if (passes(header.name)) headers.push_back(header);
  user_.on_answer(std::move(invocation), {.status = result->status(),
                                          .content_type = result->headers().get("content-type"),
                                          .headers = headers,
                                          .body = result->body()});
}

}  // namespace slipway::fleet

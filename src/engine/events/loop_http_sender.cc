#include "engine/events/loop_http_sender.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace slipway::events {
namespace {

constexpr net::HttpClientLimits client_limits{.connections_max = 1,
                                              .waiting_max = 1,
                                              .idle_max = 0,
                                              .connect_time = std::chrono::milliseconds(5'000)};

// "/path?query" of "http://host:port/path?query".
std::string target_of(std::string_view url) {
  const auto host = url.find("://");
  const auto path = host == url.npos ? url.npos : url.find_first_of("/?", host + 3);
  if (path == url.npos) return "/";
  const std::string_view target = url.substr(path);
  return target.starts_with('/') ? std::string(target) : "/" + std::string(target);
}

bool is_literal(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

// Hears the status; what the subscriber says besides is read and dropped.
class LoopHttpSender::Answer final : public net::ResponseReceiver {
 public:
  Answer(LoopHttpSender& sender, RequestId id) : sender_(sender), id_(id) {}

  void on_head(net::ClientResponse&& head) override { status_ = head.status(); }
  void on_data(std::string_view) override {}
  void on_end(const net::Headers&) override { sender_.answered(id_, status_); }
  void on_abort(const Error& error) override { sender_.unanswered(id_, error); }

 private:
  LoopHttpSender& sender_;
  const RequestId id_;
  int status_ = 0;
};

LoopHttpSender::LoopHttpSender(net::LoopThread& loop, net::Reach reach,
                               std::shared_ptr<const net::TlsContext> trusted)
    : thread_(loop), reach_(reach), trusted_(std::move(trusted)) {}

void LoopHttpSender::stop() {
  if (stopping_.exchange(true)) return;
  resolvers_.stop();
  thread_.run_and_wait([this] {
    for (const auto& [id, sending] : requests_) thread_.loop().cancel(sending.deadline);
    auto requests = std::move(requests_);
    requests_.clear();
  });
  thread_.run_and_wait([] {});  // what they posted as they went
}

void LoopHttpSender::send(DeliveryTask task) {
  if (stopping_) return;
  thread_.loop().post([this, task = std::move(task)]() mutable { begin(std::move(task)); });
}

void LoopHttpSender::begin(DeliveryTask task) {
  if (stopping_) return;
  const RequestId id = ++last_id_;
  auto origin = net::Origin::parse(task.url);
  OutboundRequest& sending = requests_[id];
  sending.task = std::move(task);
  if (!origin) return end(id, 0, origin.error().message);
  sending.origin = *std::move(origin);
  sending.deadline = thread_.loop().after(delivery_time_max, [this, id] {
    const auto late = requests_.find(id);
    if (late == requests_.end()) return;
    end(id, 0,
        fmt::format("{} had not answered wholly after {} s", late->second.origin.authority(),
                    delivery_time_max.count()));
  });
  look_up(id, sending.origin);
}

void LoopHttpSender::look_up(RequestId id, const net::Origin& origin) {
  if (is_literal(origin.host)) {
    requests_[id].addresses = {net::Address::tcp(origin.host, origin.port)};
    return try_next(id);
  }
  const std::string name = fmt::format("{}:{}", origin.host, origin.port);
  std::vector<RequestId>& waiting = lookups_[name];
  waiting.push_back(id);
  if (waiting.size() > 1) return;
  resolvers_.post([this, name, host = origin.host, port = origin.port] {
    if (stopping_) return;
    thread_.loop().post(
        [this, name, addresses = net::resolve_all(host, port)] { found(name, addresses); });
  });
}

void LoopHttpSender::found(const std::string& name,
                           const Result<std::vector<net::Address>>& addresses) {
  const auto waiting = lookups_.extract(name);
  for (const RequestId id : waiting.mapped()) {
    const auto sending = requests_.find(id);
    if (sending == requests_.end()) continue;
    if (!addresses) {
      end(id, 0, addresses.error().message);
      continue;
    }
    sending->second.addresses.assign(addresses->rbegin(), addresses->rend());
    try_next(id);
  }
}

Result<net::ClientTls> LoopHttpSender::tls_for(const net::Origin& origin) {
  if (origin.scheme == net::Origin::Scheme::http) return net::ClientTls{};
  if (!trusted_) {
    TRY(trusted_, net::TlsContext::client());
  }
  return net::ClientTls{.context = trusted_, .host_name = origin.host};
}

// The next address that may be connected to; why the last one may not, where none is left.
Result<net::Address> LoopHttpSender::take_address(OutboundRequest& sending) const {
  Result<> refused = fail(ErrorCode::unavailable, "it has no address");
  while (!sending.addresses.empty()) {
    net::Address address = std::move(sending.addresses.back());
    sending.addresses.pop_back();
    refused = net::check_reach(address, reach_);
    if (refused) return address;
  }
  return std::unexpected(std::move(refused).error());
}

void LoopHttpSender::try_next(RequestId id) {
  OutboundRequest& sending = requests_.at(id);
  auto address = take_address(sending);
  if (!address) return end(id, 0, address.error().message);
  auto tls = tls_for(sending.origin);
  if (!tls) return end(id, 0, tls.error().message);
  net::ClientRequest request{.method = "POST",
                             .target = target_of(sending.task.url),
                             .body = net::Body::borrowed(sending.task.delivery.body),
                             .time_limit = delivery_time_max,
                             .stale_retry = net::StaleRetry::never};
  request.headers.add("Host", sending.origin.authority());
  for (const auto& [name, value] : sending.task.delivery.head) request.headers.add(name, value);
  sending.client = std::make_unique<net::HttpClient>(thread_.loop(), *std::move(address),
                                                     client_limits, *std::move(tls));
  sending.client->send(std::move(request), std::make_unique<Answer>(*this, id));
}

void LoopHttpSender::answered(RequestId id, int status) { end(id, status, {}); }

// A client must not go from within its own call: it goes with the next batch.
void LoopHttpSender::unanswered(RequestId id, const Error& error) {
  const auto sending = requests_.find(id);
  if (sending == requests_.end() || stopping_) return;
  if (error.kind != "not_sent" || sending->second.addresses.empty())
    return end(id, 0, error.message);
  thread_.loop().post([this, id, tried = std::move(sending->second.client)]() mutable {
    tried.reset();
    if (requests_.contains(id)) try_next(id);
  });
}

void LoopHttpSender::end(RequestId id, int status, std::string why) {
  auto sending = requests_.extract(id);
  if (!sending) return;
  thread_.loop().cancel(sending.mapped().deadline);
  DeliveryReport report{.seq = sending.mapped().task.seq,
                        .subscription = sending.mapped().task.subscription,
                        .status = status,
                        .why = std::move(why)};
  thread_.loop().post([gone = std::move(sending)] {});
  if (!stopping_) report_(std::move(report));
}

}  // namespace slipway::events

#include "engine/events/http_courier.h"

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
class HttpCourier::Answer final : public net::ResponseReceiver {
 public:
  Answer(HttpCourier& courier, ErrandId id) : courier_(courier), id_(id) {}

  void on_head(net::ClientResponse&& head) override { status_ = head.status(); }
  void on_data(std::string_view) override {}
  void on_end(const net::Headers&) override { courier_.answered(id_, status_); }
  void on_abort(const Error& error) override { courier_.unanswered(id_, error); }

 private:
  HttpCourier& courier_;
  const ErrandId id_;
  int status_ = 0;
};

HttpCourier::HttpCourier(net::LoopThread& loop, net::Reach reach,
                         std::shared_ptr<const net::TlsContext> trusted)
    : thread_(loop), reach_(reach), trusted_(std::move(trusted)) {}

void HttpCourier::stop() {
  if (stopping_.exchange(true)) return;
  resolvers_.stop();
  thread_.run_and_wait([this] {
    for (const auto& [id, errand] : errands_) thread_.loop().cancel(errand.deadline);
    auto errands = std::move(errands_);
    errands_.clear();
  });
  thread_.run_and_wait([] {});  // what they posted as they went
}

void HttpCourier::send(CourierTask task) {
  if (stopping_) return;
  thread_.loop().post([this, task = std::move(task)]() mutable { begin(std::move(task)); });
}

void HttpCourier::begin(CourierTask task) {
  if (stopping_) return;
  const ErrandId id = ++last_id_;
  auto origin = net::Origin::parse(task.url);
  Errand& errand = errands_[id];
  errand.task = std::move(task);
  if (!origin) return end(id, 0, origin.error().message);
  errand.origin = *std::move(origin);
  errand.deadline = thread_.loop().after(delivery_time_max, [this, id] {
    const auto late = errands_.find(id);
    if (late == errands_.end()) return;
    end(id, 0,
        fmt::format("{} had not answered wholly after {} s", late->second.origin.authority(),
                    delivery_time_max.count()));
  });
  look_up(id, errand.origin);
}

void HttpCourier::look_up(ErrandId id, const net::Origin& origin) {
  if (is_literal(origin.host)) {
    errands_[id].addresses = {net::Address::tcp(origin.host, origin.port)};
    return try_next(id);
  }
  const std::string name = fmt::format("{}:{}", origin.host, origin.port);
  std::vector<ErrandId>& waiting = lookups_[name];
  waiting.push_back(id);
  if (waiting.size() > 1) return;
  resolvers_.post([this, name, host = origin.host, port = origin.port] {
    if (stopping_) return;
    thread_.loop().post(
        [this, name, addresses = net::resolve_all(host, port)] { found(name, addresses); });
  });
}

void HttpCourier::found(const std::string& name,
                        const Result<std::vector<net::Address>>& addresses) {
  const auto waiting = lookups_.extract(name);
  for (const ErrandId id : waiting.mapped()) {
    const auto errand = errands_.find(id);
    if (errand == errands_.end()) continue;
    if (!addresses) {
      end(id, 0, addresses.error().message);
      continue;
    }
    errand->second.addresses.assign(addresses->rbegin(), addresses->rend());
    try_next(id);
  }
}

Result<net::ClientTls> HttpCourier::tls_for(const net::Origin& origin) {
  if (origin.scheme == net::Origin::Scheme::http) return net::ClientTls{};
  if (!trusted_) {
    TRY(trusted_, net::TlsContext::client());
  }
  return net::ClientTls{.context = trusted_, .host_name = origin.host};
}

// The next address that may be connected to; why the last one may not, where none is left.
Result<net::Address> HttpCourier::take_address(Errand& errand) const {
  Result<> refused = fail(ErrorCode::unavailable, "it has no address");
  while (!errand.addresses.empty()) {
    net::Address address = std::move(errand.addresses.back());
    errand.addresses.pop_back();
    refused = net::check_reach(address, reach_);
    if (refused) return address;
  }
  return std::unexpected(std::move(refused).error());
}

void HttpCourier::try_next(ErrandId id) {
  Errand& errand = errands_.at(id);
  auto address = take_address(errand);
  if (!address) return end(id, 0, address.error().message);
  auto tls = tls_for(errand.origin);
  if (!tls) return end(id, 0, tls.error().message);
  net::ClientRequest request{.method = "POST",
                             .target = target_of(errand.task.url),
                             .body = net::Body::borrowed(errand.task.delivery.body),
                             .time_limit = delivery_time_max,
                             .stale_retry = net::StaleRetry::never};
  request.headers.add("Host", errand.origin.authority());
  for (const auto& [name, value] : errand.task.delivery.head) request.headers.add(name, value);
  errand.client = std::make_unique<net::HttpClient>(thread_.loop(), *std::move(address),
                                                    client_limits, *std::move(tls));
  errand.client->send(std::move(request), std::make_unique<Answer>(*this, id));
}

void HttpCourier::answered(ErrandId id, int status) { end(id, status, {}); }

// A client must not go from within its own call: it goes with the next batch.
void HttpCourier::unanswered(ErrandId id, const Error& error) {
  const auto errand = errands_.find(id);
  if (errand == errands_.end() || stopping_) return;
  if (error.kind != "not_sent" || errand->second.addresses.empty())
    return end(id, 0, error.message);
  thread_.loop().post([this, id, tried = std::move(errand->second.client)]() mutable {
    tried.reset();
    if (errands_.contains(id)) try_next(id);
  });
}

void HttpCourier::end(ErrandId id, int status, std::string why) {
  auto errand = errands_.extract(id);
  if (!errand) return;
  thread_.loop().cancel(errand.mapped().deadline);
  CourierReport report{.seq = errand.mapped().task.seq,
                       .subscription = errand.mapped().task.subscription,
                       .status = status,
                       .why = std::move(why)};
  thread_.loop().post([gone = std::move(errand)] {});
  if (!stopping_) report_(std::move(report));
}

}  // namespace slipway::events

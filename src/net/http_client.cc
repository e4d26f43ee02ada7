#include "net/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "net/client_connection.h"

namespace slipway::net {
namespace {

constexpr std::chrono::milliseconds sweep_time_max{1'000};
constexpr std::chrono::milliseconds sweep_time_min{5};

}  // namespace

int ClientResponse::status() const { return message_->status; }
const Headers& ClientResponse::headers() const { return message_->head.headers; }
std::string_view ClientResponse::body() const { return message_->body(); }
Headers ClientResponse::trailers() const { return Headers(message_->trailers); }

// The calls, the connections, and which call goes to which connection.
class HttpClient::Impl final : public ClientOwner {
 public:
  Impl(Loop& loop, Address address, const HttpClientLimits& limits, ClientTls tls,
       std::shared_ptr<MessagePool> pool)
      : loop_(loop),
        address_(std::move(address)),
        limits_(limits),
        tls_(std::move(tls)),
        parser_limits_{.header_bytes_max = limits.header_bytes_max,
                       .headers_max = limits.headers_max},
        pool_(pool ? std::move(pool) : make_message_pool()) {}

  ~Impl() override {
    loop_.cancel(sweep_timer_);
    *alive_ = false;
    for (const auto& connection : connections_) connection->drop();
    auto calls = std::move(calls_);
    for (auto& [id, call] : calls) {
      loop_.cancel(call->deadline);
      end_with(*call, {ErrorCode::unavailable, "the client was closed", "lost"});
    }
  }

  CallId send(ClientRequest request, Callback callback,
              std::unique_ptr<ResponseReceiver> receiver) {
    auto call = std::make_unique<ClientCall>();
    const CallId id = ++last_id_;
    call->id = id;
    call->request = std::move(request);
    call->callback = std::move(callback);
    call->receiver = std::move(receiver);
    call->deadline = loop_.after(call->request.time_limit, [this, id] { timed_out(id); });
    ClientCall& placed = *calls_.emplace(id, std::move(call)).first->second;
    if (waiting_.size() >= limits_.waiting_max) {
      later([this, id] { refuse_waiting(id); });
    } else if (!place(placed)) {
      waiting_.push_back(id);
    }
    return id;
  }

  void cancel(CallId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const auto call = std::move(found->second);
    calls_.erase(found);
    loop_.cancel(call->deadline);
    give_up_connection(*call);
    // It may be the receiver itself that cancels: it goes when it has returned.
    loop_.post([receiver = std::move(call->receiver)] {});
  }

  void set_paused(CallId id, bool paused) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    found->second->paused = paused;
    if (!paused && found->second->connection != nullptr) found->second->connection->pump_later();
  }

  void answered(ClientConnection& connection, ClientCall& call, MessagePtr message) override {
    const auto ended = take_call(call);
    if (connection.reusable() && idle_.size() < limits_.idle_max) {
      idle_.push_back(&connection);
    } else {
      retire(connection);
    }
    place_waiting();
    if (ended->receiver) {
      ended->receiver->on_end(Headers(message->trailers));
    } else {
      ended->callback(ClientResponse(std::move(message)));
    }
  }

  void failed(ClientConnection& connection, ClientCall* call, Error error) override {
    const bool stale = connection.stale();
    retire(connection);
    if (call == nullptr) return place_waiting();
    const bool harmless = !call->sent || is_idempotent(call->request.method);
    const bool again =
        stale && harmless && !call->retried && call->request.stale_retry == StaleRetry::once;
    if (again) {
      call->retried = true;
      // The others that were kept open are most likely closed too.
      while (!idle_.empty()) drop_connection(*idle_.back());
      if (!place(*call)) waiting_.push_front(call->id);
      return;
    }
    const auto ended = take_call(*call);
    place_waiting();
    end_with(*ended, std::move(error));
  }

  const Address& address() const { return address_; }
  std::size_t in_flight() const { return calls_.size(); }

 private:
  // Runs `task` in a later batch, unless this is gone by then.
  template <typename Act>
  void later(Act act) {
    loop_.post([alive = alive_, act = std::move(act)]() mutable {
      if (*alive) act();
    });
  }

  bool place(ClientCall& call) {
    while (!idle_.empty()) {
      ClientConnection* connection = idle_.back();
      idle_.pop_back();
      if (connection->reusable()) {
        connection->start(call);
        return true;
      }
      drop_connection(*connection);
    }
    if (connections_.size() >= limits_.connections_max) return false;
    connections_.push_back(std::make_shared<ClientConnection>(loop_, *this, limits_, parser_limits_,
                                                              pool_, address_, tls_));
    const auto connection = connections_.back();
    connection->start(call);
    connection->open();
    if (sweep_timer_ == 0) sweep_later();
    return true;
  }

  void place_waiting() {
    while (!waiting_.empty()) {
      const auto found = calls_.find(waiting_.front());
      if (found != calls_.end() && !place(*found->second)) return;
      waiting_.pop_front();
    }
  }

  std::unique_ptr<ClientCall> take_call(ClientCall& call) {
    auto taken = std::move(calls_.extract(call.id).mapped());
    loop_.cancel(taken->deadline);
    return taken;
  }

  static void end_with(ClientCall& call, Error error) {
    if (call.receiver) {
      call.receiver->on_abort(error);
    } else if (call.callback) {
      call.callback(std::unexpected(std::move(error)));
    }
  }

  void give_up_connection(ClientCall& call) {
    if (call.connection == nullptr) return;
    drop_connection(*call.connection);
    later([this] { place_waiting(); });
  }

  void drop_connection(ClientConnection& connection) {
    connection.drop();
    retire(connection);
  }

  // Takes it off the lists; it lives until its own call stack has ended.
  void retire(ClientConnection& connection) {
    std::erase(idle_, &connection);
    const auto found =
        std::ranges::find(connections_, &connection, [](const auto& each) { return each.get(); });
    if (found == connections_.end()) return;
    connection.drop();
    loop_.post([gone = std::move(*found)] {});
    connections_.erase(found);
  }

  void end_call(CallId id, Error error) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    ClientCall& call = *found->second;
    give_up_connection(call);
    const auto ended = take_call(call);
    end_with(*ended, std::move(error));
  }

  void timed_out(CallId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const ClientCall& call = *found->second;
    end_call(id, {ErrorCode::timeout,
                  fmt::format("{} did not answer within {} ms", address_.text(),
                              call.request.time_limit.count()),
                  call.sent ? "lost" : "not_sent"});
  }

  void refuse_waiting(CallId id) {
    end_call(id, {ErrorCode::limit_exceeded,
                  fmt::format("{} calls to {} wait already", limits_.waiting_max, address_.text()),
                  "not_sent"});
  }

  void sweep_later() {
    const auto least = std::min(limits_.idle_time, limits_.connect_time);
    sweep_timer_ =
        loop_.after(std::clamp(least / 4, sweep_time_min, sweep_time_max), [this] { sweep(); });
  }

  void sweep() {
    sweep_timer_ = 0;
    const auto all = connections_;
    for (const auto& connection : all) {
      const auto waited = loop_.now() - connection->since;
      if (connection->connecting() && waited > limits_.connect_time) {
        connection->connect_timed_out();
      } else if (connection->reusable() && waited > limits_.idle_time) {
        drop_connection(*connection);
      }
    }
    if (!connections_.empty()) sweep_later();
  }

  Loop& loop_;
  const Address address_;
  const HttpClientLimits limits_;
  const ClientTls tls_;
  const ParserLimits parser_limits_;
  const std::shared_ptr<MessagePool> pool_;
  std::unordered_map<CallId, std::unique_ptr<ClientCall>> calls_;
  std::deque<CallId> waiting_;
  std::vector<std::shared_ptr<ClientConnection>> connections_;
  std::vector<ClientConnection*> idle_;  // the last used is the next
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  CallId last_id_ = 0;
  TimerId sweep_timer_ = 0;
};

std::shared_ptr<MessagePool> make_message_pool() { return std::make_shared<MessagePool>(); }

HttpClient::HttpClient(Loop& loop, Address address, HttpClientLimits limits, ClientTls tls,
                       std::shared_ptr<MessagePool> pool)
    : impl_(std::make_unique<Impl>(loop, std::move(address), limits, std::move(tls),
                                   std::move(pool))) {}

HttpClient::~HttpClient() = default;

CallId HttpClient::send(ClientRequest request, Callback callback) {
  return impl_->send(std::move(request), std::move(callback), nullptr);
}

CallId HttpClient::send(ClientRequest request, std::unique_ptr<ResponseReceiver> receiver) {
  return impl_->send(std::move(request), {}, std::move(receiver));
}

void HttpClient::cancel(CallId call) { impl_->cancel(call); }

void HttpClient::pause(CallId call) { impl_->set_paused(call, true); }

void HttpClient::resume(CallId call) { impl_->set_paused(call, false); }

const Address& HttpClient::address() const { return impl_->address(); }

std::size_t HttpClient::in_flight() const { return impl_->in_flight(); }

}  // namespace slipway::net

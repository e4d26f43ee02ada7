#include "net/http_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "base/log.h"
#include "base/memory_shortage.h"
#include "net/http_connection.h"

namespace slipway::net {
namespace {

constexpr int accepts_max = 64;  // before the connections have their turn
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::milliseconds room_look_time{50};
// Of the connections that might make way for a newcomer so many are compared.
constexpr std::size_t candidates_max = 256;
constexpr std::size_t displaced_at_shortage = 16;
constexpr std::chrono::milliseconds sweep_time_max{1'000};
constexpr std::chrono::milliseconds sweep_time_min{5};

// So often that no limit is overrun by more than a quarter.
std::chrono::milliseconds sweep_time(const HttpLimits& limits) {
  const auto least = std::min({limits.idle_time, limits.head_time, limits.body_window,
                               limits.write_time, limits.linger_time});
  return std::clamp(least / 4, sweep_time_min, sweep_time_max);
}

// There is nothing left to accept with: the listener stays readable, and would be reported again at
// once.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// An exchange that only keeps what it is told, for Responder::to.
class SinkExchange final : public HttpExchange {
 public:
  explicit SinkExchange(std::move_only_function<void(Response&&)> sink) : sink_(std::move(sink)) {}

  void send(std::uint64_t, Response&& response) override {
    if (auto sink = std::exchange(sink_, {})) sink(std::move(response));
  }
  void send_view(std::uint64_t turn, const ResponseView& view) override {
    Response response{.status = view.status, .body = std::string(view.body)};
    for (const Header& header : view.headers) response.headers.add(header.name, header.value);
    send(turn, std::move(response));
  }
  void start(std::uint64_t, int status, Fields&& headers) override {
    started_ = {.status = status, .headers = std::move(headers)};
  }
  std::size_t write(std::uint64_t, std::string_view bytes) override {
    written_ += bytes;
    return 0;
  }
  void finish(std::uint64_t turn) override {
    started_.body = std::move(written_);
    send(turn, std::move(started_));
  }
  void abort(std::uint64_t) override { sink_ = {}; }
  void on_drained(std::uint64_t, Task task) override { task(); }
  void on_closed(std::uint64_t, Task) override {}
  void set_paused(std::uint64_t, bool) override {}

 private:
  std::move_only_function<void(Response&&)> sink_;
  Response started_;
  std::string written_;
};

}  // namespace

BodyWriter& BodyWriter::operator=(BodyWriter&& other) noexcept {
  if (this == &other) return *this;
  abort();
  exchange_ = std::move(other.exchange_);
  turn_ = other.turn_;
  return *this;
}

std::size_t BodyWriter::write(std::string_view bytes) {
  return exchange_ ? exchange_->write(turn_, bytes) : 0;
}

void BodyWriter::flush() {
  if (exchange_) exchange_->flush_now(turn_);
}

void BodyWriter::on_drained(Task task) {
  if (exchange_) exchange_->on_drained(turn_, std::move(task));
}

void BodyWriter::finish() {
  if (const auto exchange = std::move(exchange_)) exchange->finish(turn_);
}

void BodyWriter::abort() {
  if (const auto exchange = std::move(exchange_))
    survive_memory_shortage("net", [&] { exchange->abort(turn_); });
}

Responder Responder::to(std::move_only_function<void(Response&&)> sink) {
  return {std::make_shared<SinkExchange>(std::move(sink)), 0};
}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  drop();
  exchange_ = std::move(other.exchange_);
  turn_ = other.turn_;
  return *this;
}

void Responder::send(Response&& response) {
  if (const auto exchange = std::move(exchange_)) exchange->send(turn_, std::move(response));
}

void Responder::send(const ResponseView& response) {
  if (const auto exchange = std::move(exchange_)) exchange->send_view(turn_, response);
}

BodyWriter Responder::start(int status, Fields headers) {
  auto exchange = std::move(exchange_);
  if (!exchange) return {};
  exchange->start(turn_, status, std::move(headers));
  return {std::move(exchange), turn_};
}

void Responder::on_closed(Task task) {
  if (exchange_) exchange_->on_closed(turn_, std::move(task));
}

// What drops a responder may be the shortage itself.
void Responder::drop() {
  const std::shared_ptr<HttpExchange> exchange = std::move(exchange_);
  if (!exchange) return;
  const bool answered = survive_memory_shortage("net", [&] {
    exchange->send(turn_, plain_response(500, "Internal error: the request was not answered."));
  });
  if (!answered) survive_memory_shortage("net", [&] { exchange->abort(turn_); });
}

// The listeners, the list of connections, and the sweep over it.
class HttpServer::Impl final : public ServerContext, public BatchHook {
 public:
  Impl(Loop& on, RequestHandler& by, const HttpLimits& with) : ServerContext(on, by, with) {}

  ~Impl() override {
    done_ = {};
    close_listeners();
    cut_connections();
    loop.cancel(sweep_timer_);
    loop.cancel(deadline_timer_);
    loop.cancel(room_timer_);
    loop.disarm(*this);
  }

  void listen(Fd socket, std::shared_ptr<const TlsContext> tls) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(socket), std::move(tls)));
  }

  void adopt(Fd socket, std::shared_ptr<const TlsContext> tls) {
    ++counters.connections;
    if (draining) return;
    std::string peer = peer_text(socket.get());
    if (!find_place(address_of(peer))) return;
    auto connection = std::make_shared<Connection>(*this, std::move(socket), tls.get());
    grow_lists();
    ++by_address_[std::string(address_of(peer))];
    if (!connection->open(std::move(peer))) return forget_address(*connection);
    connection->index = connections_.size();
    connections_.push_back(std::move(connection));
    counters.open = connections_.size();
    if (sweep_timer_ == 0) sweep_later();
  }

  // Closes some that wait, so that their descriptors are free.
  void displace_some() {
    for (std::size_t i = 0; i < displaced_at_shortage; ++i)
      if (!displace_one({})) return;
  }

  void drain(std::chrono::milliseconds deadline, Task done) {
    draining = true;
    done_ = std::move(done);
    close_listeners();
    for (std::size_t i = connections_.size(); i-- > 0;) {
      const auto connection = connections_[i];
      connection->drain();
    }
    deadline_timer_ = loop.after(deadline, [this] { cut_connections(); });
    loop.at_batch_end(*this);
  }

  void wait_for_room(Connection& connection) override {
    starved_.push_back(connection.shared_from_this());
    if (room_timer_ == 0) look_for_room_later();
  }

  void forget(Connection& connection) override {
    forget_address(connection);
    const std::size_t i = connection.index;
    graveyard_.push_back(std::move(connections_[i]));
    if (i + 1 < connections_.size()) {
      connections_[i] = std::move(connections_.back());
      connections_[i]->index = i;
    }
    connections_.pop_back();
    counters.open = connections_.size();
    loop.at_batch_end(*this);
  }

  void on_batch_end() override {
    graveyard_.clear();
    if (!draining || !connections_.empty() || !done_) return;
    loop.cancel(deadline_timer_);
    loop.post(std::exchange(done_, {}));
  }

 private:
  class Listener final : public Watcher {
   public:
    Listener(Impl& server, Fd socket, std::shared_ptr<const TlsContext> tls)
        : server_(server), socket_(std::move(socket)), tls_(std::move(tls)) {
      watch();
    }
    ~Listener() override {
      server_.loop.cancel(pause_);
      server_.loop.unwatch(socket_.get(), *this);
    }

    void on_ready(std::uint32_t) override {
      for (int i = 0; i < accepts_max; ++i) {
        Fd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!connection) return accept_failed(errno);
        server_.adopt(std::move(connection), tls_);
      }
    }

   private:
    void watch() {
      // Several loops may wait on one unix listener: wake one of them.
      server_.loop.watch(socket_.get(), EPOLLIN | EPOLLEXCLUSIVE, *this);
    }

    void accept_failed(int error) {
      if (!is_shortage(error)) return;  // EAGAIN, or a connection that is already gone
      log_warning("net", "cannot accept connections, trying again soon",
                  {{"error", errno_text(error)}});
      server_.displace_some();
      server_.loop.unwatch(socket_.get(), *this);
      pause_ = server_.loop.after(accept_pause, [this] { watch(); });
    }

    Impl& server_;
    Fd socket_;
    std::shared_ptr<const TlsContext> tls_;
    TimerId pause_ = 0;
  };

  void close_listeners() { listeners_.clear(); }

  // Whoever closes a connection must not need memory for it.
  void grow_lists() {
    const std::size_t wanted = connections_.size() + 1;
    if (wanted <= connections_.capacity() && wanted <= graveyard_.capacity()) return;
    connections_.reserve(2 * wanted + 64);
    graveyard_.reserve(2 * wanted + 64);
  }

  void forget_address(const Connection& connection) {
    const auto found = by_address_.find(address_of(connection.peer()));
    if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
  }

  // Whether one more from `address` is let in; where it is full, somebody who waits makes way. None
  // (a unix socket's peers): there is no limit of its own.
  bool find_place(std::string_view address) {
    const auto found = by_address_.find(address);
    const std::size_t of_address = found == by_address_.end() ? 0 : found->second;
    if (!address.empty() && of_address >= limits.connections_per_address_max)
      return displace_one(address);
    return connections_.size() < limits.connections_max || displace_one({});
  }

  // `address`: whose connection makes way; empty: anybody's. False: all that were looked at are
  // busy.
  bool displace_one(std::string_view address) {
    std::shared_ptr<Connection> least;
    for (std::size_t looked = std::min(connections_.size(), candidates_max); looked > 0; --looked) {
      hand_ = (hand_ + 1) % connections_.size();
      const auto& each = connections_[hand_];
      if (each->use() == Connection::Use::busy) continue;
      if (!address.empty() && address_of(each->peer()) != address) continue;
      if (!least || std::pair(least->use(), each->since()) < std::pair(each->use(), least->since()))
        least = each;
    }
    if (!least) return false;
    ++counters.displaced;
    least->close();
    return true;
  }

  void look_for_room_later() {
    room_timer_ = loop.after(room_look_time, [this] {
      room_timer_ = 0;
      for (const auto& connection : std::exchange(starved_, {})) connection->look_for_room();
    });
  }

  void cut_connections() {
    while (!connections_.empty()) connections_.back()->close();
  }

  void sweep_later() {
    sweep_timer_ = loop.after(sweep_time(limits), [this] { sweep(); });
  }

  // From the back: closing one moves the last into its place.
  void sweep() {
    sweep_timer_ = 0;
    for (std::size_t i = connections_.size(); i-- > 0;) {
      const auto connection = connections_[i];
      connection->check_times(loop.now());
    }
    if (!connections_.empty()) sweep_later();
  }

  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> graveyard_;  // closed in this batch
  std::vector<std::shared_ptr<Connection>> starved_;    // wait for room in limits.memory
  std::map<std::string, std::size_t, std::less<>> by_address_;
  std::size_t hand_ = 0;  // where displace_one() looks next
  TimerId room_timer_ = 0;
  TimerId sweep_timer_ = 0;
  TimerId deadline_timer_ = 0;
  Task done_;
};

HttpServer::HttpServer(Loop& loop, RequestHandler& handler, HttpLimits limits)
    : impl_(std::make_unique<Impl>(loop, handler, limits)) {}

HttpServer::~HttpServer() = default;

void HttpServer::listen(Fd listener, std::shared_ptr<const TlsContext> tls) {
  impl_->listen(std::move(listener), std::move(tls));
}

void HttpServer::adopt(Fd connection, std::shared_ptr<const TlsContext> tls) {
  impl_->adopt(std::move(connection), std::move(tls));
}

void HttpServer::drain(std::chrono::milliseconds deadline, Task done) {
  impl_->drain(deadline, std::move(done));
}

const HttpServerCounters& HttpServer::counters() const { return impl_->counters; }

}  // namespace slipway::net

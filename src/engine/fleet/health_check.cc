#include "engine/fleet/health_check.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <utility>

namespace slipway::fleet {

namespace {

constexpr std::size_t answer_bytes_max = 1024 * 1024;

// Each try says "Prefer: wait=1" (RFC 7240): an instance that is about to be ready may answer when
// it is.
class HttpCheck final : public HealthCheck {
 public:
  HttpCheck(std::string path, net::Loop& loop, net::Address address,
            std::shared_ptr<net::MessagePool> messages)
      : path_(std::move(path)),
        client_(loop, std::move(address),
                net::HttpClientLimits{.connect_time = check_timeout,
                                      .body_bytes_max = answer_bytes_max},
                net::ClientTls{}, std::move(messages)) {}

  void run(Answer answer) override {
    client_.send({.method = "GET",
                  .target = path_,
                  .headers = {{"Prefer", "wait=1"}},
                  .time_limit = check_timeout},
                 [answer = std::move(answer)](const Result<net::ClientResponse>& result) mutable {
                   answer(miss_of(result));
                 });
  }

 private:
  static std::optional<std::string> miss_of(const Result<net::ClientResponse>& result) {
    if (!result) return result.error().message;
    if (result->status() == 200) return std::nullopt;
    return fmt::format("it answered with status {}", result->status());
  }

  const std::string path_;
  net::HttpClient client_;
};

class TcpCheck final : public HealthCheck, private net::Watcher {
 public:
  TcpCheck(net::Loop& loop, net::Address address) : loop_(loop), address_(std::move(address)) {}
  ~TcpCheck() override { rest(); }

  void run(Answer answer) override {
    answer_ = std::move(answer);
    auto socket = net::start_connect(address_);
    if (!socket) return end(socket.error().message);
    socket_ = std::move(*socket);
    loop_.watch(socket_.get(), EPOLLOUT, *this);
    timer_ = loop_.after(check_timeout, [this] {
      timer_ = 0;
      end(fmt::format("it accepted no connection within {} s",
                      std::chrono::duration_cast<std::chrono::seconds>(check_timeout).count()));
    });
  }

 private:
  void on_ready(std::uint32_t) override {
    const auto connected = net::connect_error(socket_, address_);
    end(connected ? std::nullopt : std::optional(connected.error().message));
  }
  void end(std::optional<std::string> miss) {
    rest();
    std::exchange(answer_, {})(std::move(miss));
  }
  void rest() {
    loop_.cancel(std::exchange(timer_, 0));
    if (!socket_) return;
    loop_.unwatch(socket_.get(), *this);
    socket_.reset();
  }

  net::Loop& loop_;
  const net::Address address_;
  Answer answer_;
  net::Fd socket_;
  net::TimerId timer_ = 0;
};

}  // namespace

std::unique_ptr<HealthCheck> make_check(const Probe& probe, net::Loop& loop, net::Address address,
                                        std::shared_ptr<net::MessagePool> messages) {
  if (const auto* http = std::get_if<HttpProbe>(&probe))
    return std::make_unique<HttpCheck>(http->path, loop, std::move(address), std::move(messages));
  if (std::holds_alternative<TcpProbe>(probe))
    return std::make_unique<TcpCheck>(loop, std::move(address));
  return nullptr;
}

}  // namespace slipway::fleet

// Any bytes to an HTTP server, in pieces of any size: whatever it answers, it must not crash, hang
// or keep the connection's memory. The first byte chooses the size of the pieces and the plan.
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "net/http_server.h"

namespace slipway::net {
namespace {

constexpr std::size_t tries_max = 10'000;

class Receiver final : public BodyReceiver {
 public:
  void on_start(Request&&, Responder&& responder, BodyControl) override {
    responder_ = std::move(responder);
  }
  void on_data(std::string_view bytes) override { seen_ += bytes.size(); }
  void on_end(const Headers& trailers) override {
    responder_.send(plain_response(200, std::to_string(seen_ + trailers.size())));
  }
  void on_abort(const Error&) override {}

 private:
  Responder responder_;
  std::size_t seen_ = 0;
};

class Handler final : public RequestHandler {
 public:
  explicit Handler(std::uint8_t mode) : streams_((mode & 1) != 0) {}
  BodyPlan on_head(const RequestHead& head) override {
    if (head.path.size() % 7 == 3) return Refuse{plain_response(403, "No.")};
    if (streams_) return Stream{std::make_unique<Receiver>()};
    return Collect{1 << 16};
  }
  void on_request(Request&& request, Responder&& responder) override {
    std::size_t sum = request.body().size() + request.trailers().size() + request.query().size();
    for (const Header& header : request.headers()) sum += header.name.size() + header.value.size();
    responder.send(plain_response(200, std::to_string(sum)));
  }

 private:
  bool streams_;
};

void serve(std::uint8_t mode, std::string_view bytes) {
  Loop loop;
  Handler handler(mode);
  HttpServer server(loop, handler,
                    {.target_bytes_max = 200, .header_bytes_max = 2000, .headers_max = 20});
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return;
  const Fd client(ends[0]);
  server.adopt(Fd(ends[1]));
  const std::size_t piece = 1 + (mode >> 1);
  char answer[4096];
  for (std::size_t tries = 0; tries < tries_max && server.counters().open > 0; ++tries) {
    if (bytes.empty()) ::shutdown(client.get(), SHUT_WR);
    const auto put =
        ::send(client.get(), bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
    loop.post([&] { loop.stop(); });
    loop.run();
    while (::recv(client.get(), answer, sizeof(answer), 0) > 0) {
    }
  }
  if (bytes.empty() && server.counters().open > 0) std::abort();
}

}  // namespace
}  // namespace slipway::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) {
    slipway::net::serve(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  }
  return 0;
}

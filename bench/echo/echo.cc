// A container of the hosting contract that sends back what it gets: GET /ping, POST /invocations.
// What the router and nginx are measured in front of.
//
//   bench_echo [--http-socket PATH] [--port N]     (other options are taken and ignored)

#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "net/http_server.h"

namespace {

using namespace slipway;

class Echo final : public net::RequestHandler {
 public:
  void on_request(net::Request&& request, net::Responder&& responder) override {
    const net::Header type[] = {
        {"Content-Type", request.headers().get("content-type", "text/plain")}};
    responder.send(net::ResponseView{.status = 200, .headers = type, .body = request.body()});
  }
};

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  net::Loop loop;
  Echo echo;
  net::HttpServer server(loop, echo);
  std::uint16_t port = 0;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--port") port = static_cast<std::uint16_t>(std::atoi(argv[i + 1]));
    if (option != "--http-socket") continue;
    auto listener = net::listen_unix(argv[i + 1]);
    if (!listener) return fmt::print(stderr, "{}\n", listener.error().message), 1;
    server.listen(*std::move(listener));
  }
  auto listener = net::listen_tcp(net::Address::tcp("127.0.0.1", port));
  if (!listener) return fmt::print(stderr, "{}\n", listener.error().message), 1;
  fmt::print("ready http://{}\n", net::local_address(*listener)->text());
  std::fflush(stdout);
  server.listen(*std::move(listener));
  loop.run();
}

// Measures what one loop of the HTTP server costs: an echo of POST bodies over kept-open
// connections, asked by a second thread of this process. Prints requests per second and the server
// thread's own CPU time per request (the latter is what to compare, the former depends on the
// neighbours), and how often that thread called operator new.
//
//   http_bench [connections...]      default: 1 16 64; 3 runs of 2 s each, medians
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "net/http_server.h"

namespace {
thread_local std::uint64_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace slipway::net {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int runs = 3;
constexpr std::chrono::seconds run_time{2};
constexpr std::size_t body_bytes = 128;

class Echo final : public RequestHandler {
 public:
  void on_request(Request&& request, Responder&& responder) override {
    const Header headers[] = {{"Content-Type", "application/octet-stream"}};
    responder.send(ResponseView{.status = 200, .headers = headers, .body = request.body()});
  }
};

double thread_cpu_seconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Asks over and over on one connection.
class Asker final : public Watcher {
 public:
  Asker(Loop& loop, const Address& address, std::uint64_t& answers)
      : loop_(loop), answers_(answers), socket_(*start_connect(address)) {
    loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLET, *this);
  }
  ~Asker() override { loop_.unwatch(socket_.get(), *this); }

  void on_ready(std::uint32_t events) override {
    if (!asked_ && (events & EPOLLOUT) != 0) ask();
    if ((events & EPOLLIN) == 0) return;
    char bytes[4096];
    const auto got = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
    if (got <= 0) return;
    ++answers_;
    ask();
  }

 private:
  void ask() {
    static const std::string request =
        "POST /echo HTTP/1.1\r\nHost: bench\r\nContent-Length: " + std::to_string(body_bytes) +
        "\r\n\r\n" + std::string(body_bytes, 'x');
    asked_ = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0;
  }

  Loop& loop_;
  std::uint64_t& answers_;
  Fd socket_;
  bool asked_ = false;
};

struct Figures {
  double per_second = 0;
  double allocations = 0;
  double cpu_microseconds = 0;
};

Figures measure(std::size_t connections) {
  LoopThread serving;
  Echo echo;
  Fd listener = *listen_tcp(Address::tcp("127.0.0.1", 0));
  const Address address = *local_address(listener);
  std::unique_ptr<HttpServer> server;
  double cpu_before = 0;
  double cpu_after = 0;
  std::uint64_t allocations_before = 0;
  std::uint64_t allocations_after = 0;
  serving.run_and_wait([&] {
    server = std::make_unique<HttpServer>(serving.loop(), echo);
    server->listen(std::move(listener));
  });
  std::uint64_t answers = 0;
  Seconds took{};
  {
    LoopThread asking;
    std::vector<std::unique_ptr<Asker>> askers;
    serving.run_and_wait([&] {
      cpu_before = thread_cpu_seconds();
      allocations_before = allocations;
    });
    const auto begin = std::chrono::steady_clock::now();
    asking.run_and_wait([&] {
      for (std::size_t i = 0; i < connections; ++i) {
        askers.push_back(std::make_unique<Asker>(asking.loop(), address, answers));
      }
    });
    std::this_thread::sleep_for(run_time);
    asking.run_and_wait([&] { askers.clear(); });
    took = std::chrono::steady_clock::now() - begin;
    serving.run_and_wait([&] {
      cpu_after = thread_cpu_seconds();
      allocations_after = allocations;
    });
  }
  serving.run_and_wait([&] { server.reset(); });
  const auto count = static_cast<double>(answers);
  return {.per_second = count / took.count(),
          .allocations = static_cast<double>(allocations_after - allocations_before) / count,
          .cpu_microseconds = 1e6 * (cpu_after - cpu_before) / count};
}

void print_medians(std::size_t connections) {
  std::vector<double> rates;
  std::vector<double> costs;
  double allocated = 0;
  for (int i = 0; i < runs; ++i) {
    const Figures figures = measure(connections);
    rates.push_back(figures.per_second);
    costs.push_back(figures.cpu_microseconds);
    allocated = figures.allocations;
  }
  std::ranges::sort(rates);
  std::ranges::sort(costs);
  std::printf(
      "http echo %zu B, %2zu connections: %6.0f requests/s, %5.2f us of server CPU and %.3f "
      "allocations each\n",
      body_bytes, connections, rates[runs / 2], costs[runs / 2], allocated);
}

}  // namespace
}  // namespace slipway::net

int main(int argc, char** argv) {
  std::vector<std::size_t> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::stoul(argv[i]));
  if (counts.empty()) counts = {1, 16, 64};
  for (const std::size_t count : counts) slipway::net::print_medians(count);
}

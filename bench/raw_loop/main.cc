// The floor that InvokeEndpoint is measured against: a bare epoll loop that answers
// POST /endpoints/ANY/invocations in one process, with the model server's own parsing and ONNX
// Runtime, one run for each request. No routing, no signatures, no limits beyond the buffer: what a
// hand-written server for one model could do.
//
//   raw_loop --model FILE_OR_DIR [--port N] [--threads N]
//
// Each thread has an epoll and a SO_REUSEPORT listener of its own. Prints "ready http://..." and
// runs until SIGTERM.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "modelserver/backends/load_model.h"
#include "modelserver/options.h"

namespace {

using slipway::modelserver::Model;
using slipway::modelserver::ModelCall;

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr int events_max = 256;

struct Connection {
  int socket = -1;
  std::size_t filled = 0;
  std::string output;
  char buffer[buffer_bytes];
};

// Finds a header by its name as the measuring clients write it, in any case of its first letters.
std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t at = 0; (at = head.find("\r\n", at)) != head.npos; at += 2) {
    const auto line = head.substr(at + 2, name.size());
    if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0)
      continue;
    auto value = head.substr(at + 2 + name.size());
    value = value.substr(0, value.find("\r\n"));
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

class Loop {
 public:
  Loop(Model& model, int listener) : model_(model), listener_(listener), epoll_(epoll_create1(0)) {
    watch(listener_, nullptr);
  }

  void run() {
    epoll_event events[events_max];
    for (;;) {
      const int count = epoll_wait(epoll_, events, events_max, -1);
      for (int i = 0; i < count; ++i) {
        auto* const connection = static_cast<Connection*>(events[i].data.ptr);
        if (connection == nullptr) {
          accept_all();
        } else if (!serve(*connection)) {
          close(connection->socket);
          delete connection;
        }
      }
    }
  }

 private:
  void watch(int socket, Connection* connection) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }

  void accept_all() {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto* const connection = new Connection;
      connection->socket = socket;
      watch(socket, connection);
    }
  }

  // One read, all whole requests in it, one write. False: the connection is done.
  bool serve(Connection& connection) {
    const auto got = recv(connection.socket, connection.buffer + connection.filled,
                          buffer_bytes - connection.filled, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    connection.filled += static_cast<std::size_t>(got);
    std::string_view rest(connection.buffer, connection.filled);
    connection.output.clear();
    while (answer_one(rest, connection.output)) {
    }
    std::memmove(connection.buffer, rest.data(), rest.size());
    connection.filled = rest.size();
    if (connection.output.empty()) return connection.filled < buffer_bytes;
    return send(connection.socket, connection.output.data(), connection.output.size(),
                MSG_NOSIGNAL) == static_cast<ssize_t>(connection.output.size());
  }

  // Takes one request off the front of `rest`, if it is whole, and appends its answer.
  bool answer_one(std::string_view& rest, std::string& output) {
    const auto end = rest.find("\r\n\r\n");
    if (end == rest.npos) return false;
    const auto head = rest.substr(0, end + 2);
    std::size_t length = 0;
    const auto text = header(head, "content-length:");
    std::from_chars(text.data(), text.data() + text.size(), length);
    if (rest.size() < end + 4 + length) return false;
    const auto target = head.substr(0, head.find("\r\n"));
    ModelCall& invocation = invocation_[0];
    invocation.content_type = header(head, "content-type:");
    invocation.accept = header(head, "accept:");
    invocation.body = rest.substr(end + 4, length);
    if (target.starts_with("POST /endpoints/")) {
      model_.answer(invocation_);
    } else {
      invocation.answer = {404, "text/plain", "POST /endpoints/NAME/invocations\n"};
    }
    fmt::format_to(std::back_inserter(output),
                   "HTTP/1.1 {} OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
                   invocation.answer.status, invocation.answer.content_type,
                   invocation.answer.body.size(), invocation.answer.body);
    rest.remove_prefix(end + 4 + length);
    return true;
  }

  Model& model_;
  int listener_;
  int epoll_;
  ModelCall invocation_[1];
};

int listen_on(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(socket, 1024) != 0) {
    fmt::print(stderr, "raw_loop: port {} cannot be listened on: {}\n", port, std::strerror(errno));
    std::exit(1);
  }
  return socket;
}

std::uint16_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

struct Arguments {
  slipway::modelserver::Options options;
  std::uint16_t port = 0;
  std::size_t threads = 1;
};

// The folder of a model's file, or the folder itself.
std::string folder_of(const std::filesystem::path& path) {
  return (std::filesystem::is_regular_file(path) ? path.parent_path() : path).string();
}

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name(argv[i]);
    if (name == "--model") arguments.options.model_dir = folder_of(argv[i + 1]);
    if (name == "--port") arguments.port = static_cast<std::uint16_t>(std::atoi(argv[i + 1]));
    if (name == "--threads") arguments.threads = static_cast<std::size_t>(std::atoi(argv[i + 1]));
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  auto model = slipway::modelserver::load_model(arguments.options, nullptr);
  if (!model) {
    fmt::print(stderr, "raw_loop: {}\n", model.error().message);
    return 1;
  }
  signal(SIGTERM, [](int) { _exit(0); });
  const int first = listen_on(arguments.port);
  const std::uint16_t port = port_of(first);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < arguments.threads; ++i) {
    const int listener = i == 0 ? first : listen_on(port);
    threads.emplace_back([&model, listener] { Loop(**model, listener).run(); });
  }
  fmt::print("ready http://127.0.0.1:{}\n", port);
  std::fflush(stdout);
}

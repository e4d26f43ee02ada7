#include "cell/warm_parent.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/fd.h"
#include "cell/prepared_tree.h"
#include "cell/privileges.h"

namespace slipway::cell {

namespace {

constexpr int backlog = 64;
constexpr int read_seconds_max = 2;

volatile sig_atomic_t* ended_by_signal() {
  static volatile sig_atomic_t ended = 0;
  return &ended;
}

void on_signal(int) { *ended_by_signal() = 1; }

// SIGCHLD is ignored, so that nobody needs to reap keepers.
void set_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;  // without SA_RESTART: poll returns
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_IGN);
}

Result<Fd> listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::invalid_argument, fmt::format("The path {} is too long.", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const mode_t before = ::umask(0177);
  const bool bound =
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::umask(before);
  if (bound && ::listen(listener.get(), backlog) == 0) return listener;
  return fail(ErrorCode::unavailable,
              fmt::format("No socket can be made at {}: {}", path, errno_text(errno)));
}

bool comes_from_starter(const Fd& client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.pid == ::getppid();
}

// Memory for one order.
class Page {
 public:
  Page()
      : at_(::mmap(nullptr, order_bytes_max, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0)) {}
  ~Page() {
    if (at_ != MAP_FAILED) ::munmap(at_, order_bytes_max);
  }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  // Returns what came, once it is whole; empty where it does not come.
  std::string_view receive(const Fd& client) {
    const timeval limit{.tv_sec = read_seconds_max, .tv_usec = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char* const bytes = at_ == MAP_FAILED ? nullptr : static_cast<char*>(at_);
    std::size_t count = 0;
    while (bytes != nullptr && !is_whole({bytes, count}) && count < order_bytes_max) {
      const ssize_t got = ::recv(client.get(), bytes + count, order_bytes_max - count, 0);
      if (got < 0 && errno == EINTR && *ended_by_signal() == 0) continue;
      if (got <= 0) return {};
      count += static_cast<std::size_t>(got);
    }
    return {bytes, count};
  }

 private:
  void* at_;
};

// Prepares what the next cell will want to start from: as the last one's order would have had it.
class Preparation {
 public:
  // Null where there is none that is good for such an order.
  const PreparedTree* tree_for(const OrderHead& head) {
    if (tree_ && !tree_->is_good_for(head.kept_free)) tree_.reset();
    return tree_ ? &*tree_ : nullptr;
  }
  void renew(const OrderHead& head) {
    if (head.layers != no_layers) empty_bounding_set();  // each of its cells does it
    if (tree_ || failed_ || !shares_tree(head)) return;
    auto made = PreparedTree::make(head.kept_free);
    if (made) {
      tree_ = std::move(*made);
      return;
    }
    failed_ = true;
    fmt::print(stderr, "{}\n", made.error().message);
  }

 private:
  std::optional<PreparedTree> tree_;
  bool failed_ = false;
};

void answer(const Fd& client, std::string_view line) {
  ::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL);
}

// The order's head, once its cell is on its way.
std::optional<OrderHead> make_cell(const Fd& client, const CellMain& body,
                                   Preparation& preparation) {
  Page page;
  const std::string_view text = page.receive(client);
  auto head = head_from_text(text);
  if (!head) {
    answer(client, "{\"error\": \"This is no order.\"}\n");
    return std::nullopt;
  }
  if (!start(text, client.get(), body, preparation.tree_for(*head)))
    answer(client, "{\"error\": \"No process can be forked.\"}\n");
  return *std::move(head);
}

void serve_one(const Fd& listener, const CellMain& body, Preparation& preparation) {
  Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client || !comes_from_starter(client)) return;
  const auto head = make_cell(client, body, preparation);
  client.reset();
  if (head) preparation.renew(*head);
}

bool is_pipe_or_socket(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

bool input_ended() {
  char dropped[64];
  return ::read(0, dropped, sizeof dropped) <= 0;
}

}  // namespace

Result<> serve_orders(const std::string& socket, const CellMain& body) {
  TRY(const Fd listener, listen_on(socket));
  set_signals();
  std::printf("ready\n");
  std::fflush(stdout);
  std::array<pollfd, 2> entries{
      {{listener.get(), POLLIN, 0}, {is_pipe_or_socket(0) ? 0 : -1, POLLIN, 0}}};
  Preparation preparation;
  while (*ended_by_signal() == 0) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[1].revents != 0 && input_ended()) break;
    if (entries[0].revents != 0) serve_one(listener, body, preparation);
  }
  ::unlink(socket.c_str());
  return {};
}

}  // namespace slipway::cell

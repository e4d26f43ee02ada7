#include "net/blocking_client.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>

#include "base/text.h"
#include "net/client_connection.h"
#include "net/http_parser.h"
#include "net/out_queue.h"
#include "net/transport.h"

namespace slipway::net {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::uint64_t write_bytes_max = 1 << 20;  // between looks at what the server says

// A server that closes must be an error, not the end of the process: sendfile and OpenSSL know no
// MSG_NOSIGNAL. Restores the thread's mask, and takes a SIGPIPE that came meanwhile with it.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeGuard() {
    const timespec at_once = {};
    if (!::sigismember(&before_, SIGPIPE)) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
};

std::unexpected<Error> no_url(std::string_view url) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no server's address: write http://HOST:PORT or "
                          "https://HOST:PORT",
                          url));
}

}  // namespace

Result<Origin> Origin::parse(std::string_view url) {
  Origin origin;
  std::string_view rest = url;
  if (url.starts_with("unix:")) {
    origin.host = "localhost";
    origin.unix_path = url.substr(5);
    return origin;
  }
  if (starts_with_ignoring_case(rest, "https://")) {
    origin.scheme = Scheme::https;
    origin.port = 443;
    rest.remove_prefix(8);
  } else if (starts_with_ignoring_case(rest, "http://")) {
    rest.remove_prefix(7);
  } else {
    return no_url(url);
  }
  rest = rest.substr(0, rest.find_first_of("/?#"));
  const auto colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  if (has_port) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), origin.port);
    if (error != std::errc() || end != digits.data() + digits.size()) return no_url(url);
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty() || rest.contains('@')) return no_url(url);
  origin.host = rest;
  return origin;
}

std::string Origin::authority() const {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  const bool usual = !unix_path.empty() || port == (scheme == Scheme::https ? 443 : 80);
  return usual ? name : fmt::format("{}:{}", name, port);
}

// The connection, and the one exchange on it.
class BlockingClient::Impl final : public BodySink {
 public:
  Impl(Origin origin, BlockingLimits limits, std::shared_ptr<const TlsContext> tls)
      : origin_(std::move(origin)), limits_(limits), tls_(std::move(tls)) {}

  Result<BlockingResponse> send(BlockingRequest& request, const Sink* sink) {
    using Clock = std::chrono::steady_clock;
    const SigpipeGuard guard;
    until_ = limits_.whole_time ? Clock::now() + *limits_.whole_time : Clock::time_point::max();
    sink_ = sink;
    const bool kept_open = connection_ != nullptr;
    auto response = attempt(request);
    if (response || !kept_open || got_bytes_) return response;
    // The server closed the connection that was kept open.
    const bool harmless = unread_ || is_idempotent(request.method);
    return harmless ? attempt(request) : response;
  }

  Take on_body(std::string_view bytes) override {
    if (sink_ != nullptr) {
      auto taken = (*sink_)(bytes);
      if (!taken) sink_error_ = std::move(taken.error());
      return taken ? Take::more : Take::too_much;
    }
    if (response_.body.size() + bytes.size() > limits_.body_bytes_max) return Take::too_much;
    response_.body += bytes;
    return Take::more;
  }

 private:
  struct Connection {
    Connection(Fd socket, const TlsContext* tls, const std::string& host, BodySink& sink)
        : transport(std::move(socket), tls, Transport::Side::client, host),
          parser(HttpParser::Kind::response, parser_limits, sink) {}
    const ParserLimits parser_limits = {};
    Transport transport;
    HttpParser parser;
  };

  Result<BlockingResponse> attempt(BlockingRequest& request) {
    got_bytes_ = false;
    sink_error_.reset();
    response_ = {};
    written_ = 0;
    reset_ = ended_ = false;
    if (!connection_) TRY_DO(connect());
    auto done = exchange(request);
    unread_ = was_unread();
    if (!done || !keep_) connection_.reset();
    if (!done) return std::unexpected(std::move(done.error()));
    return std::move(response_);
  }

  // Whether the server cannot have read a byte of the request (ClientConnection::was_unread).
  bool was_unread() const {
    const Transport& transport = connection_->transport;
    const bool tells = ended_ && !transport.secure() && origin_.unix_path.empty();
    return written_ == 0 || (tells && unacknowledged_bytes(transport.socket()) >= written_);
  }

  std::string place() const {
    return origin_.unix_path.empty() ? origin_.authority() : origin_.unix_path;
  }

  Result<> connect() {
    std::vector<Address> addresses = {Address::unix_socket(origin_.unix_path)};
    if (origin_.unix_path.empty()) {
      TRY(addresses, resolve_all(origin_.host, origin_.port));
    }
    Result<Fd> socket = connect_to(addresses.front());
    for (std::size_t i = 1; i < addresses.size() && !socket; ++i) socket = connect_to(addresses[i]);
    if (!socket) return std::unexpected(std::move(socket.error()));
    const bool secure = origin_.scheme == Origin::Scheme::https;
    if (secure && !tls_) {
      TRY(tls_, TlsContext::client());
    }
    connection_ = std::make_unique<Connection>(std::move(*socket), secure ? tls_.get() : nullptr,
                                               origin_.host, *this);
    return {};
  }

  Result<Fd> connect_to(const Address& address) {
    if (origin_.unix_path.empty()) TRY_DO(check_reach(address, limits_.reach));
    TRY(Fd socket, start_connect(address));
    TRY_DO(wait(socket.get(), POLLOUT, limits_.connect_time, "accept the connection"));
    TRY_DO(connect_error(socket, address));
    return socket;
  }

  Result<> wait(int fd, short events, std::chrono::milliseconds limit, std::string_view what) {
    const auto end = std::min(std::chrono::steady_clock::now() + limit, until_);
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd poll = {.fd = fd, .events = events, .revents = 0};
      const int ready = ::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (ready > 0) return {};
      if (ready < 0 && errno == EINTR) continue;
      if (end == until_) return too_late();
      return fail(ErrorCode::timeout,
                  fmt::format("{} did not {} within {} ms", place(), what, limit.count()));
    }
  }

  std::unexpected<Error> too_late() const {
    return fail(ErrorCode::timeout, fmt::format("{} had not answered wholly after {} ms", place(),
                                                limits_.whole_time->count()));
  }

  // Writes and reads as the socket allows: a server may answer before it has read everything.
  Result<> exchange(BlockingRequest& request) {
    TRY(Body body, body_for_attempt(request.body));
    OutQueue out;
    std::string head;
    append_request_head(head, request.method, request.target, request.headers, origin_.authority(),
                        body.size());
    out.add(head);
    out.add_body(std::move(body));
    Reading reading{.head_only = request.method == "HEAD", .message = std::make_unique<Message>()};
    connection_->parser.begin(*reading.message);
    bool done = false;
    while (!done) {
      if (!out.empty()) write_some(out);
      TRY(const Progress progress, read_some(reading));
      done = progress == Progress::done;
      if (!done && std::chrono::steady_clock::now() >= until_) return too_late();
      if (progress != Progress::blocked || done) continue;
      const auto events = static_cast<short>(out.empty() ? POLLIN : POLLIN | POLLOUT);
      TRY_DO(wait(connection_->transport.fd(), events, limits_.silence_time, "answer"));
    }
    keep_ = connection_->parser.keep_alive() && out.empty() && reading.clean;
    return {};
  }

  void write_some(OutQueue& out) {
    // Where writing fails, what the server said before it closed still counts: reading tells.
    const std::uint64_t before = out.bytes();
    const auto flushed = out.flush(connection_->transport, write_bytes_max);
    written_ += before - out.bytes();
    reset_ = reset_ || flushed == OutQueue::Flush::broken;
    if (flushed == OutQueue::Flush::broken || flushed == OutQueue::Flush::no_source) out.clear();
  }

  struct Reading {
    bool head_only = false;
    bool head_done = false;
    bool clean = false;  // nothing followed the answer
    std::unique_ptr<Message> message;
    std::size_t parsed = 0;
  };
  enum class Progress : std::uint8_t { more, blocked, done };

  Result<Progress> read_some(Reading& reading) {
    Message& m = *reading.message;
    m.reserve(m.used + read_bytes);
    const Io io = connection_->transport.read(m.free_space());
    switch (io.state) {
      case Io::State::blocked: return Progress::blocked;
      case Io::State::moved:
        got_bytes_ = true;
        m.used += io.bytes;
        return parse(reading);
      case Io::State::ended:
        if (reading.head_done && connection_->parser.feed_end() == HttpParser::Stop::message_done) {
          return Progress::done;
        }
        ended_ = !reset_;
        return fail(ErrorCode::unavailable,
                    fmt::format("{} closed the connection before it had answered", place()));
      case Io::State::broken: return broken();
    }
    return Progress::blocked;
  }

  std::unexpected<Error> broken() const {
    const Transport& transport = connection_->transport;
    const bool certificate = transport.secure() && !transport.established();
    return fail(certificate ? ErrorCode::permission_denied : ErrorCode::unavailable,
                fmt::format("the connection to {} broke: {}", place(), transport.failure()));
  }

  Result<Progress> parse(Reading& reading) {
    while (true) {
      Message& m = *reading.message;
      std::size_t consumed = 0;
      const auto stop =
          connection_->parser.feed({m.data() + reading.parsed, m.used - reading.parsed}, consumed);
      reading.parsed += consumed;
      switch (stop) {
        case HttpParser::Stop::failed: return refuse();
        case HttpParser::Stop::used_up:
          if (!reading.head_done && reading.parsed > ParserLimits().header_bytes_max) {
            return fail(ErrorCode::limit_exceeded, "the answer's header fields are too long");
          }
          // The body was handed on: its place is free again.
          if (reading.head_done) m.used = reading.parsed = 0;
          return Progress::more;
        case HttpParser::Stop::head_done:
          if (head_done(reading)) return Progress::done;
          break;
        case HttpParser::Stop::message_done:
          reading.clean = reading.parsed == m.used;
          return Progress::done;
      }
    }
  }

  std::unexpected<Error> refuse() {
    if (sink_error_) return std::unexpected(std::move(*sink_error_));
    const HttpParser& parser = connection_->parser;
    const bool too_long = parser.failure_status() == 413 || parser.failure_status() == 431;
    return fail(
        too_long ? ErrorCode::limit_exceeded : ErrorCode::corrupted,
        fmt::format("{} did not answer in HTTP as expected: {}", place(), parser.failure_reason()));
  }

  // Whether the answer is complete with its head.
  bool head_done(Reading& reading) {
    Message& m = *reading.message;
    const bool interim = m.status >= 100 && m.status < 200 && m.status != 101;
    if (interim) {
      auto next = std::make_unique<Message>();
      next->append({m.data() + reading.parsed, m.used - reading.parsed});
      reading.message = std::move(next);
      reading.parsed = 0;
      connection_->parser.begin(*reading.message);
      return false;
    }
    reading.head_done = true;
    response_.status = m.status;
    for (const Header& field : m.fields) response_.headers.add(field.name, field.value);
    const bool bodiless = reading.head_only || m.status == 204 || m.status == 304 ||
                          (!m.head.chunked && m.head.content_length == 0);
    if (reading.head_only) connection_->parser.skip_body();
    reading.clean = bodiless && reading.parsed == m.used;
    return bodiless;
  }

  Origin origin_;
  BlockingLimits limits_;
  std::shared_ptr<const TlsContext> tls_;
  std::unique_ptr<Connection> connection_;
  const Sink* sink_ = nullptr;
  std::optional<Error> sink_error_;
  BlockingResponse response_;
  std::chrono::steady_clock::time_point until_;  // of the call under way
  // Of the request under way; ClientConnection has the same.
  std::uint64_t written_ = 0;
  bool got_bytes_ = false;
  bool reset_ = false;
  bool ended_ = false;
  bool unread_ = false;
  bool keep_ = false;
};

BlockingClient::BlockingClient(Origin origin, BlockingLimits limits,
                               std::shared_ptr<const TlsContext> tls)
    : impl_(std::make_unique<Impl>(std::move(origin), limits, std::move(tls))) {}

BlockingClient::~BlockingClient() = default;
BlockingClient::BlockingClient(BlockingClient&&) noexcept = default;
BlockingClient& BlockingClient::operator=(BlockingClient&&) noexcept = default;

Result<BlockingResponse> BlockingClient::send(BlockingRequest request) {
  return impl_->send(request, nullptr);
}

Result<BlockingResponse> BlockingClient::send(BlockingRequest request, const Sink& sink) {
  return impl_->send(request, &sink);
}

}  // namespace slipway::net

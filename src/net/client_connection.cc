#include "net/client_connection.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>

namespace slipway::net {
namespace {

constexpr std::size_t reads_max = 32;  // before others on the loop have their turn
constexpr std::size_t stream_read_bytes = 64 * 1024;
constexpr std::uint64_t write_bytes_max = 4 << 20;

Fd socket_of(const Address& address, Error& error) {
  auto socket = start_connect(address);
  if (socket) return std::move(*socket);
  error = std::move(socket.error());
  return {};
}

bool is_interim(int status) { return status >= 100 && status < 200 && status != 101; }

}  // namespace

void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         const Fields& headers, std::string_view host, std::uint64_t body_bytes) {
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  if (!headers.has("host")) append_field(out, "Host", host);
  const bool counts = body_bytes > 0 || method == "POST" || method == "PUT" || method == "PATCH";
  if (counts && !headers.has("content-length")) {
    append_field(out, "Content-Length", fmt::to_string(body_bytes));
  }
  out.append(headers.text()).append("\r\n");
}

bool is_idempotent(std::string_view method) {
  constexpr std::string_view methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::ranges::find(methods, method) != std::end(methods);
}

Result<Body> body_for_attempt(Body& body) {
  if (body.sequence() != nullptr) {
    return slipway::fail(ErrorCode::invalid_argument, "a request's body is memory or one file");
  }
  FileRange* range = body.file();
  if (range == nullptr) return Body::borrowed(body.view());
  TRY(Fd copy, range->file.duplicate());
  return Body(FileRange{std::move(copy), range->offset, range->length});
}

ClientConnection::ClientConnection(Loop& loop, ClientOwner& owner, const HttpClientLimits& limits,
                                   const ParserLimits& parser_limits,
                                   std::shared_ptr<MessagePool> pool, const Address& address,
                                   const ClientTls& tls)
    : since(loop.now()),
      loop_(loop),
      owner_(&owner),
      limits_(limits),
      address_(address),
      transport_(socket_of(address, open_error_), tls.context.get(), Transport::Side::client,
                 tls.host_name),
      reader_(HttpParser::Kind::response, parser_limits, std::move(pool), *this) {}

void ClientConnection::open() {
  if (transport_.open()) {
    loop_.watch(transport_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
    return;
  }
  loop_.post([self = shared_from_this()] {
    self->fail(self->open_error_.code, self->open_error_.message, "not_sent");
  });
}

void ClientConnection::on_ready(std::uint32_t events) {
  if (connecting_) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    const Fd& socket = transport_.socket();
    if (auto error = connect_error(socket, address_); !error) {
      return fail(error.error().code, error.error().message, "not_sent");
    }
    connecting_ = false;
    if (has_call()) write_request();
  }
  hung_up_ = hung_up_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  readable_ = readable_ || hung_up_ || (events & EPOLLIN) != 0;
  pump();
}

void ClientConnection::start(ClientCall& call) {
  attempt_ = {.call = &call};
  call.connection = this;
  if (connecting_) return;
  write_request();
  pump_later();
}

void ClientConnection::write_request() {
  ClientRequest& request = attempt_.call->request;
  auto body =
      request.body_files ? Result<Body>(request.body_files()) : body_for_attempt(request.body);
  if (!body) return fail(body.error().code, body.error().message, "not_sent");
  std::string& out = out_.text();
  const std::size_t before = out.size();
  const std::string host =
      address_.kind == Address::Kind::unix_path ? "localhost" : address_.text();
  append_request_head(out, request.method, request.target, request.headers, host, body->size());
  out_.appended(out.size() - before);
  out_.add_body(std::move(*body));
  reader_.begin();
}

void ClientConnection::pump_later() {
  // Still in this batch where it can be: what several calls write leaves together with it.
  loop_.post([self = shared_from_this()] { self->pump(); });
}

void ClientConnection::pump() {
  if (pumping_ || !live() || connecting_) return;
  pumping_ = true;
  bool more = flush();
  for (std::size_t reads = 0; more && live() && readable_; ++reads) {
    if (has_call() && attempt_.call->paused) break;
    if (reads == reads_max) {
      pump_later();
      break;
    }
    more = read_some();
  }
  pumping_ = false;
}

bool ClientConnection::flush() {
  if (out_.empty()) return true;
  const std::uint64_t before = out_.bytes();
  const auto flushed = out_.flush(transport_, write_bytes_max);
  attempt_.written += before - out_.bytes();
  if (has_call() && attempt_.written > 0) attempt_.call->sent = true;
  if (flushed == OutQueue::Flush::out_of_turn) pump_later();
  if (flushed == OutQueue::Flush::no_source) {
    fail(ErrorCode::internal, "a file of the request's body cannot be read", "lost");
    return false;
  }
  // The server may have answered and closed before it read everything: what it said counts.
  if (flushed == OutQueue::Flush::broken) {
    out_.clear();
    keep_alive_ = false;
    hung_up_ = readable_ = reset_ = true;
  }
  return true;
}

std::span<char> ClientConnection::read_space() {
  if (attempt_.streams) return reader_.space_anew(stream_read_bytes);
  return reader_.space([this] { return 2 * reader_.message().capacity(); });
}

bool ClientConnection::read_some() {
  char unasked = 0;
  const Io io = transport_.read(has_call() ? read_space() : std::span<char>(&unasked, 1));
  readable_ = io.state == Io::State::moved && (!io.drained || hung_up_);
  switch (io.state) {
    case Io::State::moved:
      if (!has_call()) {
        fail(ErrorCode::corrupted, "an answer that nobody asked for", "lost");
        return false;
      }
      attempt_.got_bytes = true;
      reader_.received(io.bytes);
      parse();
      return true;
    case Io::State::blocked: return false;
    case Io::State::ended: peer_ended(); return false;
    case Io::State::broken:
      fail(ErrorCode::unavailable,
           fmt::format("{} closed the connection: {}", address_.text(), transport_.failure()),
           "lost");
      return false;
  }
  return false;
}

void ClientConnection::parse() {
  while (live() && has_call() && reader_.has_unparsed() && parse_once()) {
  }
}

// Whether the call goes on.
bool ClientConnection::parse_once() {
  const auto stop = reader_.parse();
  if (!live() || !has_call()) return false;
  switch (stop) {
    case HttpParser::Stop::failed: refuse_answer(); return false;
    case HttpParser::Stop::used_up:
      if (attempt_.head_done && !attempt_.streams) reader_.close_up();
      if (!attempt_.head_done && reader_.parsed() > limits_.header_bytes_max) {
        fail(ErrorCode::limit_exceeded, "the answer's header fields are too long", "lost");
      }
      return false;
    case HttpParser::Stop::head_done: head_done(); return live() && has_call();
    case HttpParser::Stop::message_done: message_done(); return live() && has_call();
  }
  return false;
}

void ClientConnection::refuse_answer() {
  const HttpParser& parser = reader_.parser();
  if (parser.failure_status() == 413)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the answer is longer than {} bytes, the most that is taken",
                            limits_.body_bytes_max),
                "lost");
  fail(parser.failure_status() == 431 ? ErrorCode::limit_exceeded : ErrorCode::corrupted,
       fmt::format("{} did not answer in HTTP as expected: {}", address_.text(),
                   parser.failure_reason()),
       "lost");
}

void ClientConnection::head_done() {
  const Message& m = reader_.message();
  if (is_interim(m.status)) return reader_.begin_behind();
  attempt_.head_done = true;
  keep_alive_ = reader_.parser().keep_alive();
  reader_.begin_body();
  const bool head_only = attempt_.call->request.method == "HEAD";
  if (head_only) reader_.parser().skip_body();
  const bool bodiless = head_only || m.status == 204 || m.status == 304 ||
                        (!m.head.chunked && m.head.content_length == 0);
  if (attempt_.call->receiver) {
    attempt_.streams = true;
    attempt_.call->receiver->on_head(ClientResponse(reader_.split_head()));
    if (!live() || !has_call()) return;
  }
  if (bodiless) message_done();
}

BodySink::Take ClientConnection::on_body(std::string_view bytes) {
  if (attempt_.streams) {
    attempt_.call->receiver->on_data(bytes);
    return live() && has_call() ? Take::more : Take::too_much;
  }
  const Message& m = reader_.message();
  if (m.body_end - m.body_begin + bytes.size() > limits_.body_bytes_max) return Take::too_much;
  reader_.add_to_body(bytes);
  return Take::more;
}

void ClientConnection::message_done() {
  ClientCall& call = *std::exchange(attempt_.call, nullptr);
  call.connection = nullptr;
  // Bytes behind the answer belong to nothing.
  const bool clean = !reader_.has_unparsed() && out_.empty();
  used_before_ = true;
  since = loop_.now();
  MessagePtr message = reader_.take();
  ClientOwner& owner = *owner_;
  if (!clean || !keep_alive_ || hung_up_) close();
  owner.answered(*this, call, std::move(message));
}

void ClientConnection::peer_ended() {
  hung_up_ = true;
  ended_ = !reset_;
  keep_alive_ = false;
  if (has_call() && attempt_.head_done &&
      reader_.parser().feed_end() == HttpParser::Stop::message_done) {
    return message_done();
  }
  fail(ErrorCode::unavailable,
       fmt::format("{} closed the connection before it had answered", address_.text()), "lost");
}

// Whether the server cannot have read a byte of the request: it closed before the first one came.
// Its system acknowledges what it takes for the server, and says so with the close; where it reset
// the connection, it may not have said.
bool ClientConnection::was_unread() const {
  if (attempt_.got_bytes) return false;
  const bool tells = ended_ && !transport_.secure() && address_.kind == Address::Kind::tcp;
  return attempt_.written == 0 ||
         (tells && unacknowledged_bytes(transport_.socket()) >= attempt_.written);
}

void ClientConnection::fail(ErrorCode code, std::string message, std::string kind) {
  if (!live()) return;
  ClientOwner& owner = *owner_;
  ClientCall* call = std::exchange(attempt_.call, nullptr);
  if (call != nullptr) call->connection = nullptr;
  if (call != nullptr && !call->retried && was_unread()) call->sent = false;
  if (call != nullptr && !call->sent) kind = "not_sent";
  close();
  owner.failed(*this, call, {code, std::move(message), std::move(kind)});
}

void ClientConnection::connect_timed_out() {
  fail(ErrorCode::timeout,
       fmt::format("{} did not accept the connection within {} ms", address_.text(),
                   limits_.connect_time.count()),
       "not_sent");
}

void ClientConnection::drop() {
  if (ClientCall* call = std::exchange(attempt_.call, nullptr)) call->connection = nullptr;
  close();
}

void ClientConnection::close() {
  if (!live()) return;
  owner_ = nullptr;
  if (transport_.open()) loop_.unwatch(transport_.fd(), *this);
  transport_.close();
  out_.clear();
  reader_.drop();
}

}  // namespace slipway::net

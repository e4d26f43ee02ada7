#include "net/client_connection.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>

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
      pool_(std::move(pool)),
      address_(address),
      transport_(socket_of(address, open_error_), tls.context.get(), Transport::Side::client,
                 tls.host_name),
      parser_(HttpParser::Kind::response, parser_limits, *this) {}

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
    connected();
  }
  hung_up_ = hung_up_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  readable_ = readable_ || hung_up_ || (events & EPOLLIN) != 0;
  pump();
}

void ClientConnection::connected() {
  connecting_ = false;
  if (call_ != nullptr) write_request();
}

void ClientConnection::start(ClientCall& call) {
  call_ = &call;
  call.connection = this;
  head_done_ = streams_ = got_bytes_ = false;
  written_ = 0;
  if (connecting_) return;
  write_request();
  pump_later();
}

void ClientConnection::write_request() {
  ClientRequest& request = call_->request;
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
  begin_message({});
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
    if (call_ != nullptr && call_->paused) break;
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
  written_ += before - out_.bytes();
  if (call_ != nullptr && written_ > 0) call_->sent = true;
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
  Message& m = *message_;
  if (streams_) {
    m.used = 0;
    m.reserve(stream_read_bytes);
  } else if (m.used == m.capacity()) {
    m.reserve(2 * m.capacity());
  }
  return m.free_space();
}

bool ClientConnection::read_some() {
  char unasked = 0;
  const Io io = transport_.read(call_ != nullptr ? read_space() : std::span<char>(&unasked, 1));
  readable_ = io.state == Io::State::moved && (!io.drained || hung_up_);
  switch (io.state) {
    case Io::State::moved:
      if (call_ == nullptr) {
        fail(ErrorCode::corrupted, "an answer that nobody asked for", "lost");
        return false;
      }
      received(io.bytes);
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

void ClientConnection::received(std::size_t bytes) {
  got_bytes_ = true;
  message_->used += bytes;
  if (streams_) parsed_ = 0;
  parse();
}

void ClientConnection::parse() {
  while (live() && call_ != nullptr && parsed_ < message_->used && parse_once()) {
  }
}

bool ClientConnection::parse_once() {
  Message& m = *message_;
  std::size_t consumed = 0;
  const auto stop = parser_.feed({m.data() + parsed_, m.used - parsed_}, consumed);
  if (!live() || call_ == nullptr) return false;
  parsed_ += consumed;
  switch (stop) {
    case HttpParser::Stop::failed: {
      if (parser_.failure_status() == 413)
        fail(ErrorCode::limit_exceeded,
             fmt::format("the answer is longer than {} bytes, the most that is taken",
                         limits_.body_bytes_max),
             "lost");
      else
        fail(parser_.failure_status() == 431 ? ErrorCode::limit_exceeded : ErrorCode::corrupted,
             fmt::format("{} did not answer in HTTP as expected: {}", address_.text(),
                         parser_.failure_reason()),
             "lost");
      return false;
    }
    case HttpParser::Stop::used_up:
      if (head_done_ && !streams_) m.used = parsed_ = m.body_end;
      if (!head_done_ && parsed_ > limits_.header_bytes_max) {
        fail(ErrorCode::limit_exceeded, "the answer's header fields are too long", "lost");
      }
      return false;
    case HttpParser::Stop::head_done: head_done(); return live() && call_ != nullptr;
    case HttpParser::Stop::message_done: message_done(); return live() && call_ != nullptr;
  }
  return false;
}

void ClientConnection::head_done() {
  if (is_interim(message_->status)) return finish_interim();
  head_done_ = true;
  keep_alive_ = parser_.keep_alive();
  Message& m = *message_;
  m.body_begin = m.body_end = parsed_;
  const bool head_only = call_->request.method == "HEAD";
  if (head_only) parser_.skip_body();
  const bool bodiless = head_only || m.status == 204 || m.status == 304 ||
                        (!m.head.chunked && m.head.content_length == 0);
  if (call_->receiver) {
    MessagePtr head = std::exchange(message_, pool_->take());
    message_->append({head->data() + parsed_, head->used - parsed_});
    head->used = parsed_;
    parsed_ = 0;
    parser_.go_on_in(*message_);
    streams_ = true;
    call_->receiver->on_head(ClientResponse(std::move(head)));
    if (!live() || call_ == nullptr) return;
  }
  if (bodiless) message_done();
}

void ClientConnection::finish_interim() {
  const MessagePtr interim = std::move(message_);
  begin_message({interim->data() + parsed_, interim->used - parsed_});
}

BodySink::Take ClientConnection::on_body(std::string_view bytes) {
  if (streams_) {
    call_->receiver->on_data(bytes);
    return live() && call_ != nullptr ? Take::more : Take::too_much;
  }
  Message& m = *message_;
  if (m.body_end - m.body_begin + bytes.size() > limits_.body_bytes_max) return Take::too_much;
  char* end = m.data() + m.body_end;
  if (end != bytes.data()) std::memmove(end, bytes.data(), bytes.size());
  m.body_end += bytes.size();
  return Take::more;
}

void ClientConnection::begin_message(std::string_view leftover) {
  message_ = pool_->take();
  message_->append(leftover);
  parsed_ = 0;
  parser_.begin(*message_);
}

void ClientConnection::message_done() {
  ClientCall& call = *std::exchange(call_, nullptr);
  call.connection = nullptr;
  // Bytes behind the answer belong to nothing.
  const bool clean = parsed_ == message_->used && out_.empty();
  used_before_ = true;
  since = loop_.now();
  MessagePtr message = std::move(message_);
  ClientOwner& owner = *owner_;
  if (!clean || !keep_alive_ || hung_up_) close();
  owner.answered(*this, call, std::move(message));
}

void ClientConnection::peer_ended() {
  hung_up_ = true;
  ended_ = !reset_;
  keep_alive_ = false;
  if (call_ != nullptr && head_done_ && parser_.feed_end() == HttpParser::Stop::message_done) {
    return message_done();
  }
  fail(ErrorCode::unavailable,
       fmt::format("{} closed the connection before it had answered", address_.text()), "lost");
}

// Whether the server cannot have read a byte of the request: it closed before the first one came.
// Its system acknowledges what it takes for the server, and says so with the close; where it reset
// the connection, it may not have said.
bool ClientConnection::was_unread() const {
  if (got_bytes_) return false;
  const bool tells = ended_ && !transport_.secure() && address_.kind == Address::Kind::tcp;
  return written_ == 0 || (tells && unacknowledged_bytes(transport_.socket()) >= written_);
}

void ClientConnection::fail(ErrorCode code, std::string message, std::string kind) {
  if (!live()) return;
  ClientOwner& owner = *owner_;
  ClientCall* call = std::exchange(call_, nullptr);
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
  if (call_ != nullptr) call_->connection = nullptr;
  call_ = nullptr;
  close();
}

void ClientConnection::close() {
  if (!live()) return;
  owner_ = nullptr;
  if (transport_.open()) loop_.unwatch(transport_.fd(), *this);
  transport_.close();
  out_.clear();
  message_.reset();
}

}  // namespace slipway::net

// Reading and parsing; what is written back is in http_connection_write.cc.
#include "net/http_connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "base/memory_shortage.h"

namespace slipway::net {
namespace {

constexpr std::uint64_t read_bytes_max = 1 << 20;       // before other connections have their turn
constexpr std::uint64_t unsent_bytes_max = 256 * 1024;  // more unsent answers: no further request
constexpr std::size_t read_buffer_bytes = 256 * 1024;
constexpr char tls_hello = 0x16;

}  // namespace

ServerContext::ServerContext(Loop& on, RequestHandler& by, const HttpLimits& with)
    : loop(on),
      handler(by),
      limits(with),
      parser_limits{with.target_bytes_max, with.header_bytes_max, with.headers_max},
      pool(std::make_shared<MessagePool>()) {}

std::string_view ServerContext::date_line() {
  if (loop.now() >= date_until_) {
    date_ = "Date: " + to_http_date(SystemClock().now()) + "\r\n";
    date_until_ = loop.now() + std::chrono::milliseconds(500);
  }
  return date_;
}

BodyPlan ServerContext::ask_for_plan(const RequestHead& head) {
  try {
    return handler.on_head(head);
  } catch (const std::exception& error) {
    log_error("net", "a request handler threw", {{"error", error.what()}});
    return Refuse{.response = plain_response(500, "Internal error.")};
  }
}

// The responder's end answers where nobody did.
void ServerContext::hand_on(Request&& request, Responder&& responder) {
  try {
    handler.on_request(std::move(request), std::move(responder));
  } catch (const std::exception& error) {
    log_error("net", "a request handler threw", {{"error", error.what()}});
  }
}

Connection::Connection(ServerContext& server, Fd socket, const TlsContext* tls)
    : server_(&server),
      loop_(server.loop),
      transport_(std::move(socket), tls, Transport::Side::server),
      reader_(HttpParser::Kind::request, server.parser_limits, server.pool, body_),
      body_(reader_, server.limits),
      writer_(transport_),
      exchange_(*this, server.loop),
      since_(server.loop.now()),
      discarded_bytes_max_(server.limits.linger_bytes_max) {}

bool Connection::open(std::string peer) {
  set_no_delay(transport_.fd());
  peer_ = std::move(peer);
  return loop_.try_watch(transport_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
}

Connection::Use Connection::use() const {
  switch (input_) {
    case Input::none: return Use::busy;
    case Input::body: return known_ || body_.paused() ? Use::busy : Use::strangers_body;
    case Input::discarded: return Use::strangers_wait;
    case Input::head: break;
  }
  if (!known_) return Use::strangers_wait;
  return reader_.receiving() || !writer_.empty() ? Use::busy : Use::idle;
}

void Connection::on_ready(std::uint32_t events) {
  const bool hang_up = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  // Under TLS a read may have waited for room to write.
  if (hang_up || (events & EPOLLIN) != 0 || transport_.secure()) readable_ = true;
  if (hang_up) {
    hung_up_ = true;
    if (input_ == Input::none) exchange_.tell_closed();
    if (input_ == Input::none && (events & (EPOLLHUP | EPOLLERR)) != 0) return close();
  }
  go_on();
}

void Connection::go_on() {
  if (!survive_memory_shortage("net", [this] { advance(); })) close_after_shortage();
}

void Connection::close_after_shortage() noexcept {
  advancing_ = false;
  survive_memory_shortage("net", [this] { close(); });
}

bool Connection::wants_input() const {
  switch (input_) {
    case Input::head: return writer_.bytes() < unsent_bytes_max;
    case Input::body: return !body_.paused() && !body_.starved();
    case Input::none: return false;
    case Input::discarded: return true;
  }
  return false;
}

bool Connection::can_go_on() const {
  return live() && !going_on_later_ && wants_input() && (has_unparsed() || readable_);
}

void Connection::advance() {
  if (advancing_ || !live()) return;
  advancing_ = true;
  std::uint64_t budget = read_bytes_max;
  do {
    take_input(budget);
    if (live() && (!writer_.empty() || ending_)) flush();
  } while (can_go_on());
  advancing_ = false;
}

void Connection::take_input(std::uint64_t& budget) {
  while (can_go_on()) {
    if (has_unparsed()) {
      parse();
    } else if (budget == 0) {
      return go_on_later();
    } else {
      budget -= std::min<std::uint64_t>(budget, read_some());
    }
  }
}

void Connection::go_on_later() {
  if (going_on_later_) return;
  going_on_later_ = true;
  loop_.post([self = shared_from_this()] {
    self->going_on_later_ = false;
    self->go_on();
  });
}

std::size_t Connection::read_some() {
  const bool passed_on = input_ == Input::discarded || body_.is_passed_on();
  return passed_on ? read_and_pass_on() : read_into_message();
}

std::size_t Connection::read_into_message() {
  if (!reader_.receiving()) reader_.begin();
  if (input_ == Input::body && !body_.has_room()) {
    body_.starve(now());
    server_->wait_for_room(*this);
    return 0;
  }
  Message& m = reader_.message();
  const bool first = m.used == 0;
  const Io io = transport_.read(reader_.space([this] { return body_.next_capacity(); }));
  if (!note_read(io)) return 0;
  reader_.received(io.bytes);
  if (first) since_ = m.head.received_at = now();
  return io.bytes;
}

void Connection::look_for_room() {
  if (!live() || !body_.starved()) return;
  switch (body_.look_for_room(now())) {
    case RequestBody::Room::found: return go_on();
    case RequestBody::Room::none_yet: return server_->wait_for_room(*this);
    case RequestBody::Room::none_in_time:
      return refuse(503, "there is no memory left for the request's body now");
  }
}

std::size_t Connection::read_and_pass_on() {
  ServerContext& server = *server_;
  if (server.read_buffer_lent) {
    // Called from inside another connection's receiver.
    go_on_later();
    return 0;
  }
  if (server.read_buffer.empty()) server.read_buffer.resize(read_buffer_bytes);
  const Io io = transport_.read(server.read_buffer);
  if (!note_read(io)) return 0;
  if (input_ != Input::discarded) {
    server.read_buffer_lent = true;
    pass_on({server.read_buffer.data(), io.bytes});
    server.read_buffer_lent = false;
  } else {
    discarded_bytes_ += io.bytes;
    if (discarded_bytes_ > discarded_bytes_max_) close();
  }
  return io.bytes;
}

// Whether bytes came; deals with everything else that a read can be.
bool Connection::note_read(const Io& io) {
  readable_ = io.state == Io::State::moved && (!io.drained || hung_up_);
  if (io.state == Io::State::moved) return true;
  if (reader_.receiving() && reader_.message().used == 0 && input_ == Input::head) reader_.drop();
  if (io.state == Io::State::ended) peer_ended();
  if (io.state == Io::State::broken) close();
  return false;
}

void Connection::peer_ended() {
  peer_ended_ = true;
  // A client that only closed its own side still gets what was asked for before.
  if (input_ == Input::body || writer_.empty()) return close();
  reader_.drop();
  ending_ = true;
  input_ = Input::none;
}

void Connection::parse() {
  if (input_ == Input::head) return parse_head();
  const auto stop = reader_.parse();
  // Answered or cut by the body's receiver: what remains is nobody's.
  if (!live() || input_ != Input::body) return;
  note_body(stop, reader_.unparsed());
  if (stop == MessageReader::Stop::used_up && !body_.is_passed_on()) reader_.close_up();
}

void Connection::parse_head() {
  // A TLS client on a plain port would take an HTTP answer for garbage.
  if (reader_.parsed() == 0 && reader_.unparsed().front() == tls_hello) return close();
  const auto stop = reader_.parse();
  if (stop == MessageReader::Stop::failed) {
    return refuse(reader_.parser().failure_status(), reader_.parser().failure_reason());
  }
  if (reader_.parsed() > server_->limits.header_bytes_max) {
    return refuse(431, "the header fields are too long");
  }
  if (stop == MessageReader::Stop::head_done) on_head();
}

void Connection::on_head() {
  ++server_->counters.requests;
  Message& m = reader_.message();
  m.peer = peer_;
  RequestHead& head = m.head;
  head.peer = m.peer;
  head.secure = transport_.secure();
  exchange_.owe_answer();
  writer_.begin({.version = head.version,
                 .head_only = head.method == "HEAD",
                 .keep_alive = reader_.parser().keep_alive()});
  if (const auto expect = head.headers.find("expect")) {
    if (!same_name(*expect, "100-continue")) return refuse(417, "no such expectation is known");
    // Also of a body that is announced as empty: there are clients that wait for the word.
    head.expects_continue =
        head.version == HttpVersion::v1_1 && (head.chunked || head.content_length);
  }
  BodyPlan plan = server_->ask_for_plan(head);
  if (auto* refusal = std::get_if<Refuse>(&plan)) return refuse_with(std::move(*refusal));
  if (auto* streamed = std::get_if<Stream>(&plan)) return stream(std::move(streamed->receiver));
  collect(std::get<Collect>(std::move(plan)));
}

void Connection::invite_body() {
  writer_.invite();
  flush();
}

void Connection::collect(Collect&& plan) {
  if (!body_.collect(std::min(plan.bytes_max, server_->limits.body_bytes_max)))
    return refuse(413, "the body is too long");
  Message& m = reader_.message();
  if (const auto& memory = server_->limits.memory; memory && !plan.owners.empty()) {
    m.room = memory->open(std::move(plan.owners), plan.standing);
    known_ = known_ || plan.standing == Standing::proven;
  }
  reader_.begin_body();
  const bool invites = m.head.expects_continue && !has_unparsed();
  if (!m.head.has_body()) {
    if (invites) invite_body();
    if (!live()) return;
    return body_done(reader_.unparsed());
  }
  input_ = Input::body;
  body_.begin_window(now());
  if (invites) invite_body();
}

void Connection::stream(std::unique_ptr<BodyReceiver> receiver) {
  if (!body_.pass_on(std::move(receiver), server_->limits.stream_bytes_max))
    return refuse(413, "the body is too long");
  const RequestHead& head = reader_.message().head;
  const bool has_body = head.has_body();
  const bool invites = head.expects_continue && !has_unparsed();
  if (!has_body) reader_.keep_for_next(reader_.unparsed(), now());
  body_.begin_window(now());
  input_ = has_body ? Input::body : Input::none;
  const std::uint64_t turn = exchange_.turn();
  body_.receiver().on_start(Request(reader_.split_head()), Responder(exchange(), turn),
                            BodyControl(exchange(), turn));
  if (!exchange_.is_current(turn)) return;
  if (invites) invite_body();
  if (!exchange_.is_current(turn)) return;
  if (!has_body) return hand_on();
  if (has_unparsed()) parse();
}

// A part of a streamed body that is in no message.
void Connection::pass_on(std::string_view bytes) {
  std::size_t consumed = 0;
  const auto stop = reader_.parse(bytes, consumed);
  if (live() && input_ == Input::body) note_body(stop, bytes.substr(consumed));
}

void Connection::note_body(MessageReader::Stop stop, std::string_view behind) {
  if (stop == MessageReader::Stop::failed) {
    return refuse(reader_.parser().failure_status(), reader_.parser().failure_reason());
  }
  if (stop == MessageReader::Stop::message_done) body_done(behind);
}

void Connection::body_done(std::string_view behind) {
  reader_.keep_for_next(behind, now());
  input_ = Input::none;
  if (hung_up_) exchange_.tell_closed();
  hand_on();
}

void Connection::hand_on() {
  if (body_.is_passed_on()) return body_.end();
  server_->hand_on(Request(reader_.take()), Responder(exchange(), exchange_.turn()));
}

// The server's own refusal: broken, too large or too slow.
void Connection::refuse(int status, std::string_view reason) {
  ++server_->counters.refused;
  exchange_.owe_answer();
  writer_.close_after();
  input_ = Input::discarded;
  const auto code = status == 408   ? ErrorCode::timeout
                    : status == 413 ? ErrorCode::limit_exceeded
                                    : ErrorCode::invalid_argument;
  body_.abort(loop_, code, reason);
  if (!exchange_.awaits_answer()) return;  // the receiver answered in its own words
  if (writer_.begun()) return close();
  answer(words_for(status, reason));
}

// In the handler's words where it has seen the head.
Response Connection::words_for(int status, std::string_view reason) {
  return reader_.receiving() && body_.is_collected()
             ? server_->handler.refusal(reader_.message().head, status, reason)
             : plain_response(status, reason);
}

// The handler's refusal, at the head.
void Connection::refuse_with(Refuse&& refusal) {
  if (reader_.message().head.has_body()) {
    discarded_bytes_max_ = std::min(discarded_bytes_max_, refusal.read_on_bytes_max);
    writer_.close_after();
    input_ = Input::discarded;
  } else {
    reader_.keep_for_next(reader_.unparsed(), now());
    input_ = Input::none;
  }
  answer(std::move(refusal.response));
}

void Connection::check_times(Instant at) {
  const HttpLimits& limits = server_->limits;
  const auto waited = at - since_;
  const auto stalled_since = writer_.stalled_since();
  if (stalled_since && at - *stalled_since > limits.write_time) return close();
  const bool hurries = server_->draining && !known_;
  switch (input_) {
    case Input::head:
      if (hurries && waited > limits.drain_strangers_time) return close();
      if (!transport_.established() && waited > limits.head_time) return close();
      if (reader_.receiving() && waited > limits.head_time) {
        return refuse(408, "the request's head did not arrive in time");
      }
      if (waited > limits.idle_time && writer_.empty()) close();
      return;
    case Input::body:
      if (hurries && body_.awaited(at) > limits.drain_strangers_time) return close();
      if (body_.is_too_slow(at)) refuse(408, "the request's body came too slowly");
      return;
    case Input::none: return;
    case Input::discarded:
      if (lingering_ && waited > limits.linger_time) close();
      return;
  }
}

void Connection::drain() {
  if (input_ == Input::head && !reader_.receiving() && writer_.empty()) return close();
  body_.begin_window(now());
}

void Connection::close() {
  if (!live()) return;
  ServerContext& server = *std::exchange(server_, nullptr);
  loop_.unwatch(transport_.fd(), *this);
  loop_.disarm(*this);
  exchange_.close();
  survive_memory_shortage("net", [this] {
    body_.abort(loop_, ErrorCode::unavailable, "the connection was closed");
    exchange_.tell_closed();
    if (Task task = writer_.take_drained()) loop_.post(std::move(task));
  });
  transport_.close();
  reader_.drop();
  reader_.drop_kept();
  writer_.clear();
  server.forget(*this);
}

}  // namespace slipway::net

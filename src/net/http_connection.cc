// Reading and parsing; what is written back is in http_connection_write.cc.
#include "net/http_connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/log.h"
#include "base/memory_shortage.h"

namespace slipway::net {
namespace {

constexpr std::uint64_t read_bytes_max = 1 << 20;       // before other connections have their turn
constexpr std::uint64_t unsent_bytes_max = 256 * 1024;  // more unsent answers: no further request
constexpr std::size_t read_buffer_bytes = 256 * 1024;
constexpr std::size_t first_growth = 64 * 1024;
// In such steps a body's memory is asked of the budget, ahead of what is read into it.
constexpr std::uint64_t room_step = 256 * 1024;
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

Connection::Connection(ServerContext& server, Fd socket, const TlsContext* tls)
    : server_(&server),
      loop_(server.loop),
      transport_(std::move(socket), tls, Transport::Side::server),
      parser_(HttpParser::Kind::request, server.parser_limits, *this),
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
    case Input::body: return known_ || turn_.paused ? Use::busy : Use::strangers_body;
    case Input::discarded: return Use::strangers_wait;
    case Input::head: break;
  }
  if (!known_) return Use::strangers_wait;
  return message_ || !out_.empty() ? Use::busy : Use::idle;
}

void Connection::on_ready(std::uint32_t events) {
  const bool hang_up = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  // Under TLS a read may have waited for room to write.
  if (hang_up || (events & EPOLLIN) != 0 || transport_.secure()) readable_ = true;
  if (hang_up) {
    hung_up_ = true;
    if (input_ == Input::none) tell_closed();
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

void Connection::tell_closed() {
  if (Task task = std::exchange(turn_.on_closed, {})) loop_.post(std::move(task));
}

bool Connection::wants_input() const {
  switch (input_) {
    case Input::head: return out_.bytes() < unsent_bytes_max;
    case Input::body: return !turn_.paused && !starved_;
    case Input::none: return false;
    case Input::discarded: return true;
  }
  return false;
}

bool Connection::has_unparsed() const {
  return message_ != nullptr && parsed_ < message_->used && input_ != Input::discarded;
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
    if (live() && (!out_.empty() || ending_)) flush();
  } while (can_go_on());
  advancing_ = false;
}

void Connection::take_input(std::uint64_t& budget) {
  while (can_go_on()) {
    if (has_unparsed()) {
      parse_message();
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
  const bool passed_on = input_ == Input::discarded || turn_.receiver != nullptr;
  return passed_on ? read_and_pass_on() : read_into_message();
}

std::size_t Connection::read_into_message() {
  if (!message_) {
    message_ = server_->pool->take();
    parser_.begin(*message_);
    parsed_ = 0;
  }
  Message& m = *message_;
  if (!has_room()) return starve();
  if (m.used == m.capacity()) m.reserve(next_capacity());
  const bool first = m.used == 0;
  const Io io = transport_.read(m.free_space());
  if (!note_read(io)) return 0;
  m.used += io.bytes;
  if (first) since_ = m.head.received_at = now();
  return io.bytes;
}

// What is announced may never come: memory grows with what came.
std::size_t Connection::next_capacity() const {
  const std::uint64_t doubled = std::max(2 * message_->capacity(), first_growth);
  if (input_ != Input::body || !message_->head.content_length) return doubled;
  const std::uint64_t whole = message_->body_begin + *message_->head.content_length;
  return whole > message_->capacity() ? std::min(doubled, whole) : doubled;
}

// Whether the budget has room for what is read next. A body that nobody counts always finds some.
bool Connection::has_room() {
  if (input_ != Input::body) return true;
  MemoryBudget::Share& room = message_->room;
  const std::uint64_t free = message_->capacity() - message_->used;
  const std::uint64_t next = free > 0 ? message_->capacity() : next_capacity();
  if (next <= room.bytes()) return true;
  if (!room.grow_to((next + room_step - 1) / room_step * room_step)) return false;
  starved_since_.reset();
  return true;
}

std::size_t Connection::starve() {
  starved_ = true;
  if (!starved_since_) starved_since_ = now();
  server_->wait_for_room(*this);
  return 0;
}

void Connection::look_for_room() {
  if (!live() || !starved_) return;
  starved_ = false;
  since_ = now();
  window_bytes_ = 0;
  if (has_room()) return go_on();
  if (now() - *starved_since_ > server_->limits.room_time)
    return refuse(503, "there is no memory left for the request's body now");
  starve();
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
    feed_stream({server.read_buffer.data(), io.bytes});
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
  if (message_ && message_->used == 0 && input_ == Input::head) message_.reset();
  if (io.state == Io::State::ended) peer_ended();
  if (io.state == Io::State::broken) close();
  return false;
}

void Connection::peer_ended() {
  peer_ended_ = true;
  // A client that only closed its own side still gets what was asked for before.
  if (input_ == Input::body || out_.empty()) return close();
  message_.reset();
  ending_ = true;
  input_ = Input::none;
}

void Connection::parse_message() {
  const std::string_view bytes(message_->data() + parsed_, message_->used - parsed_);
  if (input_ == Input::head) {
    parse_head(bytes);
  } else {
    parse_body(bytes);
  }
}

void Connection::parse_head(std::string_view bytes) {
  // A TLS client on a plain port would take an HTTP answer for garbage.
  if (parsed_ == 0 && bytes.front() == tls_hello) return close();
  std::size_t consumed = 0;
  const auto stop = parser_.feed(bytes, consumed);
  parsed_ += consumed;
  if (stop == HttpParser::Stop::failed) {
    return refuse(parser_.failure_status(), parser_.failure_reason());
  }
  if (parsed_ > server_->limits.header_bytes_max) {
    return refuse(431, "the header fields are too long");
  }
  if (stop == HttpParser::Stop::head_done) on_head();
}

void Connection::on_head() {
  ++server_->counters.requests;
  message_->peer = peer_;
  RequestHead& head = message_->head;
  head.peer = message_->peer;
  head.secure = transport_.secure();
  turn_.open = true;
  turn_.version = head.version;
  turn_.head_only = head.method == "HEAD";
  turn_.keep_alive = parser_.keep_alive();
  if (const auto expect = head.headers.find("expect")) {
    if (!same_name(*expect, "100-continue")) return refuse(417, "no such expectation is known");
    // Also of a body that is announced as empty: there are clients that wait for the word.
    head.expects_continue =
        head.version == HttpVersion::v1_1 && (head.chunked || head.content_length);
  }
  BodyPlan plan = ask_for_plan();
  if (auto* refusal = std::get_if<Refuse>(&plan)) return refuse_with(std::move(*refusal));
  if (auto* streamed = std::get_if<Stream>(&plan)) return stream(std::move(streamed->receiver));
  collect(std::get<Collect>(std::move(plan)));
}

BodyPlan Connection::ask_for_plan() {
  try {
    return server_->handler.on_head(message_->head);
  } catch (const std::exception& error) {
    log_error("net", "a request handler threw", {{"error", error.what()}});
    return Refuse{.response = plain_response(500, "Internal error.")};
  }
}

bool Connection::admit_body(std::uint64_t bytes_max) {
  turn_.body_bytes_max = bytes_max;
  if (message_->head.content_length.value_or(0) <= bytes_max) return true;
  refuse(413, "the body is too long");
  return false;
}

void Connection::invite_body() {
  out_.add("HTTP/1.1 100 Continue\r\n\r\n");
  flush();
}

void Connection::collect(Collect&& plan) {
  turn_.collects = true;
  if (!admit_body(std::min(plan.bytes_max, server_->limits.body_bytes_max))) return;
  Message& m = *message_;
  if (const auto& memory = server_->limits.memory; memory && !plan.owners.empty()) {
    m.room = memory->open(std::move(plan.owners), plan.standing);
    known_ = known_ || plan.standing == Standing::proven;
  }
  m.body_begin = m.body_end = parsed_;
  const bool invites = m.head.expects_continue && !has_unparsed();
  if (!m.head.has_body()) {
    if (invites) invite_body();
    if (!live()) return;
    return body_done({m.data() + parsed_, m.used - parsed_});
  }
  input_ = Input::body;
  window_bytes_ = 0;
  since_ = now();
  if (invites) invite_body();
}

void Connection::parse_body(std::string_view bytes) {
  std::size_t consumed = 0;
  const auto stop = parser_.feed(bytes, consumed);
  if (stop == HttpParser::Stop::failed) {
    return refuse(parser_.failure_status(), parser_.failure_reason());
  }
  if (stop == HttpParser::Stop::message_done) return body_done(bytes.substr(consumed));
  // Chunk frames are gone: what comes next goes right behind the body.
  message_->used = parsed_ = message_->body_end;
}

BodySink::Take Connection::on_body(std::string_view bytes) {
  turn_.body_bytes += bytes.size();
  window_bytes_ += bytes.size();
  if (turn_.body_bytes > turn_.body_bytes_max) return Take::too_much;
  if (turn_.receiver) {
    turn_.receiver->on_data(bytes);
    // Answered or cut meanwhile: what remains is nobody's.
    return live() && input_ == Input::body ? Take::more : Take::too_much;
  }
  Message& m = *message_;
  char* end = m.data() + m.body_end;
  if (end != bytes.data()) std::memmove(end, bytes.data(), bytes.size());
  m.body_end += bytes.size();
  return Take::more;
}

void Connection::stream(std::unique_ptr<BodyReceiver> receiver) {
  if (!admit_body(server_->limits.stream_bytes_max)) return;
  const bool has_body = message_->head.has_body();
  const bool invites = message_->head.expects_continue && !has_unparsed();
  // The head leaves with the receiver; what was read behind it stays.
  MessagePtr head = std::exchange(message_, server_->pool->take());
  const MessagePtr rest = server_->pool->take();
  rest->append({head->data() + parsed_, head->used - parsed_});
  head->used = parsed_;
  parsed_ = 0;
  parser_.go_on_in(*message_);
  turn_.receiver = std::move(receiver);
  since_ = now();
  window_bytes_ = 0;
  input_ = has_body ? Input::body : Input::none;
  if (!has_body) keep_leftover({rest->data(), rest->used});
  const std::uint64_t turn = turn_number_;
  turn_.receiver->on_start(Request(std::move(head)), Responder(shared_from_this(), turn),
                           BodyControl(shared_from_this(), turn));
  if (!current(turn)) return;
  if (invites) invite_body();
  if (!current(turn)) return;
  if (!has_body) return end_stream();
  if (live()) feed_stream({rest->data(), rest->used});
}

void Connection::feed_stream(std::string_view bytes) {
  if (bytes.empty()) return;
  std::size_t consumed = 0;
  const auto stop = parser_.feed(bytes, consumed);
  if (!live() || input_ != Input::body) return;
  if (stop == HttpParser::Stop::failed) {
    return refuse(parser_.failure_status(), parser_.failure_reason());
  }
  if (stop == HttpParser::Stop::message_done) body_done(bytes.substr(consumed));
}

void Connection::keep_leftover(std::string_view bytes) {
  if (bytes.empty()) return;
  next_ = server_->pool->take();
  next_->append(bytes);
  next_->head.received_at = now();
}

void Connection::body_done(std::string_view leftover) {
  keep_leftover(leftover);
  input_ = Input::none;
  if (hung_up_) tell_closed();
  if (!turn_.receiver) return hand_on_request();
  end_stream();
}

void Connection::end_stream() {
  const MessagePtr trailers = std::move(message_);
  const std::unique_ptr<BodyReceiver> receiver = std::move(turn_.receiver);
  receiver->on_end(Headers(trailers->trailers));
}

void Connection::hand_on_request() {
  Request request(std::move(message_));
  Responder responder(shared_from_this(), turn_number_);
  try {
    server_->handler.on_request(std::move(request), std::move(responder));
  } catch (const std::exception& error) {
    log_error("net", "a request handler threw", {{"error", error.what()}});
  }
}

// The server's own refusal: broken, too large or too slow.
void Connection::refuse(int status, std::string_view reason) {
  ++server_->counters.refused;
  turn_.open = true;
  turn_.keep_alive = false;
  input_ = Input::discarded;
  const auto code = status == 408   ? ErrorCode::timeout
                    : status == 413 ? ErrorCode::limit_exceeded
                                    : ErrorCode::invalid_argument;
  abort_body(code, reason);
  if (!current(turn_number_)) return;  // the receiver answered in its own words
  if (turn_.started) return close();
  send(turn_number_, words_for(status, reason));
}

// In the handler's words where it has seen the head.
Response Connection::words_for(int status, std::string_view reason) {
  return message_ && turn_.collects ? server_->handler.refusal(message_->head, status, reason)
                                    : plain_response(status, reason);
}

// The handler's refusal, at the head.
void Connection::refuse_with(Refuse&& refusal) {
  if (message_->head.has_body()) {
    discarded_bytes_max_ = std::min(discarded_bytes_max_, refusal.read_on_bytes_max);
    turn_.keep_alive = false;
    input_ = Input::discarded;
  } else {
    keep_leftover({message_->data() + parsed_, message_->used - parsed_});
    input_ = Input::none;
  }
  send(turn_number_, std::move(refusal.response));
}

void Connection::abort_body(ErrorCode code, std::string_view reason) {
  if (!turn_.receiver) return;
  // Kept until the batch ends: this may be called from inside it.
  BodyReceiver& receiver = *turn_.receiver;
  drop_receiver();
  receiver.on_abort({code, "the body did not arrive: " + std::string(reason)});
}

void Connection::drop_receiver() {
  if (!turn_.receiver) return;
  loop_.post([gone = std::move(turn_.receiver)] {});
}

void Connection::check_times(Instant at) {
  const HttpLimits& limits = server_->limits;
  const auto waited = at - since_;
  if (stalled_ && at - stalled_since_ > limits.write_time) return close();
  switch (input_) {
    case Input::head: {
      if (!transport_.established() && waited > limits.head_time) return close();
      if (message_ && waited > limits.head_time) {
        refuse(408, "the request's head did not arrive in time");
      } else if (waited > limits.idle_time && out_.empty()) {
        close();
      }
      return;
    }
    case Input::body: {
      if (starved_) return;
      if (!turn_.paused && waited <= limits.body_window) return;
      if (!turn_.paused && window_bytes_ < window_bytes_min()) {
        return refuse(408, "the request's body came too slowly");
      }
      since_ = at;
      window_bytes_ = 0;
      return;
    }
    case Input::none: return;
    case Input::discarded:
      if (lingering_ && waited > limits.linger_time) close();
      return;
  }
}

// Where memory is short, who sends slowly gives way.
std::uint64_t Connection::window_bytes_min() const {
  const HttpLimits& limits = server_->limits;
  const bool crowded = limits.memory && message_->room.bytes() > 0 &&
                       limits.memory->held() > limits.memory->bytes_max() / 2;
  return crowded ? limits.crowded_window_bytes_min : limits.body_window_bytes_min;
}

void Connection::drain() {
  const bool idle = input_ == Input::head && !message_ && out_.empty();
  if (idle) close();
}

void Connection::close() {
  if (!live()) return;
  ServerContext& server = *std::exchange(server_, nullptr);
  loop_.unwatch(transport_.fd(), *this);
  loop_.disarm(*this);
  survive_memory_shortage("net", [this] {
    abort_body(ErrorCode::unavailable, "the connection was closed");
    tell_closed();
    if (Task task = std::exchange(turn_.on_drained, {})) loop_.post(std::move(task));
  });
  turn_.open = false;
  transport_.close();
  message_.reset();
  next_.reset();
  out_.clear();
  unread_.release();
  note_queue();
  server.forget(*this);
}

}  // namespace slipway::net

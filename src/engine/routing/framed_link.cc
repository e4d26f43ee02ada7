#include "engine/routing/framed_link.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"

namespace slipway::routing {

namespace {

constexpr std::chrono::milliseconds reconnect_delay{50};
constexpr std::size_t out_bytes_kept = 1024 * 1024;
constexpr int status_again_by_http = 507;
constexpr std::string_view model_header = "x-slipway-model";
constexpr std::string_view again_header = "x-slipway-retry";

net::LinkAnswer answer_of(const InvokeRequest& request) {
  return request.answer_mode == AnswerMode::streamed ? net::LinkAnswer::streamed
                                                     : net::LinkAnswer::whole;
}

}  // namespace

FramedLink::FramedLink(net::Loop& loop, net::Address address, LinkUser& user, net::LinkSpare& spare)
    : loop_(loop), address_(std::move(address)), user_(user), spare_(spare) {}

FramedLink::~FramedLink() {
  if (fd_) go_down("the server is stopping");
}

// A unix socket connects at once or not at all.
bool FramedLink::connect() {
  if (loop_.now() < down_until_) return false;
  auto socket = net::start_connect(address_);
  if (!socket || !net::connect_error(*socket, address_)) {
    down_until_ = loop_.now() + reconnect_delay;
    down_since_ = std::min(down_since_, loop_.now());
    return false;
  }
  down_since_ = Instant::max();
  fd_ = std::move(*socket);
  loop_.watch(fd_.get(), EPOLLIN | EPOLLRDHUP, *this);
  writable_later_ = false;
  written_ = 0;
  input_ = net::LinkInput(&spare_);
  return true;
}

std::unique_ptr<Exchange> FramedLink::release(std::size_t slot) {
  auto exchange = slots_.release(slot);
  note_over(*exchange);
  return exchange;
}

// The model's name goes as a pair beside the request's own.
std::span<const net::Header> FramedLink::headers_of(const Exchange& exchange) {
  const std::string_view model = model_of(exchange);
  if (model.empty()) return exchange.request.headers;
  sent_pairs_.assign(exchange.request.headers.begin(), exchange.request.headers.end());
  sent_pairs_.push_back({model_header, model});
  return sent_pairs_;
}

bool FramedLink::fits(const Exchange& exchange) {
  const InvokeRequest& request = exchange.request;
  return !request.body_files && net::fits_link({.content_type = request.content_type,
                                                .accept = request.accept,
                                                .headers = headers_of(exchange),
                                                .body = request.body});
}

Link::Sent FramedLink::send(std::unique_ptr<Exchange>& exchange,
                            std::chrono::milliseconds time_limit) {
  if (is_lost() || !fits(*exchange)) return Sent::unfit;
  if (!fd_ && !connect()) return Sent::not_now;
  if (out_.size() - out_begin_ > link_backlog_bytes_max || under_way() >= ExchangeSlots::slots_max)
    return Sent::not_now;
  const std::uint64_t begins_at = written_ + (out_.size() - out_begin_);
  const std::size_t slot = slots_.take();
  const InvokeRequest& request = exchange->request;
  const auto appended = net::append_link_request(out_, {.id = slots_.id_of(slot),
                                                        .content_type = request.content_type,
                                                        .accept = request.accept,
                                                        .headers = headers_of(*exchange),
                                                        .body = request.body,
                                                        .answer = answer_of(request)});
  if (!appended) {
    slots_.give_back(slot);
    return Sent::not_now;
  }
  ExchangeSlots::Slot& taken = slots_[slot];
  note_taken(*exchange, slot);
  taken.exchange = std::move(exchange);
  taken.deadline = loop_.now() + time_limit;
  taken.begins_at = begins_at;
  taken.window = net::link_window_bytes;
  taken.taken_bytes = 0;
  taken.flow = Flow::flowing;
  if (!writable_later_) loop_.at_batch_end(*this);
  return Sent::taken;
}

void FramedLink::on_batch_end() { flush(); }

void FramedLink::flush() {
  while (fd_ && out_begin_ < out_.size()) {
    const ssize_t sent = ::send(fd_.get(), out_.data() + out_begin_, out_.size() - out_begin_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return go_down(net::errno_text(errno));
    if (sent < 0) break;
    out_begin_ += static_cast<std::size_t>(sent);
    written_ += static_cast<std::uint64_t>(sent);
  }
  const bool left = fd_ && out_begin_ < out_.size();
  if (!left) {
    out_.clear();
    out_begin_ = 0;
    if (out_.capacity() > out_bytes_kept) out_.shrink_to_fit();
  }
  if (!fd_ || left == writable_later_) return;
  writable_later_ = left;
  loop_.rewatch(fd_.get(), EPOLLIN | EPOLLRDHUP | (left ? std::uint32_t{EPOLLOUT} : 0U), *this);
}

void FramedLink::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (fd_ && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) read_some();
}

void FramedLink::read_some() {
  const std::span<char> space = input_.space();
  const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return rest();
  if (got <= 0) return go_down(got == 0 ? "the instance closed it" : net::errno_text(errno));
  input_.filled(static_cast<std::size_t>(got));
  if (!take_frames()) go_down("the instance sent what is no frame");
}

// A link that waits for nothing holds no more than its socket.
void FramedLink::rest() {
  input_.rest();
  if (under_way() == 0 && out_.empty()) out_ = {};
}

bool FramedLink::take_frames() {
  while (fd_) {
    auto frame = input_.take();
    if (!frame) return false;
    if (!*frame) {
      rest();
      return true;
    }
    on_frame(**frame);
  }
  return true;
}

void FramedLink::on_frame(net::LinkFrame& frame) {
  if (frame.type == net::LinkFrameType::ping) {
    net::append_link_pong(out_, frame.id);
    if (!writable_later_) loop_.at_batch_end(*this);
    return;
  }
  if (!slots_.is_current(frame.id)) return;
  const bool begun = has_begun(*slots_.of(frame.id).exchange);
  switch (frame.type) {
    case net::LinkFrameType::response:
      if (!begun) return on_response(frame);
      break;
    case net::LinkFrameType::begin:
      if (!begun) return on_begin(frame);
      break;
    case net::LinkFrameType::part:
      if (begun) return on_part(frame);
      break;
    case net::LinkFrameType::end:
    case net::LinkFrameType::abort:
      if (begun) return on_stream_end(frame);
      break;
    default: break;
  }
  go_down("the instance sent a frame that does not fit its exchange");
}

void FramedLink::on_response(net::LinkFrame& frame) {
  const std::size_t slot = ExchangeSlots::number_of(frame.id);
  const bool streamed = slots_[slot].exchange->request.answer_mode == AnswerMode::streamed &&
                        frame.status >= 200 && frame.status < 300;
  streamed ? stream_whole(frame) : answer(release(slot), frame);
}

// An answer that came whole, for somebody who takes it in parts.
void FramedLink::stream_whole(net::LinkFrame& frame) {
  read_pairs(frame);
  Exchange& exchange = *slots_.of(frame.id).exchange;
  note_begun(exchange);
  user_.on_begun(exchange, {.status = frame.status,
                            .content_type = frame.content_type,
                            .headers = pairs_,
                            .body = {},
                            .pace = frame.pace});
  if (slots_.is_current(frame.id) && !frame.body.empty()) user_.on_part(exchange, frame.body);
  if (slots_.is_current(frame.id)) user_.on_ended(release(ExchangeSlots::number_of(frame.id)));
}

void FramedLink::read_pairs(net::LinkFrame& frame) {
  pairs_.clear();
  for (auto pair = frame.headers.next(); pair; pair = frame.headers.next()) pairs_.push_back(*pair);
}

void FramedLink::on_begin(net::LinkFrame& frame) {
  read_pairs(frame);
  Exchange& exchange = *slots_.of(frame.id).exchange;
  note_begun(exchange);
  user_.on_begun(
      exchange,
      {.status = frame.status, .content_type = frame.content_type, .headers = pairs_, .body = {}});
}

void FramedLink::on_part(const net::LinkFrame& frame) {
  const auto bytes = static_cast<std::uint32_t>(frame.body.size());
  ExchangeSlots::Slot& slot = slots_.of(frame.id);
  if (bytes > slot.window) return go_down("the instance sent more than it was let");
  slot.window -= bytes;
  slot.taken_bytes += bytes;
  user_.on_part(*slot.exchange, frame.body);
  if (slots_.is_current(frame.id)) grant(frame.id);
}

// Not for every part: half a window at a time.
void FramedLink::grant(std::uint32_t id) {
  ExchangeSlots::Slot& slot = slots_.of(id);
  if (slot.flow == Flow::paused || slot.taken_bytes < net::link_window_bytes / 2) return;
  net::append_link_credit(out_, id, slot.taken_bytes);
  slot.window += std::exchange(slot.taken_bytes, 0);
  if (!writable_later_) loop_.at_batch_end(*this);
}

void FramedLink::on_stream_end(const net::LinkFrame& frame) {
  auto exchange = release(ExchangeSlots::number_of(frame.id));
  if (frame.type == net::LinkFrameType::end) return user_.on_ended(std::move(exchange));
  user_.on_failure(std::move(exchange), InvokeFailure::broken, frame.body);
}

void FramedLink::set_paused(Exchange& exchange, Flow flow) {
  const std::size_t number = number_of(exchange);
  slots_[number].flow = flow;
  if (flow == Flow::flowing) grant(slots_.id_of(number));
}

void FramedLink::drop(Exchange& exchange) {
  const std::size_t slot = number_of(exchange);
  net::append_link_cancel(out_, slots_.id_of(slot));
  if (!writable_later_) loop_.at_batch_end(*this);
  // It may be the exchange itself that gives up: it goes when it has returned.
  loop_.post([gone = release(slot)] {});
}

void FramedLink::answer(std::unique_ptr<Exchange> exchange, net::LinkFrame& frame) {
  read_pairs(frame);
  if (frame.status == status_again_by_http)
    for (const net::Header& pair : pairs_)
      if (net::same_name(pair.name, again_header))
        return user_.on_again_by_http(std::move(exchange));
  user_.on_answer(std::move(exchange), {.status = frame.status,
                                        .content_type = frame.content_type,
                                        .headers = pairs_,
                                        .body = frame.body,
                                        .pace = frame.pace});
}

// What was not sent at all goes elsewhere; of the rest nobody knows what became.
void FramedLink::go_down(const std::string& why) {
  loop_.disarm(*this);
  loop_.unwatch(fd_.get(), *this);
  fd_.reset();
  down_until_ = loop_.now() + reconnect_delay;
  down_since_ = loop_.now();
  out_.clear();
  out_begin_ = 0;
  std::vector<ExchangeSlots::Slot> lost = slots_.release_all();
  const std::uint64_t written = written_;
  for (ExchangeSlots::Slot& slot : lost) {
    if (!slot.exchange) continue;
    note_over(*slot.exchange);
    if (slot.begins_at >= written)
      user_.on_unsent(std::move(slot.exchange), why);
    else
      user_.on_failure(std::move(slot.exchange), InvokeFailure::broken, why);
  }
}

void FramedLink::expire(Instant now) {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!slots_[slot].exchange || slots_[slot].deadline > now) continue;
    net::append_link_cancel(out_, slots_.id_of(slot));
    if (!writable_later_) loop_.at_batch_end(*this);
    user_.on_failure(release(slot), InvokeFailure::timeout, "no answer came in time");
  }
}

}  // namespace slipway::routing

#include "modelserver/fronts/link_front.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"

namespace slipway::modelserver {
namespace {

constexpr int accepts_per_batch = 16;

}  // namespace

LinkConnection::LinkConnection(LinkFront& front, net::Fd socket)
    : front_(&front), socket_(std::move(socket)), watched_(EPOLLIN) {
  front_->loop_.watch(socket_.get(), watched_, *this);
}

LinkConnection::~LinkConnection() {
  if (front_ != nullptr && socket_) front_->loop_.unwatch(socket_.get(), *this);
}

void LinkConnection::close() {
  if (front_ == nullptr) return;
  const auto self = shared_from_this();
  LinkFront* const front = std::exchange(front_, nullptr);
  front->loop_.unwatch(socket_.get(), *this);
  socket_.reset();
  front->connections_.erase(self);
  front->sink_.link_closed(*this);
}

void LinkConnection::on_ready(std::uint32_t events) {
  const auto self = shared_from_this();
  if ((events & EPOLLOUT) != 0) flush();
  if (front_ != nullptr && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
}

// One read for each time the loop reports bytes: what lies in the buffer stays there until the end
// of the batch.
void LinkConnection::read() {
  const auto space = input_.space(link_read_bytes);
  const auto got = ::recv(socket_.get(), space.data(), space.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return close();
  input_.filled(static_cast<std::size_t>(got));
  take_frames();
}

void LinkConnection::take_frames() {
  while (front_ != nullptr) {
    const auto frame = input_.take();
    if (!frame) {
      log_warning("modelserver", "a link sent what is no frame; closing it",
                  {{"cause", frame.error().message}});
      return close();
    }
    if (!*frame) return;
    switch ((*frame)->type) {
      case net::LinkFrameType::request: submit(**frame); break;
      case net::LinkFrameType::cancel: front_->sink_.cancel(*this, (*frame)->id); break;
      case net::LinkFrameType::ping:
        net::append_link_pong(output_, (*frame)->id);
        front_->flush_later(shared_from_this());
        break;
      case net::LinkFrameType::credit:
        front_->sink_.add_credit(*this, (*frame)->id, (*frame)->credit);
        break;
      default: break;
    }
  }
}

void LinkConnection::submit(const net::LinkFrame& frame) {
  ModelCall invocation;
  invocation.content_type = frame.content_type;
  invocation.accept = frame.accept;
  invocation.custom_attributes = frame.headers.find(custom_attributes_name).value_or("");
  invocation.body = frame.body;
  const auto model = frame.headers.find(link_model_name).value_or("");
  front_->sink_.submit(model, invocation, LinkReply{shared_from_this(), frame.id, frame.answer});
}

std::string* LinkConnection::output() {
  if (front_ == nullptr) return nullptr;
  if (output_.empty()) front_->flush_later(shared_from_this());
  return &output_;
}

namespace {

// Holds what an answer has beside its content type, viewed in it.
struct AnswerPairs {
  explicit AnswerPairs(const Answer& answer)
      : attributes{custom_attributes_name, answer.custom_attributes} {}
  std::span<const net::Header> pairs() const {
    return {&attributes, attributes.value.empty() ? std::size_t{0} : std::size_t{1}};
  }
  net::Header attributes;
};

}  // namespace

void LinkConnection::begin(std::uint32_t id, const Answer& answer) {
  const AnswerPairs further(answer);
  if (std::string* const out = output())
    (void)net::append_link_begin(*out, {.id = id,
                                        .status = answer.status,
                                        .content_type = answer.content_type,
                                        .headers = further.pairs(),
                                        .body = {}});
}

void LinkConnection::part(std::uint32_t id, std::string_view bytes) {
  if (std::string* const out = output()) net::append_link_part(*out, id, bytes);
}

void LinkConnection::end(std::uint32_t id) {
  if (std::string* const out = output()) net::append_link_end(*out, id);
}

void LinkConnection::abort(std::uint32_t id, std::string_view why) {
  if (std::string* const out = output()) net::append_link_abort(*out, id, why);
}

void LinkConnection::respond(std::uint32_t id, const Answer& answer, net::LinkPace pace) {
  if (output() == nullptr) return;
  const AnswerPairs further(answer);
  net::LinkResponse response{.id = id,
                             .status = answer.status,
                             .content_type = answer.content_type,
                             .headers = further.pairs(),
                             .body = answer.body,
                             .pace = pace};
  if (net::append_link_response(output_, response)) return;
  // Past what a frame holds: the router asks again by HTTP.
  static constexpr net::Header retry[] = {{"x-slipway-retry", "http"}};
  response.status = 507;
  response.headers = retry;
  response.body = {};
  (void)net::append_link_response(output_, response);
}

void LinkConnection::flush() {
  while (front_ != nullptr && written_ < output_.size()) {
    const auto sent =
        ::send(socket_.get(), output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0 && errno != EINTR) return close();
    if (sent > 0) written_ += static_cast<std::size_t>(sent);
  }
  if (written_ == output_.size()) {
    output_.clear();
    written_ = 0;
  } else if (written_ > link_output_bytes_max) {
    output_.erase(0, std::exchange(written_, 0));
  }
  update_watch();
}

void LinkConnection::update_watch() {
  if (front_ == nullptr) return;
  const auto queued = output_.size() - written_;
  const std::uint32_t wanted =
      (queued > 0 ? EPOLLOUT : 0U) | (queued < link_output_bytes_max ? EPOLLIN : 0U);
  if (wanted == watched_) return;
  watched_ = wanted;
  front_->loop_.rewatch(socket_.get(), watched_, *this);
}

LinkFront::LinkFront(net::Loop& loop, RequestSink& sink, net::Fd listener)
    : loop_(loop), sink_(sink), listener_(std::move(listener)) {
  loop_.watch(listener_.get(), EPOLLIN, *this);
}

LinkFront::~LinkFront() {
  stop_listening();
  loop_.disarm(*this);
  while (!connections_.empty()) (*connections_.begin())->close();
}

void LinkFront::flush_later(std::shared_ptr<LinkConnection> link) {
  dirty_.push_back(std::move(link));
  loop_.at_batch_end(*this);
}

void LinkFront::on_batch_end() {
  for (const auto& link : std::exchange(dirty_, {})) link->flush();
}

void LinkFront::stop_listening() {
  if (!listener_) return;
  loop_.unwatch(listener_.get(), *this);
  listener_.reset();
}

void LinkFront::on_ready(std::uint32_t) {
  for (int i = 0; i < accepts_per_batch; ++i) {
    net::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;
    connections_.insert(std::make_shared<LinkConnection>(*this, std::move(socket)));
  }
}

}  // namespace slipway::modelserver

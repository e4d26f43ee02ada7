// An answer in parts goes to an HTTP connection, a link, or a string for whoever takes it whole.
#include <algorithm>

#include "modelserver/fronts/dispatcher.h"
#include "modelserver/fronts/link_front.h"

namespace slipway::modelserver {
// A sink at a link's end.
class LinkSink : public PartSink {
 public:
  explicit LinkSink(LinkReply reply) : reply_(std::move(reply)) {}
  virtual Room add_credit(std::uint32_t bytes) = 0;
  LinkConnection& link() const { return *reply_.link; }
  std::uint32_t id() const { return reply_.id; }

 private:
  const LinkReply reply_;
};

namespace {

// Bytes of a stream that may wait for a slow HTTP client.
constexpr std::size_t http_queue_bytes_max = 256 * 1024;

class HttpSink final : public PartSink {
 public:
  HttpSink(net::Responder&& responder, const Answer& answer, std::shared_ptr<AnswerStream*> stream)
      : stream_(std::move(stream)) {
    responder.on_closed(for_stream([](AnswerStream& gone) { gone.reader_gone(); }));
    net::Fields fields{{"Content-Type", answer.content_type}};
    if (!answer.custom_attributes.empty())
      fields.add(custom_attributes_name, answer.custom_attributes);
    writer_ = responder.start(answer.status, std::move(fields));
  }
  ~HttpSink() override { *stream_ = nullptr; }

  Room write(std::string_view bytes) override {
    if (writer_.write(bytes) <= http_queue_bytes_max) return Room::left;
    writer_.on_drained(for_stream([](AnswerStream& stream) { stream.go_on(); }));
    return Room::none;
  }
  void end() override { writer_.finish(); }
  void abort(std::string_view) override { writer_.abort(); }

 private:
  // The connection may outlive the stream.
  template <typename Act>
  Task for_stream(Act act) {
    return [stream = stream_, act] {
      if (*stream != nullptr) act(**stream);
    };
  }

  const std::shared_ptr<AnswerStream*> stream_;  // null once it is gone
  net::BodyWriter writer_;
};

// Parts within the router's window.
class StreamingLinkSink final : public LinkSink {
 public:
  StreamingLinkSink(LinkReply reply, const Answer& answer) : LinkSink(std::move(reply)) {
    link().begin(id(), answer);
  }
  Room write(std::string_view bytes) override {
    const auto now = std::min<std::size_t>(bytes.size(), window_);
    send(bytes.substr(0, now));
    held_ += bytes.substr(now);
    return window_ > 0 && held_.empty() ? Room::left : Room::none;
  }
  Room add_credit(std::uint32_t bytes) override {
    window_ += bytes;
    const std::string held = std::exchange(held_, {});
    return write(held);
  }
  void end() override { link().end(id()); }
  void abort(std::string_view why) override { link().abort(id(), why); }

 private:
  void send(std::string_view bytes) {
    window_ -= bytes.size();
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), net::link_part_bytes_max)))
      link().part(id(), bytes.substr(0, net::link_part_bytes_max));
  }

  std::size_t window_ = net::link_window_bytes;
  std::string held_;  // of a piece that did not fit
};

// For a router that waits for the whole answer.
class CollectingLinkSink final : public LinkSink {
 public:
  CollectingLinkSink(LinkReply reply, const Answer& answer)
      : LinkSink(std::move(reply)), answer_(answer) {}
  Room write(std::string_view bytes) override {
    const std::size_t room = collected_bytes_max - answer_.body.size();
    too_large_ = too_large_ || bytes.size() > room;
    if (!too_large_) answer_.body += bytes;
    return Room::left;
  }
  Room add_credit(std::uint32_t) override { return Room::left; }
  void end() override {
    if (too_large_) return abort("its answer in parts is larger than 32 MiB: ask for a stream");
    link().respond(id(), answer_);
  }
  void abort(std::string_view why) override {
    answer_error(answer_, 500, why);
    link().respond(id(), answer_);
  }

 private:
  Answer answer_;
  bool too_large_ = false;
};

}  // namespace

void Dispatcher::start_stream(Reply& reply, Answer& answer) {
  auto source = std::move(answer.parts);
  std::unique_ptr<PartSink> sink;
  const auto self = std::make_shared<AnswerStream*>(nullptr);
  LinkSink* by_link = nullptr;
  if (auto* const http = std::get_if<HttpReply>(&reply)) {
    sink = std::make_unique<HttpSink>(std::move(http->responder), answer, self);
  } else {
    auto& to = std::get<LinkReply>(reply);
    std::unique_ptr<LinkSink> made;
    if (to.answer == net::LinkAnswer::streamed)
      made = std::make_unique<StreamingLinkSink>(std::move(to), answer);
    else
      made = std::make_unique<CollectingLinkSink>(std::move(to), answer);
    by_link = made.get();
    sink = std::move(made);
  }
  auto stream = std::make_unique<AnswerStream>(loop_, std::move(source), std::move(sink),
                                               [this](AnswerStream& ended) { stream_done(ended); });
  *self = stream.get();
  AnswerStream& started = *stream;
  streams_.push_back({std::move(stream), by_link});
  if (by_link != nullptr && !by_link->link().open()) started.reader_gone();
}

// It is at work still: it goes when it has returned.
void Dispatcher::stream_done(AnswerStream& stream) {
  const auto found =
      std::ranges::find(streams_, &stream, [](const Stream& each) { return each.stream.get(); });
  if (found == streams_.end()) return;
  loop_.post([gone = std::move(found->stream)] {});
  streams_.erase(found);
  loop_.at_batch_end(*this);
}

Dispatcher::Stream* Dispatcher::find_stream(const LinkConnection& link, std::uint32_t id) {
  for (Stream& each : streams_)
    if (each.link != nullptr && &each.link->link() == &link && each.link->id() == id) return &each;
  return nullptr;
}

void Dispatcher::cancel_stream(const LinkConnection& link, std::uint32_t id) {
  if (Stream* const found = find_stream(link, id)) found->stream->reader_gone();
}

void Dispatcher::add_credit(const LinkConnection& link, std::uint32_t id, std::uint32_t bytes) {
  Stream* const found = find_stream(link, id);
  if (found != nullptr && found->link->add_credit(bytes) == Room::left) found->stream->go_on();
}

void Dispatcher::link_closed(const LinkConnection& link) {
  std::vector<AnswerStream*> gone;
  for (const Stream& each : streams_)
    if (each.link != nullptr && &each.link->link() == &link) gone.push_back(each.stream.get());
  for (AnswerStream* const stream : gone) stream->reader_gone();
}

}  // namespace slipway::modelserver

// An instance for tests: obeys the container contract over HTTP and the framed link, and echoes.
//
// The body decides what it does: "crash" ends the process, "fail" is answered with 400, "slow:N"
// after N ms, "silent" never; anything else comes back, with its content type and with the headers
// that it came with as "x-got-NAME". "who" is answered with its name. "stream:N" is
// answered in N parts of 100 bytes, "endless" in parts for ever, and "half" ends in the middle. A
// body above 64 MiB is not kept: the answer is how many bytes came.
#pragma once

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "net/link_frame.h"
#include "net/loop.h"

namespace slipway::routing {

inline constexpr std::string_view test_health_path = "/health";

struct TestAnswer {
  int status = 200;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// What a request is answered with, and when; without a value: never.
struct TestAsked {
  std::string content_type;
  std::string accept;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

class TestInstance final : public net::RequestHandler, private net::Watcher {
 public:
  // `loop` outlives this object. Empty paths: no such listener.
  TestInstance(net::Loop& loop, std::string name, const std::string& http_path,
               const std::string& link_path)
      : loop_(loop), name_(std::move(name)) {
    if (!http_path.empty()) {
      server_ = std::make_unique<net::HttpServer>(loop_, *this);
      server_->listen(net::listen_unix(http_path).value());
    }
    if (!link_path.empty()) {
      listener_ = net::listen_unix(link_path).value();
      loop_.watch(listener_.get(), EPOLLIN, *this);
    }
  }
  ~TestInstance() override {
    if (listener_) loop_.unwatch(listener_.get(), *this);
    for (const auto& each : streams_)
      if (const auto stream = each.lock()) stream->orphaned = true;
  }

  bool healthy = true;
  bool mute = false;  // takes requests and answers none
  net::LinkPace pace = 0;
  int by_http = 0;
  std::string asked_at;  // the last one over HTTP: "POST /path"
  int by_link = 0;
  int streams_under_way = 0;
  std::uint64_t stream_bytes = 0;  // given out in streams

  // Cuts every framed connection, as a crash does.
  void cut_links() { links_.clear(); }

 private:
  // One accepted framed connection.
  class LinkPeer final : public net::Watcher {
   public:
    LinkPeer(TestInstance& instance, net::Fd fd) : instance_(instance), fd_(std::move(fd)) {
      instance_.loop_.watch(fd_.get(), EPOLLIN, *this);
    }
    ~LinkPeer() override { instance_.loop_.unwatch(fd_.get(), *this); }
    void on_ready(std::uint32_t) override {
      const std::span<char> space = input_.space();
      const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), 0);
      if (got <= 0) return instance_.drop(this);
      input_.filled(static_cast<std::size_t>(got));
      for (auto frame = input_.take(); frame && *frame; frame = input_.take()) on_frame(**frame);
    }

   private:
    // An answer in parts of 100 bytes, within the router's window.
    struct Parts {
      std::uint64_t left = 0;
      std::size_t window = net::link_window_bytes;
      bool breaks = false;
    };
    // Whether the body asks for an answer in parts.
    bool start_parts(std::uint32_t id, std::string_view body) {
      Parts parts;
      if (body == "endless") parts.left = ~0ULL;
      if (body == "half") parts = {.left = 10, .breaks = true};
      if (body.starts_with("stream:")) parts.left = std::stoull(std::string(body.substr(7)));
      if (parts.left == 0) return false;
      std::string out;
      (void)net::append_link_begin(out, {.id = id, .content_type = "text/event-stream"});
      write(out);
      parts_[id] = parts;
      ++instance_.streams_under_way;
      send_parts(id);
      return true;
    }
    void send_parts(std::uint32_t id) {
      Parts& parts = parts_.at(id);
      std::string out;
      for (; parts.left > 0 && parts.window >= 100; --parts.left, parts.window -= 100) {
        net::append_link_part(out, id, std::string(100, 'p'));
        instance_.stream_bytes += 100;
      }
      const bool done = parts.left == 0;
      if (done && parts.breaks) net::append_link_abort(out, id, "it was asked to");
      if (done && !parts.breaks) net::append_link_end(out, id);
      if (done) end_parts(id);
      write(out);
    }
    void end_parts(std::uint32_t id) {
      if (parts_.erase(id) > 0) --instance_.streams_under_way;
    }

    void on_frame(net::LinkFrame& frame) {
      if (frame.type == net::LinkFrameType::cancel) return end_parts(frame.id);
      if (frame.type == net::LinkFrameType::credit && parts_.contains(frame.id)) {
        parts_[frame.id].window += frame.credit;
        return send_parts(frame.id);
      }
      if (frame.type != net::LinkFrameType::request) return;
      ++instance_.by_link;
      if (frame.answer == net::LinkAnswer::streamed && start_parts(frame.id, frame.body)) return;
      TestAsked asked{.content_type = std::string(frame.content_type),
                      .accept = std::string(frame.accept),
                      .headers = {},
                      .body = std::string(frame.body)};
      for (auto pair = frame.headers.next(); pair; pair = frame.headers.next())
        asked.headers.emplace_back(pair->name, pair->value);
      instance_.answer(asked,
                       [this, alive = std::weak_ptr(alive_), id = frame.id](TestAnswer answer) {
                         if (alive.lock()) send(id, answer);
                       });
    }
    void send(std::uint32_t id, const TestAnswer& answer) {
      std::vector<net::Header> headers;
      for (const auto& [name, value] : answer.headers) headers.push_back({name, value});
      std::string out;
      const auto fits =
          net::append_link_response(out, {.id = id,
                                          .status = static_cast<std::uint16_t>(answer.status),
                                          .content_type = answer.content_type,
                                          .headers = headers,
                                          .body = answer.body,
                                          .pace = instance_.pace});
      if (!fits) std::abort();
      write(out);
    }
    void write(std::string_view out) {
      for (std::string_view rest = out; !rest.empty();) {
        const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EINTR && errno != EAGAIN) return;  // the router is gone
      }
    }

    TestInstance& instance_;
    net::Fd fd_;
    net::LinkInput input_;
    std::map<std::uint32_t, Parts> parts_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
  };

  void on_ready(std::uint32_t) override {
    net::Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer) links_.push_back(std::make_unique<LinkPeer>(*this, std::move(peer)));
  }
  void drop(LinkPeer* peer) {
    std::erase_if(links_, [&](const auto& link) { return link.get() == peer; });
  }

  // A streamed answer: as many parts as the client takes.
  struct Stream {
    net::BodyWriter writer;
    std::uint64_t parts_left = 0;
    bool breaks = false;
    bool gone = false;
    bool orphaned = false;  // the instance is no more
  };
  void start_stream(net::Responder&& responder, std::uint64_t parts, bool breaks) {
    const auto stream = std::make_shared<Stream>();
    ++streams_under_way;
    responder.on_closed([stream] { stream->gone = true; });
    stream->writer = responder.start(200, {{"Content-Type", "text/event-stream"}});
    stream->parts_left = parts;
    stream->breaks = breaks;
    streams_.push_back(stream);
    stream_on(stream);
  }
  void stream_on(const std::shared_ptr<Stream>& stream) {
    constexpr std::size_t queue_bytes_max = 64 * 1024;
    // So few at a time that the loop comes to hear when the client is gone.
    constexpr int parts_max = 1000;
    for (int parts = 1; stream->parts_left > 0 && !stream->gone; ++parts) {
      --stream->parts_left;
      stream_bytes += 100;
      const std::size_t waiting = stream->writer.write(std::string(100, 'p'));
      if (waiting < queue_bytes_max && parts < parts_max) continue;
      return stream->writer.on_drained([this, stream] {
        if (!stream->orphaned) stream_on(stream);
      });
    }
    --streams_under_way;
    stream->breaks ? stream->writer.abort() : stream->writer.finish();
  }

  class Counter final : public net::BodyReceiver {
   public:
    void on_start(net::Request&&, net::Responder&& responder, net::BodyControl) override {
      responder_ = std::move(responder);
    }
    void on_data(std::string_view bytes) override { count_ += bytes.size(); }
    void on_end(const net::Headers&) override {
      responder_.send(net::Response{.body = std::to_string(count_)});
    }
    void on_abort(const Error&) override {}

   private:
    net::Responder responder_;
    std::uint64_t count_ = 0;
  };

  net::BodyPlan on_head(const net::RequestHead& head) override {
    if (head.content_length.value_or(0) <= (64ULL << 20)) return net::Collect{};
    return net::Stream{std::make_unique<Counter>()};
  }

  void on_request(net::Request&& request, net::Responder&& responder) override {
    if (request.path() == test_health_path)
      return responder.send(net::Response{.status = healthy ? 200 : 503});
    ++by_http;
    asked_at = fmt::format("{} {}", request.method(), request.path());
    const std::string_view body = request.body();
    if (body == "endless") return start_stream(std::move(responder), ~0ULL, false);
    if (body == "half") return start_stream(std::move(responder), 10, true);
    if (body.starts_with("stream:"))
      return start_stream(std::move(responder), std::stoull(std::string(body.substr(7))), false);
    TestAsked asked{.content_type = std::string(request.headers().get("content-type")),
                    .accept = std::string(request.headers().get("accept")),
                    .headers = {},
                    .body = std::string(request.body())};
    for (const net::Header& header : request.headers())
      asked.headers.emplace_back(header.name, header.value);
    answer(asked, [to = std::make_shared<net::Responder>(std::move(responder))](TestAnswer answer) {
      net::Response response{.status = answer.status, .headers = {}, .body = answer.body};
      if (!answer.content_type.empty()) response.headers.add("Content-Type", answer.content_type);
      for (const auto& [name, value] : answer.headers) response.headers.add(name, value);
      to->send(std::move(response));
    });
  }

  void answer(const TestAsked& asked, std::function<void(TestAnswer)> done) {
    if (asked.body == "crash") ::_exit(70);
    if (mute || asked.body == "silent") return kept_.push_back(std::move(done));
    if (asked.body == "who")
      return done({.content_type = "text/plain", .headers = {}, .body = name_});
    if (asked.body == "fail")
      return done(
          {.status = 400, .content_type = "text/plain", .headers = {}, .body = "a bad shape"});
    TestAnswer answer{.content_type = asked.content_type, .headers = {}, .body = asked.body};
    answer.headers.emplace_back("x-got-accept", asked.accept);
    for (const auto& [name, value] : asked.headers)
      if (name.starts_with("X-Amzn")) answer.headers.emplace_back("x-got-" + name, value);
    int delay_ms = 0;
    if (asked.body.starts_with("slow:"))
      std::from_chars(asked.body.data() + 5, asked.body.data() + asked.body.size(), delay_ms);
    if (delay_ms == 0) return done(std::move(answer));
    loop_.after(std::chrono::milliseconds(delay_ms),
                [done = std::move(done), answer = std::move(answer)] { done(answer); });
  }

  net::Loop& loop_;
  const std::string name_;
  std::unique_ptr<net::HttpServer> server_;
  net::Fd listener_;
  std::vector<std::unique_ptr<LinkPeer>> links_;
  std::vector<std::weak_ptr<Stream>> streams_;
  std::vector<std::function<void(TestAnswer)>> kept_;
};

}  // namespace slipway::routing

// Any bytes to the model server's link, in pieces of any size: what is taken in are the frames that
// a reader of the whole finds, once each; what goes out is a stream of frames in which every
// exchange is answered once, whole or in parts; and whatever waits when the link goes may be
// answered all the same. The first byte chooses the size of the pieces.
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "modelserver/fronts/link_front.h"
#include "modelserver/fronts/request_sink.h"
#include "net/link_frame.h"
#include "net/loop.h"

namespace slipway::modelserver {
namespace {

using net::LinkFrameType;

constexpr int tries_max = 100'000;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

struct Seen {
  std::vector<std::string> events;            // in the order in which they came
  std::map<std::uint32_t, int> whole, parts;  // answers that are due, by exchange
  std::size_t pings = 0;

  void request(std::uint32_t id, const std::string& text) {
    events.push_back("request " + std::to_string(id) + " " + text);
  }
  void cancel(std::uint32_t id) { events.push_back("cancel " + std::to_string(id)); }
  void credit(std::uint32_t id, std::uint32_t bytes) {
    events.push_back("credit " + std::to_string(id) + " " + std::to_string(bytes));
  }
};

// Answers as the first byte of a body says: at once, in parts, broken off, or after all.
class Script final : public RequestSink {
 public:
  void submit(std::string_view model, const ModelCall& invocation, Reply reply) override {
    auto& link = std::get<LinkReply>(reply);
    seen.request(link.id, text_of(model, invocation.content_type, invocation.accept,
                                  invocation.custom_attributes, invocation.body));
    const int act = invocation.body.empty() ? 0 : invocation.body[0] & 3;
    Answer answer{.status = 200, .content_type = "text/plain", .body = {}, .parts = {}};
    answer.body = invocation.body;
    if (act == 3) return waiting_.push_back(std::move(reply));
    if (act == 0 || link.answer == net::LinkAnswer::whole) {
      ++seen.whole[link.id];
      return send_to(reply, answer);
    }
    ++seen.parts[link.id];
    link.link->begin(link.id, answer);
    link.link->part(link.id, invocation.body);
    act == 1 ? link.link->end(link.id) : link.link->abort(link.id, invocation.body);
  }
  void cancel(const LinkConnection&, std::uint32_t id) override { seen.cancel(id); }
  void add_credit(const LinkConnection&, std::uint32_t id, std::uint32_t bytes) override {
    seen.credit(id, bytes);
  }
  void link_closed(const LinkConnection& link) override {
    check(!link.open() && !closed);
    closed = true;
  }

  void answer_the_rest() {
    for (Reply& reply : std::exchange(waiting_, {})) {
      if (!closed) ++seen.whole[std::get<LinkReply>(reply).id];
      refuse(reply, 503, "after all");
    }
  }

  static std::string text_of(std::string_view model, std::string_view content_type,
                             std::string_view accept, std::string_view attributes,
                             std::string_view body) {
    std::string text;
    for (const std::string_view each : {model, content_type, accept, attributes, body})
      text.append(each).push_back('|');
    return text;
  }

  Seen seen;
  bool closed = false;

 private:
  std::vector<Reply> waiting_;
};

// What a front has to see in these bytes; `fine`: they are frames to their end, or to a part of
// one.
Seen right_of(std::string_view bytes, bool& fine) {
  Seen right;
  for (;;) {
    const auto taken = net::take_link_frame(bytes);
    fine = taken.has_value();
    if (!taken || !*taken) return right;
    const net::LinkFrame& frame = **taken;
    if (frame.type == LinkFrameType::request)
      right.request(
          frame.id,
          Script::text_of(
              frame.headers.find(link_model_name).value_or(""), frame.content_type, frame.accept,
              frame.headers.find("X-Amzn-SageMaker-Custom-Attributes").value_or(""), frame.body));
    if (frame.type == LinkFrameType::cancel) right.cancel(frame.id);
    if (frame.type == LinkFrameType::credit) right.credit(frame.id, frame.credit);
    if (frame.type == LinkFrameType::ping) ++right.pings;
  }
}

// The front's answers, as a router reads them.
class Answers {
 public:
  void take(std::string_view bytes) {
    const auto space = input_.space(bytes.size());
    std::memcpy(space.data(), bytes.data(), bytes.size());
    input_.filled(bytes.size());
    for (;;) {
      const auto frame = input_.take();
      check(frame.has_value());
      if (!*frame) return;
      take(**frame);
    }
  }
  Seen seen;

 private:
  void take(const net::LinkFrame& frame) {
    switch (frame.type) {
      case LinkFrameType::pong: ++seen.pings; return;
      case LinkFrameType::response: ++seen.whole[frame.id]; return;
      case LinkFrameType::begin: begun_ = frame.id; return;
      case LinkFrameType::part: return check(begun_ == frame.id);
      case LinkFrameType::end:
      case LinkFrameType::abort:
        check(begun_ == frame.id);
        begun_.reset();
        ++seen.parts[frame.id];
        return;
      default: check(false);
    }
  }

  net::LinkInput input_;
  std::optional<std::uint32_t> begun_;
};

void run_once(net::Loop& loop) {
  loop.post([&loop] { loop.stop(); });
  loop.run();
}

// A listener without a file, and a socket that is connected to it.
std::pair<net::Fd, net::Fd> listen_and_connect() {
  sockaddr address{.sa_family = AF_UNIX, .sa_data = {}};
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  net::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  net::Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  auto* const named = reinterpret_cast<sockaddr*>(&name);
  check(::bind(listener.get(), &address, sizeof(sa_family_t)) == 0 &&
        ::listen(listener.get(), 1) == 0 && ::getsockname(listener.get(), named, &size) == 0 &&
        ::connect(client.get(), named, size) == 0);
  return {std::move(listener), std::move(client)};
}

void serve(std::size_t piece, std::string_view bytes) {
  bool fine = false;
  const Seen right = right_of(bytes, fine);
  net::Loop loop;
  Script script;
  Answers answers;
  auto [listener, client] = listen_and_connect();
  LinkFront front(loop, script, std::move(listener));
  std::vector<char> out(64 * 1024);
  const auto receive = [&] {
    for (ssize_t got; (got = ::recv(client.get(), out.data(), out.size(), 0)) > 0;)
      answers.take({out.data(), static_cast<std::size_t>(got)});
  };
  for (int tries = 0; !bytes.empty() && !script.closed; ++tries) {
    check(tries < tries_max);
    const auto put =
        ::send(client.get(), bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
    run_once(loop);
    run_once(loop);
    receive();
  }
  check(script.closed == !fine && script.seen.events == right.events);
  script.answer_the_rest();
  for (int i = 0; i < 2; ++i) run_once(loop), receive();
  if (!fine) return;  // what was to be written when the link was closed is gone
  check(answers.seen.whole == script.seen.whole && answers.seen.parts == script.seen.parts);
  check(answers.seen.pings == right.pings);
}

}  // namespace
}  // namespace slipway::modelserver

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  slipway::configure_log(slipway::LogLevel::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  slipway::modelserver::serve(1 + std::size_t{data[0]} * data[0],
                              {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

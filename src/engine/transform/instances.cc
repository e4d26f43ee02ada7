#include "engine/transform/instances.h"

#include <fmt/format.h>

#include <list>
#include <optional>

#include "engine/transform/transform.h"
#include "net/http_client.h"
#include "net/link_frame.h"

namespace slipway::transform {
namespace {

constexpr std::chrono::milliseconds settings_time{5'000};
constexpr std::size_t settings_bytes_max = 64 * 1024;

class RoutedRequest final : public routing::Invocation {
 public:
  RoutedRequest(InstanceRequest asked, ReplyDone done)
      : asked_(std::move(asked)), done_(std::move(done)) {
    request.fleet = asked_.fleet;
    request.content_type = asked_.content_type;
    request.accept = asked_.accept;
    request.body = asked_.body;
    request.body_files = asked_.body_files;
    // Bulk may be answered by bulk: no more than what is kept anyway, but more than a router keeps.
    const bool bulk = asked_.body_files || asked_.body.size() > net::link_body_bytes_max;
    if (bulk) request.answer_mode = routing::AnswerMode::streamed;
  }
  void begun(const routing::InvokeAnswer& head) override { status_ = head.status; }
  void part(std::string_view bytes) override {
    if (body_.size() + bytes.size() > transform_answer_bytes_max) overflown_ = true;
    if (!overflown_) body_ += bytes;
  }
  void ended() override {
    if (!overflown_) return done_({.status = status_, .body = std::move(body_)});
    done_({.status = 0,
           .body = fmt::format("the answer is larger than {} bytes", transform_answer_bytes_max),
           .repeat = InstanceReply::Repeat::is_useless});
  }
  void answered(const routing::InvokeAnswer& answer) override {
    std::string body =
        answer.body_owned != nullptr ? std::move(*answer.body_owned) : std::string(answer.body);
    done_({.status = answer.status, .body = std::move(body)});
  }
  void failed(routing::InvokeFailure failure, std::string_view detail, std::string_view) override {
    done_({.status = 0, .body = fmt::format("{} ({})", detail, routing::name_of(failure))});
  }

 private:
  const InstanceRequest asked_;
  ReplyDone done_;
  int status_ = 0;  // of a streamed answer, which is collected here
  std::string body_;
  bool overflown_ = false;
};

std::optional<net::Address> first_address(const routing::RouteTable& routes,
                                          const std::string& fleet) {
  const auto map = routes.snapshot(routing::RouteTable::shard_of(fleet));
  const auto route = map->find(fleet);
  if (route == map->end()) return std::nullopt;
  for (const routing::FleetRoute::Leg& leg : route->second->legs)
    for (const routing::VariantRoute& variant : leg.route->variants)
      for (const auto& instance : variant.instances)
        if (auto address = net::Address::parse(instance->addresses.http))
          return *std::move(address);
  return std::nullopt;
}

}  // namespace

class RoutedInstances::Impl {
 public:
  Impl(routing::RouteTable& routes, Random& random, net::LoopThread& loop)
      : routes_(routes), thread_(loop) {
    thread_.run_and_wait(
        [&] { router_ = std::make_unique<routing::Router>(thread_.loop(), routes, random); });
  }
  // The loop goes on: nothing of this object is left on it.
  ~Impl() {
    thread_.run_and_wait([this] {
      router_.reset();
      clients_.clear();
      for (const net::TimerId timer : timers_) loop().cancel(timer);
    });
    thread_.run_and_wait([] {});  // what the others posted as they went
  }

  net::Loop& loop() { return thread_.loop(); }
  std::vector<routing::VariantCounters> counters() const { return router_->counters(); }

  void ask(InstanceRequest request, ReplyDone done) {
    router_->invoke(std::make_unique<RoutedRequest>(std::move(request), std::move(done)));
  }

  void later(std::chrono::microseconds delay, Task task) {
    const auto timer = timers_.emplace(timers_.end());
    *timer = loop().after(delay, [this, timer, task = std::move(task)]() mutable {
      timers_.erase(timer);
      task();
    });
  }

  void ask_settings(const std::string& fleet, std::string path, SettingsDone done) {
    const auto address = first_address(routes_, fleet);
    if (!address)
      return done(fail(ErrorCode::unavailable, "no instance can be asked for its settings"));
    auto& client = *clients_.emplace_back(std::make_unique<net::HttpClient>(
        loop(), *address, net::HttpClientLimits{.body_bytes_max = settings_bytes_max}));
    client.send({.target = std::move(path), .time_limit = settings_time},
                [this, asked = &client,
                 done = std::move(done)](Result<net::ClientResponse> answer) mutable {
                  loop().post([this, asked] { drop(asked); });
                  if (!answer) return done(std::unexpected(answer.error()));
                  if (answer->status() != 200)
                    return done(fail(ErrorCode::not_found, "it tells of no settings"));
                  done(std::string(answer->body()));
                });
  }

 private:
  // Not from within the client's own callback.
  void drop(const net::HttpClient* client) {
    std::erase_if(clients_, [&](const auto& each) { return each.get() == client; });
  }

  routing::RouteTable& routes_;
  net::LoopThread& thread_;
  std::unique_ptr<routing::Router> router_;
  std::list<net::TimerId> timers_;
  std::vector<std::unique_ptr<net::HttpClient>> clients_;
};

RoutedInstances::RoutedInstances(routing::RouteTable& routes, Random& random, net::LoopThread& loop)
    : impl_(std::make_unique<Impl>(routes, random, loop)) {}
RoutedInstances::~RoutedInstances() = default;

std::vector<routing::VariantCounters> RoutedInstances::counters() const {
  auto list = impl_->counters();
  for (routing::VariantCounters& each : list) each.fleet = job_of({each.fleet}).text;
  return list;
}

void RoutedInstances::ask(InstanceRequest request, ReplyDone done) {
  impl_->loop().post(
      [impl = impl_.get(), request = std::move(request), done = std::move(done)]() mutable {
        impl->ask(std::move(request), std::move(done));
      });
}

void RoutedInstances::ask_settings(const routing::FleetId& fleet, std::string path,
                                   SettingsDone done) {
  impl_->loop().post([impl = impl_.get(), id = fleet.text, path = std::move(path),
                      done = std::move(done)]() mutable {
    impl->ask_settings(id, std::move(path), std::move(done));
  });
}

void RoutedInstances::later(std::chrono::microseconds delay, Task task) {
  impl_->loop().post([impl = impl_.get(), delay, task = std::move(task)]() mutable {
    impl->later(delay, std::move(task));
  });
}

}  // namespace slipway::transform

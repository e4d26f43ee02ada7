#include "engine/fleet/prober.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "engine/fleet/redact_addresses.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace slipway::fleet {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t ping_answer_bytes_max = 1024 * 1024;

// While starting, each wait is a quarter longer than the one before.
milliseconds longer(milliseconds delay) {
  const milliseconds next(delay.count() + std::max<std::int64_t>(delay.count() / 4, 1));
  return std::min(next, ping_delay_max_while_starting);
}

}  // namespace

class HttpProber::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(net::Loop& loop, HealthSink sink) : loop_(loop), sink_(std::move(sink)) {}

  void watch(const place::InstanceKey& key, const place::Addresses& addresses);
  void unwatch(const place::InstanceKey& key);
  void close();
  net::Loop& loop() { return loop_; }

 private:
  struct Watched {
    place::Addresses addresses;
    std::unique_ptr<net::HttpClient> client;
    net::TimerId timer = 0;
    milliseconds delay = ping_first_delay;
    bool was_healthy = false;  // ever
    bool healthy = false;      // as last reported
    unsigned misses = 0;       // in a row
  };

  void ping(const place::InstanceKey& key);
  void on_answer(const place::InstanceKey& key, const Result<net::ClientResponse>& answer);
  void note_good(const place::InstanceKey& key, Watched& watched);
  void note_miss(const place::InstanceKey& key, Watched& watched, const std::string& why);
  void ping_after(const place::InstanceKey& key, Watched& watched, milliseconds delay);

  net::Loop& loop_;
  HealthSink sink_;
  const std::shared_ptr<net::MessagePool> messages_ = net::make_message_pool();
  std::map<place::InstanceKey, Watched> watched_;
  // Clients are destroyed outside their own callbacks.
  std::vector<std::unique_ptr<net::HttpClient>> discarded_;
};

void HttpProber::Impl::watch(const place::InstanceKey& key, const place::Addresses& addresses) {
  if (watched_.contains(key)) return;
  auto address = net::Address::parse(addresses.http);
  if (!address)
    return sink_({.key = key,
                  .health = HealthReport::Health::unhealthy,
                  .reason = "it has no HTTP address: " + address.error().message});
  Watched& watched = watched_[key];
  watched.addresses = addresses;
  watched.client = std::make_unique<net::HttpClient>(
      loop_, std::move(*address),
      net::HttpClientLimits{.connect_time = ping_timeout, .body_bytes_max = ping_answer_bytes_max},
      net::ClientTls{}, messages_);
  ping(key);
}

void HttpProber::Impl::unwatch(const place::InstanceKey& key) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  loop_.cancel(found->second.timer);
  discarded_.push_back(std::move(found->second.client));
  watched_.erase(found);
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->discarded_.clear();
  });
}

void HttpProber::Impl::close() {
  for (auto& [key, watched] : watched_) loop_.cancel(watched.timer);
  auto watched = std::exchange(watched_, {});
  discarded_.clear();
}

void HttpProber::Impl::ping(const place::InstanceKey& key) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  found->second.timer = 0;
  found->second.client->send(
      {.method = "GET",
       .target = "/ping",
       .headers = {{"Prefer", "wait=1"}},
       .time_limit = ping_timeout},
      [weak = weak_from_this(), key](const Result<net::ClientResponse>& answer) {
        if (const auto self = weak.lock()) self->on_answer(key, answer);
      });
}

void HttpProber::Impl::on_answer(const place::InstanceKey& key,
                                 const Result<net::ClientResponse>& answer) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  if (answer && answer->status() == 200) return note_good(key, found->second);
  note_miss(key, found->second,
            answer ? fmt::format("it answered with status {}", answer->status())
                   : redact_addresses(answer.error().message, found->second.addresses));
}

void HttpProber::Impl::note_good(const place::InstanceKey& key, Watched& watched) {
  watched.misses = 0;
  watched.was_healthy = true;
  ping_after(key, watched, ping_period);
  if (std::exchange(watched.healthy, true)) return;
  sink_({.key = key, .health = HealthReport::Health::healthy});
}

void HttpProber::Impl::note_miss(const place::InstanceKey& key, Watched& watched,
                                 const std::string& why) {
  ++watched.misses;
  if (!watched.was_healthy) {
    ping_after(key, watched, watched.delay);
    watched.delay = longer(watched.delay);
    return;
  }
  ping_after(key, watched, ping_period);
  if (watched.misses < ping_misses_max || !std::exchange(watched.healthy, false)) return;
  sink_({.key = key, .health = HealthReport::Health::unhealthy, .reason = why});
}

void HttpProber::Impl::ping_after(const place::InstanceKey& key, Watched& watched,
                                  milliseconds delay) {
  watched.timer = loop_.after(delay, [weak = weak_from_this(), key] {
    if (const auto self = weak.lock()) self->ping(key);
  });
}

HttpProber::HttpProber(net::Loop& loop, HealthSink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(sink))) {}
HttpProber::~HttpProber() { impl_->close(); }

void HttpProber::watch(const place::InstanceKey& key, const place::Addresses& addresses) {
  impl_->loop().post([weak = std::weak_ptr(impl_), key, addresses] {
    if (const auto impl = weak.lock()) impl->watch(key, addresses);
  });
}

void HttpProber::unwatch(const place::InstanceKey& key) {
  impl_->loop().post([weak = std::weak_ptr(impl_), key] {
    if (const auto impl = weak.lock()) impl->unwatch(key);
  });
}

}  // namespace slipway::fleet

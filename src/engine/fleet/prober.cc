#include "engine/fleet/prober.h"

#include <map>
#include <utility>

#include "engine/fleet/health_check.h"
#include "engine/routing/redact_addresses.h"
#include "net/loop.h"

namespace slipway::fleet {

namespace {

using std::chrono::milliseconds;

// While starting, each wait is a quarter longer than the one before.
milliseconds longer(milliseconds delay) {
  const milliseconds next(delay.count() + std::max<std::int64_t>(delay.count() / 4, 1));
  return std::min(next, check_delay_max_while_starting);
}

}  // namespace

class NetworkProber::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(net::Loop& loop, HealthSink sink) : loop_(loop), sink_(std::move(sink)) {}

  void watch(const place::InstanceKey& key, const ProbedAt& probed);
  void unwatch(const place::InstanceKey& key);
  void close();
  net::Loop& loop() { return loop_; }

 private:
  struct Watched {
    place::Addresses addresses;
    std::unique_ptr<HealthCheck> check;  // null: it has no probe
    net::TimerId timer = 0;
    milliseconds delay = check_first_delay;
    bool was_healthy = false;  // ever
    bool healthy = false;      // as last reported
    unsigned misses = 0;       // in a row
  };

  void check(const place::InstanceKey& key);
  void on_answer(const place::InstanceKey& key, const std::optional<std::string>& miss);
  void note_good(const place::InstanceKey& key, Watched& watched);
  void note_miss(const place::InstanceKey& key, Watched& watched, const std::string& why);
  void check_after(const place::InstanceKey& key, Watched& watched, milliseconds delay);

  net::Loop& loop_;
  HealthSink sink_;
  const std::shared_ptr<net::MessagePool> messages_ = net::make_message_pool();
  std::map<place::InstanceKey, Watched> watched_;
  // Checks are destroyed outside their own answers.
  std::vector<std::unique_ptr<HealthCheck>> discarded_;
};

void NetworkProber::Impl::watch(const place::InstanceKey& key, const ProbedAt& probed) {
  if (watched_.contains(key)) return;
  if (std::holds_alternative<NoProbe>(probed.probe)) {
    watched_[key].healthy = true;
    return sink_({.key = key, .health = HealthReport::Health::healthy});
  }
  auto address = net::Address::parse(probed.addresses.http);
  if (!address)
    return sink_({.key = key,
                  .health = HealthReport::Health::unhealthy,
                  .reason = "it has no HTTP address: " + address.error().message});
  Watched& watched = watched_[key];
  watched.addresses = probed.addresses;
  watched.check = make_check(probed.probe, loop_, std::move(*address), messages_);
  check(key);
}

void NetworkProber::Impl::unwatch(const place::InstanceKey& key) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  loop_.cancel(found->second.timer);
  discarded_.push_back(std::move(found->second.check));
  watched_.erase(found);
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->discarded_.clear();
  });
}

void NetworkProber::Impl::close() {
  for (auto& [key, watched] : watched_) loop_.cancel(watched.timer);
  auto watched = std::exchange(watched_, {});
  discarded_.clear();
}

void NetworkProber::Impl::check(const place::InstanceKey& key) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  found->second.timer = 0;
  found->second.check->run([weak = weak_from_this(), key](const std::optional<std::string>& miss) {
    if (const auto self = weak.lock()) self->on_answer(key, miss);
  });
}

void NetworkProber::Impl::on_answer(const place::InstanceKey& key,
                                    const std::optional<std::string>& miss) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;
  if (!miss) return note_good(key, found->second);
  note_miss(key, found->second, routing::redact_addresses(*miss, found->second.addresses));
}

void NetworkProber::Impl::note_good(const place::InstanceKey& key, Watched& watched) {
  watched.misses = 0;
  watched.was_healthy = true;
  check_after(key, watched, check_period);
  if (std::exchange(watched.healthy, true)) return;
  sink_({.key = key, .health = HealthReport::Health::healthy});
}

void NetworkProber::Impl::note_miss(const place::InstanceKey& key, Watched& watched,
                                    const std::string& why) {
  ++watched.misses;
  if (!watched.was_healthy) {
    check_after(key, watched, watched.delay);
    watched.delay = longer(watched.delay);
    return;
  }
  check_after(key, watched, check_period);
  if (watched.misses < check_misses_max || !std::exchange(watched.healthy, false)) return;
  sink_({.key = key, .health = HealthReport::Health::unhealthy, .reason = why});
}

void NetworkProber::Impl::check_after(const place::InstanceKey& key, Watched& watched,
                                      milliseconds delay) {
  watched.timer = loop_.after(delay, [weak = weak_from_this(), key] {
    if (const auto self = weak.lock()) self->check(key);
  });
}

NetworkProber::NetworkProber(net::Loop& loop, HealthSink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(sink))) {}
NetworkProber::~NetworkProber() { impl_->close(); }

void NetworkProber::watch(const place::InstanceKey& key, const ProbedAt& probed) {
  impl_->loop().post([weak = std::weak_ptr(impl_), key, probed] {
    if (const auto impl = weak.lock()) impl->watch(key, probed);
  });
}

void NetworkProber::unwatch(const place::InstanceKey& key) {
  impl_->loop().post([weak = std::weak_ptr(impl_), key] {
    if (const auto impl = weak.lock()) impl->unwatch(key);
  });
}

}  // namespace slipway::fleet

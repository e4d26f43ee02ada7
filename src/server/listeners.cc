#include "server/listeners.h"

#include <fmt/format.h>

#include <future>

#include "base/log.h"
#include "server/limits.h"

namespace slipway::server {

Listeners::Listeners(const Needs& needs)
    : needs_(needs),
      pages_(own_pages(
          {.traffic = [this] { return traffic(); },
           .certificate = [&signer = *needs.events.signer] { return signer.certificate(); },
           .inside = inside_pages({.store = *needs.base.store,
                                   .clock = needs.base.clock,
                                   .fleets = needs.fleets.fleets(),
                                   .decisions = needs.fleets.decisions(),
                                   .reconcilers = *needs.base.reconcilers,
                                   .account = needs.base.options.account,
                                   .pools = {{"control", needs.base.control},
                                             {"put", needs.base.puts},
                                             {"file", needs.base.files},
                                             {"bulk", needs.base.bulk},
                                             {"artifact", needs.base.artifacts}},
                                   .loops = [this] { return queue_lengths(); }})})) {}

Result<std::unique_ptr<Listeners>> Listeners::open(const Needs& needs) {
  std::unique_ptr<Listeners> made(new Listeners(needs));
  const ServeOptions& options = needs.base.options;
  if (!options.access_log.empty()) {
    TRY(made->access_log_, service::AccessLog::open(options.access_log, needs.base.clock));
  }
  return made;
}

Result<> Listeners::begin(ServerAddress& address, ServerLifecycle& life) {
  const auto loops = static_cast<unsigned>(address.sockets.size());
  const IoLoop::Shared shared{.context = needs_.context,
                              .pages = pages_,
                              .registry = needs_.registry,
                              .routes = needs_.fleets.routes(),
                              .routers = needs_.routers,
                              .captures = needs_.fleets.captures(),
                              .random = needs_.base.random,
                              .tls = address.tls,
                              .limits = http_limits(needs_.base.options, loops),
                              .access_log = access_log_.get()};
  for (const net::Fd& socket : address.sockets) TRY_DO(net::start_listening(socket));
  for (net::Fd& socket : address.sockets)
    loops_.push_back(
        std::make_unique<IoLoop>(shared, std::move(socket), static_cast<unsigned>(loops_.size())));
  complete_ = true;
  life.began([this] { end(); });
  return {};
}

void Listeners::end() {
  needs_.base.changes.close();
  needs_.context.uploads->close();
  std::vector<std::future<void>> drained;
  for (const auto& loop : loops_) drained.push_back(loop->drain());
  say_what_is_waited_for();
  for (const auto& done : drained) done.wait();
}

// A loop that drains has let go of the connections that wait for nothing.
void Listeners::say_what_is_waited_for() const {
  std::size_t left = 0;
  for (const auto& loop : loops_) left += loop->open_connections();
  if (left == 0) return;
  log_info("server", "ending: requests in flight are answered first",
           {{"requests", fmt::format("{}", left)}, {"seconds_max", "10"}});
}

// Each router counts for itself; whoever reads adds up.
std::vector<Traffic> Listeners::traffic() const {
  std::vector<Traffic> all;
  if (complete_)
    for (const auto& loop : loops_) all.push_back({"real_time", loop->counters()});
  all.push_back({"queued", needs_.queues.counters()});
  all.push_back({"batch", needs_.transforms.counters()});
  return all;
}

std::vector<QueueLength> Listeners::queue_lengths() const {
  std::vector<QueueLength> all{{"bulk-loop", needs_.base.bulk_loop.loop().waiting()}};
  if (complete_)
    for (std::size_t i = 0; i < loops_.size(); ++i)
      all.push_back({fmt::format("io-{}", i), loops_[i]->waiting()});
  return all;
}

}  // namespace slipway::server

#include "server/fleet_engine.h"

#include <functional>

#include "server/built_ins.h"
#include "service/sagemaker/log_stream.h"

namespace slipway::server {
namespace {

constexpr std::chrono::hours collect_period{1};

}  // namespace

fleet::FleetOptions FleetEngine::options_of(const Needs& needs) const {
  fleet::FleetOptions options = fleet_options(needs.model_server, base_.options);
  options.labels = sagemaker::labels_of;
  options.credentials = [&from = *credentials_, url = needs.url_from_here](
                            const place::InstanceKey& key, std::string_view role) {
    return from.environment(key, role, url);
  };
  return options;
}

FleetEngine::FleetEngine(const Needs& needs, std::unique_ptr<routing::Sessions> sessions,
                         std::unique_ptr<CredentialsAddress> credentials)
    : base_(needs.base),
      sessions_(std::move(sessions)),
      credentials_(std::move(credentials)),
      files_({.data = base_.options.data,
              .store = *base_.store,
              .artifacts = needs.artifacts.cache(),
              .disk = base_.disk,
              .workers = base_.artifacts,
              .loop = base_.bulk_loop.loop(),
              .place = needs.places.place(),
              .jobs = needs.jobs,
              .changes = base_.changes,
              .random = base_.random}),
      prober_(base_.bulk_loop.loop(),
              [this](fleet::HealthReport report) { reconciler_.observe(std::move(report)); }),
      reconciler_({.place = needs.places.place(),
                   .artifacts = needs.artifacts.cache(),
                   .prober = prober_,
                   .routes = routes_,
                   .loop = *base_.reconcilers,
                   .changes = base_.changes,
                   .models = &files_.models(),
                   .environments = &files_.environments(),
                   .may_read = std::bind_front(&FetchedArtifacts::may_read, &needs.artifacts)},
                  options_of(needs)),
      fleets_(std::bind_front(&fleet::FleetReconciler::wake, &reconciler_),
              base_.options.instance_limit(), &files_.environments(),
              std::bind_front(&routing::RouteTable::routed, &routes_)),
      captured_(*base_.store, needs.objects, base_.random, needs.errands),
      captures_(base_.clock, std::bind_front(&CapturedObjects::keep, &captured_)) {
  routes_.on_drained([this](const place::InstanceKey& key) { reconciler_.observe_drained(key); });
  needs.places.on_observation([this](const place::Observation& seen) { files_.observe(seen); });
  needs.places.on_observation(
      [this](place::Observation seen) { reconciler_.observe(std::move(seen)); });
}

Result<std::unique_ptr<FleetEngine>> FleetEngine::open(const Needs& needs, ServerLifecycle& life) {
  Foundation& base = needs.base;
  TRY(auto sessions, routing::Sessions::open(*base.store, base.clock));
  TRY(auto credentials, CredentialsAddress::open({.loop = base.bulk_loop,
                                                  .keys = needs.keys,
                                                  .store = *base.store,
                                                  .workers = base.control,
                                                  .clock = base.clock,
                                                  .random = base.random,
                                                  .running = needs.places.running()}));
  std::unique_ptr<FleetEngine> made(
      new FleetEngine(needs, std::move(sessions), std::move(credentials)));
  life.began([engine = made.get()] {
    engine->sessions_->close();
    engine->captures_.stop();
  });
  return made;
}

void FleetEngine::begin(ServerLifecycle& life) {
  life.began([this] { files_.stop(); });
  base_.bulk_loop.loop().post([this] { collect_files(); });
}

void FleetEngine::collect_files() {
  base_.artifacts.post([this] {
    base_.disk.keep_file();
    files_.collect();
  });
  base_.bulk_loop.loop().after(collect_period, [this] { collect_files(); });
}

}  // namespace slipway::server

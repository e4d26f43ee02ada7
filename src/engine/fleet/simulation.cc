#include "engine/fleet/simulation.h"

#include <algorithm>
#include <stdexcept>

namespace slipway::fleet {

namespace {

constexpr std::uint64_t fetch_ms_max = 2'000;
constexpr std::size_t steps_max = 200'000;

}  // namespace

void SimulatedProber::advance() {
  for (auto& [key, was_healthy] : watched_) {
    const bool is_healthy = machine_.healthy(key);
    if (is_healthy == was_healthy) continue;
    was_healthy = is_healthy;
    sink_({.key = key,
           .health = is_healthy ? HealthReport::Health::healthy : HealthReport::Health::unhealthy,
           .reason = is_healthy ? "" : "no answer within 2 s"});
  }
}

void SimulatedArtifacts::fetch(const artifacts::Artifact& artifact, artifacts::FetchDone done) {
  crash_.pass();
  const auto delay = std::chrono::milliseconds(below(random_, fetch_ms_max));
  fetches_.push_back({clock_.monotonic() + delay, artifact, std::move(done)});
}

void SimulatedArtifacts::fetch_again(const artifacts::Artifact& artifact, const std::string&,
                                     artifacts::FetchDone done) {
  fetch(artifact, std::move(done));
  fetches_.back().is_here = true;
}

void SimulatedArtifacts::advance() {
  std::vector<Fetch> due;
  std::erase_if(fetches_, [&](Fetch& fetch) {
    if (fetch.at > clock_.monotonic()) return false;
    due.push_back(std::move(fetch));
    return true;
  });
  for (Fetch& fetch : due) {
    const bool fine = fetch.is_here || static_cast<double>(below(random_, 1000)) >= fails * 1000;
    arrived_ = arrived_ || fine;
    if (fine)
      fetch.done(artifacts::FetchedArtifact{.content = "content",
                                            .directory = "/simulated/artifacts/content"});
    else
      fetch.done(fail(ErrorCode::not_found, "There is no object " + fetch.artifact.uri + "."));
  }
}

std::optional<Instant> SimulatedArtifacts::next_due() const {
  const auto first = std::ranges::min_element(fetches_, {}, &Fetch::at);
  return first == fetches_.end() ? std::nullopt : std::optional(first->at);
}

void SimulatedEnvironments::prepare(environments::EnvironmentNeed, artifacts::FetchDone done) {
  crash_.pass();
  const auto delay = std::chrono::milliseconds(below(random_, fetch_ms_max));
  asked_.emplace(clock_.monotonic() + delay, std::move(done));
}

void SimulatedEnvironments::advance() {
  while (!asked_.empty() && asked_.begin()->first <= clock_.monotonic()) {
    const artifacts::FetchDone done = std::move(asked_.begin()->second);
    asked_.erase(asked_.begin());
    prepared_ = prepared_ || !fails;
    if (fails)
      done(fail(ErrorCode::invalid_argument, "There is no package of that name."));
    else
      done(artifacts::FetchedArtifact{.content = "packages",
                                      .directory = "/simulated/environments/packages"});
  }
}

std::optional<Instant> SimulatedEnvironments::next_due() const {
  return asked_.empty() ? std::nullopt : std::optional(asked_.begin()->first);
}

Simulation::Server::Server(Simulation& world)
    : changes(world.clock_),
      loop(world.store_, world.clock_, changes),
      place(world.machine_, world.crash_,
            [this](place::Observation observation) { reconciler.observe(std::move(observation)); }),
      prober(world.machine_, world.crash_,
             [this](HealthReport report) { reconciler.observe(std::move(report)); }),
      artifacts(world.clock_, world.random_, world.crash_),
      environments(world.clock_, world.random_, world.crash_),
      reconciler({.place = place,
                  .artifacts = artifacts,
                  .prober = prober,
                  .routes = routes,
                  .loop = loop,
                  .changes = changes,
                  .environments = &environments,
                  .may_read = [&world](store::Transaction&,
                                       const artifacts::Artifact& artifact) -> Result<> {
                    if (!world.unreadable_.contains(artifact.uri)) return {};
                    return fail(ErrorCode::permission_denied, artifact.uri + " is closed.");
                  }},
                 world.options_),
      fleets([this](const FleetId& id) { reconciler.wake(id); }, 0, nullptr,
             [this](const FleetId& id) { return routes.routed(id); }) {
  artifacts.fails = world.fetch_fails_;
  environments.fails = world.environments_fail_;
  // Between a commit and its effects instances end, and answer.
  world.commit_faults_.befall(loop, [this, &world] {
    if (world.crash_.reached()) return;
    world.machine_.advance();
    prober.advance();
  });
  routes.on_drained([this](const place::InstanceKey& key) { reconciler.observe_drained(key); });
}

Simulation::Simulation(store::Store& store, std::uint64_t seed, FleetOptions options)
    : store_(store), options_(std::move(options)), random_(seed), machine_(clock_, random_) {
  server_ = std::make_unique<Server>(*this);
  server_->place.adopt();
}

Simulation::~Simulation() { server_->routes.on_drained({}); }

void Simulation::set_fetch_fails(double chance) {
  fetch_fails_ = chance;
  server_->artifacts.fails = chance;
}

void Simulation::set_environments_fail(bool fail) {
  environments_fail_ = fail;
  server_->environments.fails = fail;
}

void Simulation::crash_and_restart() {
  server_->routes.on_drained({});
  server_.reset();
  crash_.survive();
  server_ = std::make_unique<Server>(*this);
  if (const auto woken = server_->loop.wake_all(); !woken)
    throw std::runtime_error(woken.error().message);
  if (below(random_, 2) == 0)
    server_->loop.step();  // fleets are looked at before the place reports
  server_->place.adopt();
}

bool Simulation::step() {
  machine_.advance();
  server_->prober.advance();
  server_->artifacts.advance();
  server_->environments.advance();
  const bool ran = server_->loop.step() > 0;
  if (crash_.reached()) crash_and_restart();
  return ran;
}

bool Simulation::move_on(Instant until) {
  std::optional<Instant> due = machine_.next_due();
  const auto consider = [&](std::optional<Instant> at) {
    if (at) due = due ? std::min(*due, *at) : *at;
  };
  consider(server_->artifacts.next_due());
  consider(server_->environments.next_due());
  if (const auto wait = server_->loop.next_due()) consider(clock_.monotonic() + *wait);
  if (!due) return false;
  const Instant now = clock_.monotonic();
  if (*due > until) {
    clock_.advance(std::chrono::ceil<std::chrono::microseconds>(until - now));
    return false;
  }
  if (*due > now) clock_.advance(std::chrono::ceil<std::chrono::microseconds>(*due - now));
  return true;
}

void Simulation::run(std::chrono::microseconds span, const std::function<void()>& each) {
  const Instant until = clock_.monotonic() + span;
  for (std::size_t i = 0; i < steps_max; ++i) {
    while (step()) each();
    if (!move_on(until)) return;
  }
  throw std::runtime_error("the simulation does not come to rest");
}

FleetStatus Simulation::status(const FleetId& id) {
  return store_
      .read([&](store::Transaction& tx) -> Result<FleetStatus> {
        return server_->fleets.status(tx, id);
      })
      .value();
}

std::shared_ptr<const routing::GenerationRoute> Simulation::route(const FleetId& id) {
  const auto route = fleet_route(id);
  if (!route) return nullptr;
  return route->legs.empty() ? std::make_shared<const routing::GenerationRoute>()
                             : route->legs.front().route;
}

std::shared_ptr<const routing::FleetRoute> Simulation::fleet_route(const FleetId& id) {
  const auto map = server_->routes.snapshot(routing::RouteTable::shard_of(id.text));
  const auto found = map->find(id.text);
  return found == map->end() ? nullptr : found->second;
}

}  // namespace slipway::fleet

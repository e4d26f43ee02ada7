#include "server/place_engine.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/log.h"
#include "service/sagemaker/contract.h"
#include "service/sagemaker/log_stream.h"

namespace slipway::server {
namespace {

constexpr std::chrono::milliseconds stop_grace{5'000};
constexpr std::chrono::milliseconds kill_takes_at_most{1'000};

}  // namespace

PlaceEngine::Ground PlaceEngine::prepare(Foundation& base,
                                         const std::filesystem::path& model_server) {
  place::ProcessPlaceOptions place{.root = base.options.data / "instances",
                                   .zygote = {model_server.string(), "--zygote"},
                                   .isolation = base.options.isolation_mode(),
                                   .kept_free = std::string(sagemaker::container_root),
                                   .room = &base.disk,
                                   .labels_of_older = sagemaker::labels_of_older};
  return std::async(std::launch::async, place::ProcessPlace::prepare, std::move(place));
}

PlaceEngine::PlaceEngine(Foundation& base, std::unique_ptr<logs::LogBook> log_book,
                         std::unique_ptr<logs::LogGroups> log_groups,
                         place::ProcessPlace::Ground ground)
    : log_book_(std::move(log_book)),
      log_groups_(std::move(log_groups)),
      log_queries_(base.clock),
      collector_(*log_book_, base.clock),
      places_([this](const place::Observation& seen) { observe(seen); }) {
  log_book_->use(base.disk);
  on_observation([this](const place::Observation& seen) { running_.observe(seen); });
  ground.options.log = &collector_;
  processes_ = place::ProcessPlace::open(std::move(ground), places_.sink_of_next());
  places_.add(*processes_);
}

Result<std::unique_ptr<PlaceEngine>> PlaceEngine::open(Foundation& base, Ground ground) {
  TRY(auto log_book, logs::LogBook::open(base.options.data / "logs"));
  TRY(auto log_groups, logs::LogGroups::open(*base.store, {*log_book, *base.reconcilers}));
  TRY(auto prepared, ground.get());
  std::unique_ptr<PlaceEngine> places(
      new PlaceEngine(base, std::move(log_book), std::move(log_groups), std::move(prepared)));
  TRY_DO(places->open_containers(base.options.data));
  return places;
}

// An engine is looked for when the first image is to run.
Result<> PlaceEngine::open_containers(const std::filesystem::path& data) {
  const char* const named = std::getenv("DOCKER_HOST");
  TRY(containers_, place::DockerPlace::open({.root = data / "containers",
                                             .sockets = place::engine_sockets(named ? named : ""),
                                             .log = &collector_},
                                            places_.sink_of_next()));
  places_.add(*containers_);
  return {};
}

void PlaceEngine::observe(const place::Observation& observation) {
  for (const place::ObservationSink& sink : sinks_) sink(observation);
}

void PlaceEngine::begin(ServerLifecycle& life) {
  life.began([this] {
    log_queries_.end();
    end_instances();
  });
  places_.adopt();
}

void PlaceEngine::end_instances() {
  auto containers = containers_->end(stop_grace);
  processes_->end(stop_grace).wait();
  if (const std::size_t left = running_.count(); left > 0)
    log_info("server", "ending: the instances stop", {{"instances", fmt::format("{}", left)}});
  running_.wait_until_ended(stop_grace + kill_takes_at_most);
  containers.wait();
}

}  // namespace slipway::server

// This assembly is where instances run: processes of this machine and containers of an engine on
// it, what they print, and which are there.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "engine/logs/collector.h"
#include "engine/logs/groups.h"
#include "engine/logs/log_book.h"
#include "engine/logs/queries.h"
#include "place/docker/docker_place.h"
#include "place/places.h"
#include "place/process/process_place.h"
#include "server/foundation.h"
#include "server/running_instances.h"

namespace slipway::server {

// The assembly of the places that run instances, with what these print.
class PlaceEngine {
 public:
  // Begins to try what isolates instances here: that takes processes, and as long as the disk takes
  // for the store.
  using Ground = std::future<Result<place::ProcessPlace::Ground>>;
  static Ground prepare(Foundation& base, const std::filesystem::path& model_server);
  // `base` outlives it. Adds the reconciler of log groups.
  static Result<std::unique_ptr<PlaceEngine>> open(Foundation& base, Ground ground);

  // Adds somebody who hears what becomes of instances, in the order of adding; before begin().
  void on_observation(place::ObservationSink sink) { sinks_.push_back(std::move(sink)); }
  // Takes over what a former server left running. From then on the end of the server is the end of
  // all instances.
  void begin(ServerLifecycle& life);

  place::Place& place() { return places_; }
  const LiveInstances& running() const { return running_; }
  logs::LogBook& log_book() { return *log_book_; }
  logs::LogGroups& log_groups() { return *log_groups_; }
  logs::Queries& log_queries() { return log_queries_; }

 private:
  PlaceEngine(Foundation& base, std::unique_ptr<logs::LogBook> log_book,
              std::unique_ptr<logs::LogGroups> log_groups, place::ProcessPlace::Ground ground);
  Result<> open_containers(const std::filesystem::path& data);
  void observe(const place::Observation& observation);
  void end_instances();

  std::vector<place::ObservationSink> sinks_;
  LiveInstances running_;
  std::unique_ptr<logs::LogBook> log_book_;
  std::unique_ptr<logs::LogGroups> log_groups_;
  logs::Queries log_queries_;
  logs::Collector collector_;
  place::Places places_;
  std::unique_ptr<place::ProcessPlace> processes_;
  std::unique_ptr<place::DockerPlace> containers_;
};

}  // namespace slipway::server

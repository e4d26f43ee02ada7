// The places where instances run, joined: which run, and what they print, into the log book.
#pragma once

#include <chrono>
#include <memory>

#include "engine/logs/collector.h"
#include "place/places.h"
#include "place/process/process_place.h"
#include "server/running_instances.h"

namespace slipway::server {

class Instances {
 public:
  // All outlive this object; `sink` gets every observation.
  struct Needs {
    logs::LogBook& log_book;
    const Clock& clock;
    place::ObservationSink sink;
  };
  Instances(place::ProcessPlace::Ground ground, Needs needs);

  place::Place& place() { return places_; }
  const RunningInstances& running() const { return running_; }

  // Starts nothing more and stops all that runs; waits until it has ended, or was to have.
  void end();

 private:
  const Needs needs_;
  RunningInstances running_;
  logs::Collector collector_;
  place::Places places_;
  std::unique_ptr<place::ProcessPlace> processes_;
};

}  // namespace slipway::server

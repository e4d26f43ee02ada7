#include "place/places.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace slipway::place {

namespace {

bool runs_kind_of(const Capabilities& place, const InstanceSpec& spec) {
  return spec.image.empty() ? place.runs_programs : place.runs_images;
}

}  // namespace

ObservationSink Places::sink_of_next() {
  return [this, place = sinks_given_++](Observation observation) {
    observe(place, std::move(observation));
  };
}

void Places::add(Place& place) { places_.push_back(&place); }

void Places::observe(std::size_t place, Observation observation) {
  {
    const std::lock_guard lock(mutex_);
    if (observation.kind == Observation::Kind::adoption_done) {
      if (adopting_ == 0 || --adopting_ > 0) return;
    } else {
      Holder& holder = holders_.try_emplace(observation.key, Holder{place}).first->second;
      holder.ended = observation.kind == Observation::Kind::exited ||
                     observation.kind == Observation::Kind::start_failed;
    }
  }
  sink_(std::move(observation));
}

// What all can do is can; what all are kept from is closed.
Capabilities Places::capabilities() const {
  Capabilities all;
  all.survives_server = all.closes_files = all.closes_processes = all.hides_processes = true;
  all.closes_names = all.ends_everything = true;
  for (const Place* place : places_) {
    const Capabilities one = place->capabilities();
    for (const auto can :
         {&Capabilities::runs_programs, &Capabilities::runs_images, &Capabilities::sees_host_paths,
          &Capabilities::limits_memory, &Capabilities::limits_cpu, &Capabilities::gives_gpus,
          &Capabilities::maps_ports, &Capabilities::sets_user, &Capabilities::walks_host_paths})
      all.*can = all.*can || one.*can;
    for (const auto holds : {&Capabilities::survives_server, &Capabilities::closes_files,
                             &Capabilities::closes_processes, &Capabilities::hides_processes,
                             &Capabilities::closes_names, &Capabilities::ends_everything})
      all.*holds = all.*holds && one.*holds;
  }
  return all;
}

std::size_t Places::choose(const InstanceSpec& spec) const {
  std::optional<std::size_t> of_its_kind;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Capabilities place = places_[i]->capabilities();
    if (!refusal(place, spec)) return i;
    if (!of_its_kind && runs_kind_of(place, spec)) of_its_kind = i;
  }
  return of_its_kind.value_or(0);
}

std::optional<std::size_t> Places::holder_of(const InstanceKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = holders_.find(key);
  return found == holders_.end() ? std::nullopt : std::optional(found->second.place);
}

std::vector<Place*> Places::who_may_have(const InstanceKey& key) const {
  if (const auto holder = holder_of(key)) return {places_[*holder]};
  return places_;
}

void Places::start(const InstanceKey& key, const InstanceSpec& spec) {
  const std::size_t chosen = choose(spec);
  std::size_t holder = 0;
  {
    const std::lock_guard lock(mutex_);
    holder = holders_.try_emplace(key, Holder{chosen}).first->second.place;
  }
  places_[holder]->start(key, spec);
}

void Places::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  for (Place* place : who_may_have(key)) place->stop(key, grace);
}

void Places::forget(const InstanceKey& key) {
  const auto places = who_may_have(key);
  {
    const std::lock_guard lock(mutex_);
    const auto found = holders_.find(key);
    if (found != holders_.end() && found->second.ended) holders_.erase(found);
  }
  for (Place* place : places) place->forget(key);
}

void Places::adopt() {
  {
    const std::lock_guard lock(mutex_);
    adopting_ = places_.size();
  }
  if (places_.empty()) sink_({.kind = Observation::Kind::adoption_done, .key = {}});
  for (Place* place : places_) place->adopt();
}

std::filesystem::path Places::directory_of(const InstanceKey& key) const {
  return who_may_have(key).front()->directory_of(key);
}

void Places::push_logs(std::move_only_function<void()> done) {
  auto last = std::shared_ptr<void>(
      nullptr, [done = std::make_shared<decltype(done)>(std::move(done))](void*) { (*done)(); });
  for (Place* place : places_) place->push_logs([last]() mutable { last.reset(); });
}

}  // namespace slipway::place

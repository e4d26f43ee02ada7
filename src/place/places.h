// One place made of several: each instance runs in the first of them that can do what it needs.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "place/place.h"

namespace slipway::place {

// A key is one instance in one of the places: whoever reported the key, or was asked to start it,
// has it until it is forgotten. A spec that all of them refuse goes to the first that runs its kind
// (an image or a program), which says why. Thread-safe, like the places; no thread of its own.
class Places final : public Place {
 public:
  explicit Places(ObservationSink sink) : sink_(std::move(sink)) {}
  ~Places() override = default;

  // Returns what the next place is to be given as its sink. The observations of each come on its
  // own thread; `adoption_done` comes once, when all have adopted.
  ObservationSink sink_of_next();
  // The place that was given that sink; the first added is preferred. It outlives this object. All
  // are added before the first call of the methods below.
  void add(Place& place);

  // Returns what any of them can do. What the code of an instance cannot do, and whether instances
  // outlive the server, holds in each of them.
  Capabilities capabilities() const override;
  void start(const InstanceKey& key, const InstanceSpec& spec) override;
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override;
  void forget(const InstanceKey& key) override;
  void adopt() override;
  std::filesystem::path directory_of(const InstanceKey& key) const override;
  void push_logs(std::move_only_function<void()> done) override;

 private:
  struct Holder {
    std::size_t place;
    bool ended = false;  // and then forget() holds
  };
  void observe(std::size_t place, Observation observation);
  std::size_t choose(const InstanceSpec& spec) const;
  std::optional<std::size_t> holder_of(const InstanceKey& key) const;
  // The one that has the key; all of them where that is not known.
  std::vector<Place*> who_may_have(const InstanceKey& key) const;

  const ObservationSink sink_;
  std::size_t sinks_given_ = 0;
  std::vector<Place*> places_;

  mutable std::mutex mutex_;
  std::map<InstanceKey, Holder> holders_;  // guarded by mutex_
  std::size_t adopting_ = 0;               // guarded by mutex_: places that have not finished
};

}  // namespace slipway::place

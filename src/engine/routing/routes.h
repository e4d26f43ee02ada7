// Where requests go: immutable snapshots that the reconciler publishes and every router reads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/string_hash.h"
#include "engine/routing/serving.h"
#include "engine/routing/traffic.h"
#include "place/place.h"

namespace slipway::routing {

// One healthy instance. Whoever may still send to it, or waits for its answer, holds it: when the
// last one lets go it is drained (RouteTable tells).
struct InstanceRoute {
  place::InstanceKey key;
  place::Addresses addresses;
  RequestForm form = {};
  std::uint64_t number = 0;  // of all routes of this process
  // Requests that any router has under way to it; what LEAST_OUTSTANDING compares.
  alignas(64) mutable std::atomic<std::uint32_t> outstanding = 0;
  // Why it ends, where that is known before its connections break.
  mutable std::atomic<std::shared_ptr<const std::string>> ending = {};

  // Whether both are the same instance, asked in the same way.
  bool operator==(const InstanceRoute& other) const {
    return key == other.key && addresses == other.addresses && form == other.form;
  }
};

// A variant, or one container of it.
struct VariantRoute {
  std::string name;  // the variant's, for each of its containers
  double weight = 0;
  Audience audience = Audience::callers;
  ServingRoute serving = {};
  std::vector<std::shared_ptr<const InstanceRoute>> instances;

  // Its name among the variant's containers; empty: there is one.
  std::string_view container() const {
    const ContainerPlace* const place = container_of(serving);
    return place == nullptr ? std::string_view() : place->name;
  }
  // Whether it stands for its variant where variants are chosen from: its first container does.
  bool is_first() const {
    const ContainerPlace* const place = container_of(serving);
    return place == nullptr || place->position == 0;
  }

  bool operator==(const VariantRoute& other) const;  // whether both say the same
};

// One generation of a fleet, as requests reach it. Whoever holds it holds its instances.
struct GenerationRoute {
  Generation generation = 0;
  std::chrono::milliseconds request_timeout{60'000};
  PartBorder part_border = PartBorder::none;
  Access access = Access::direct;
  std::vector<VariantRoute> variants;
  // Of the variants that answer callers and have instances; of each, its first container counts.
  double weight_total = 0;
  double shadow_share = 0;  // of the requests is copied to the shadow variant; 0: there is none
  std::shared_ptr<const CapturePlan> capture;               // null: nothing is captured
  std::map<std::string, std::string, std::less<>> writers;  // FleetPlan's

  bool operator==(const GenerationRoute& other) const;  // whether both say the same
};

// A fleet: its requests are divided among the generations that serve.
struct FleetRoute {
  struct Leg {
    double share = 1;  // of the requests; all together have 1
    std::shared_ptr<const GenerationRoute> route;

    bool operator==(const Leg& other) const {
      return share == other.share && *route == *other.route;
    }
  };
  std::vector<Leg> legs;  // the oldest first; none: the fleet is known and nothing of it serves

  bool operator==(const FleetRoute&) const = default;
};

using RouteMap =
    std::unordered_map<std::string, std::shared_ptr<const FleetRoute>, StringHash, std::equal_to<>>;

inline constexpr std::size_t route_shards = 64;

// Thread-safe. Publishing copies one shard's map; reading is an atomic load where nothing changed.
class RouteTable {
 public:
  RouteTable() = default;
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // Makes an instance's route. `drained` (see on_drained) follows once nobody holds it any more.
  std::shared_ptr<const InstanceRoute> make_instance(place::InstanceKey key,
                                                     place::Addresses addresses, RequestForm form);

  // Notes why an instance that is routed to ends; from any thread.
  void note_ending(const place::InstanceKey& key, std::string reason);

  void publish(const FleetId& id, std::shared_ptr<const FleetRoute> route);
  void withdraw(const FleetId& id);

  // After a start, until every stored fleet was published once, one that is missing here may exist:
  // routers let its requests wait rather than say that there is no such fleet. A table is complete
  // unless told otherwise.
  void set_incomplete() { complete_.store(false, std::memory_order_release); }
  void set_complete();
  bool complete() const { return complete_.load(std::memory_order_acquire); }

  // How the requests of a fleet are divided, empty where they are not routed at all; nullopt while
  // the table is incomplete.
  std::optional<Shares> routed(const FleetId& id) const;

  static std::size_t shard_of(std::string_view fleet);
  std::uint64_t version(std::size_t shard) const;
  std::shared_ptr<const RouteMap> snapshot(std::size_t shard) const;

  // Called on any thread with the key of an instance that no snapshot and no router holds any more.
  // Set before the first make_instance.
  void on_drained(std::function<void(const place::InstanceKey&)> sink);

  // Has idle routers look again at what waits in them; from any thread.
  void nudge() { tell_subscribers(); }

  // Called after every publish and withdraw on the publishing thread, so that idle routers let go
  // of old snapshots too. Returns a handle for unsubscribe.
  std::uint64_t subscribe(std::function<void()> changed);
  void unsubscribe(std::uint64_t handle);

 private:
  struct Shard {
    std::atomic<std::uint64_t> version = 1;
    mutable std::mutex mutex;
    std::shared_ptr<const RouteMap> map = std::make_shared<const RouteMap>();
  };
  // What the routes themselves know of the table, which may go before the last of them.
  struct DrainSink {
    std::function<void(const place::InstanceKey&)> tell;
    std::mutex mutex;
    std::map<place::InstanceKey, const InstanceRoute*> alive;  // guarded by mutex
  };

  void change(const std::string& id, std::shared_ptr<const FleetRoute> route);
  void tell_subscribers();

  std::array<Shard, route_shards> shards_;
  std::atomic<bool> complete_ = true;
  std::atomic<std::uint64_t> next_number_ = 1;
  std::shared_ptr<DrainSink> drain_sink_ = std::make_shared<DrainSink>();
  std::mutex subscribers_mutex_;
  std::uint64_t next_handle_ = 1;
  std::map<std::uint64_t, std::function<void()>> subscribers_;
};

}  // namespace slipway::routing

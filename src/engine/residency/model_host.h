// The books of one host: which models it has, is loading or lets go, and in which order they come
// and go. What is to be done is decided by ModelResidency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/artifacts/artifact.h"
#include "engine/routing/model_loader.h"

namespace slipway::residency {

// Limits.
inline constexpr std::size_t loads_per_host_max = 4;  // at once

using HostId = std::uint64_t;  // an instance that loads models; never used twice
using ModelTicket = std::uint64_t;

class ModelHost;
struct KnownModel;

// A model on a host. Belongs to ModelResidency, which keeps it while it is pinned or known.
struct ModelCopy : routing::LoadedModel {
  enum class State : std::uint8_t {
    queued,     // for a load at its host
    loading,    // the host was asked
    loaded,     // pinned, or among the host's idle ones
    unloading,  // the host was asked
    gone,       // known to nobody but its pins
  };
  KnownModel* model = nullptr;  // null: gone
  ModelHost* host = nullptr;    // null: gone
  State state = State::queued;
  bool again = false;  // while unloading: to be queued after
  std::uint32_t pins = 0;
  std::list<ModelCopy*>::iterator idle_at;  // where pins == 0 and loaded
  std::list<ModelCopy>::iterator self;
};

// Says who waits for a model, and until when.
struct ModelWaiter {
  ModelTicket ticket = 0;
  Instant deadline = {};
};

// A model that was asked for, or found on a host.
struct KnownModel {
  enum class Files : std::uint8_t { absent, fetching, here };
  std::string name;
  std::string model;  // empty: found on a host, and not asked for since
  std::uint64_t hash = 0;
  Files files = Files::absent;
  artifacts::FetchedArtifact artifact;
  std::vector<ModelCopy*> copies;
  std::vector<ModelWaiter> waiters;
  Instant wanted_since = {};

  // Whether a copy of it is on its way.
  bool has_copy_under_way() const;
  // The loaded copy with the fewest pins; null: none is loaded.
  ModelCopy* best_copy() const;
};

// Every copy of the host is in one place: queued, or occupying it (loading, loaded, unloading).
// Those that are loaded and have no pin are idle, in the order in which they were used. Each
// function moves copies from one place to another and keeps the counts.
class ModelHost {
 public:
  // `key` names the host over restarts.
  ModelHost(HostId id, std::string_view key);

  HostId id() const { return id_; }
  // The higher, the better the host suits the model: another order of hosts for each model, the
  // same in every process.
  std::uint64_t rank_for(const KnownModel& model) const;

  // Whether it said what it has loaded: nothing is asked of it before.
  bool is_ready() const { return ready_; }
  void set_ready() { ready_ = true; }
  // Returns whether it was.
  bool forget_ready();

  const std::vector<ModelCopy*>& copies() const { return copies_; }
  const std::deque<ModelCopy*>& queue() const { return queue_; }
  std::size_t occupied() const { return occupied_; }
  std::size_t loading() const { return loading_; }
  std::size_t leaving() const { return leaving_; }  // those that are unloading
  std::uint32_t pins() const { return pins_; }
  // What it has to do, and will have.
  std::size_t load() const { return occupied_ + queue_.size(); }
  // Whether it has no memory until something is unloaded.
  bool is_full() const { return full_; }
  // The least recently used that has no pin; null: there is none.
  ModelCopy* oldest_idle() const { return idle_.empty() ? nullptr : idle_.back(); }

  // A new copy, which is to be loaded: behind those that are queued.
  void add_queued(ModelCopy& copy);
  // A new copy that the host said it has: idle, as the least recently used.
  void add_found(ModelCopy& copy);
  // Takes the first of the queue, which is not empty: it is loading now.
  ModelCopy& start_load();
  // A load ended well: the copy is idle, as the most recently used.
  void note_loaded(ModelCopy& copy);
  // A load found no memory: the copy is queued again, before all others, and the host is full.
  // Returns how many idle ones are to go for it: twice as many each time in a row.
  std::size_t note_no_memory(ModelCopy& copy);
  // Of one that is idle, or loading and given up: the host is asked to let it go.
  void start_unload(ModelCopy& copy);
  // It let the copy go. Returns whether the copy was wanted again meanwhile, and is queued.
  bool note_unloaded(ModelCopy& copy);
  // Some use a loaded copy more.
  void pin(ModelCopy& copy, std::uint32_t count);
  // One uses it less. Returns whether it is idle now.
  bool unpin(ModelCopy& copy);
  // Nothing of the copy is here any more; it is gone, and its pins are no longer the host's.
  void remove(ModelCopy& copy);

 private:
  void rest(ModelCopy& copy);

  const HostId id_;
  const std::uint64_t hash_;
  bool ready_ = false;
  std::list<ModelCopy*> idle_;  // the most recently used first
  std::deque<ModelCopy*> queue_;
  std::vector<ModelCopy*> copies_;  // all
  std::size_t occupied_ = 0;
  std::size_t loading_ = 0;
  std::size_t leaving_ = 0;
  std::uint32_t pins_ = 0;
  bool full_ = false;
  std::size_t evict_next_ = 1;  // how many go when it has no memory once more
};

using ModelHosts = std::map<HostId, std::unique_ptr<ModelHost>>;

// Where the model is to be loaded: of the two hosts that hash best to it, the one that has less to
// do. Hosts that did not say yet what they have come last. Null: there is no host.
ModelHost* choose_host(const ModelHosts& hosts, const KnownModel& model);
// Of the hosts that have no copy of the model, the one whose models have the fewest pins; null:
// none is ready.
ModelHost* calmest_without(const ModelHosts& hosts, const KnownModel& model);

}  // namespace slipway::residency

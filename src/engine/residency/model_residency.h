// Which models of a collection are in the memory of which hosts: the decisions, without the doing.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/artifacts/artifact.h"
#include "engine/residency/known_models.h"
#include "engine/residency/model_host.h"
#include "engine/routing/model_loader.h"

namespace slipway::residency {

// Limits.
inline constexpr std::size_t model_waiters_max = 4'096;  // requests that wait for a model to load
// A model's copies that each have more requests than this under way get a further one, where a host
// has less than half as much to do.
inline constexpr std::uint32_t spread_at = 8;
// From the first request for a model to its being loaded; what takes longer is given up. Source:
// AWS's page "Invoke a Multi-Model Endpoint".
inline constexpr std::chrono::seconds model_load_time_max{360};

// How an attempt to load ended.
struct ModelLoad {
  enum class End : std::uint8_t {
    loaded,     // or it was already
    no_memory,  // the host has none until others are let go
    refused,    // it said so, and will say so again
    lost,       // nobody knows: the host did not answer
    too_late,   // not within model_load_time_max
  };
  End end = End::loaded;
  routing::ModelRefusal refusal = {};  // of no_memory and refused
};

// A function of what it is told: not thread-safe, no time or chance of its own. Whoever drives it
// calls it under a lock and then does what take_effects() lists, in that order, reporting back.
// What is under way at a host for a model is one thing at a time.
//
// A model is loaded on the host that hashes best to it (of two, the one with less to do), so that
// it is found there again; it is let go when its host needs the room, the least recently used
// first, and never while a request uses it. A host holds at most `loaded_max` models, but for those
// in use. Loading for one model is shared by all who wait for it.
class ModelResidency {
 public:
  enum class Keeping : std::uint8_t { until_needed, while_used };
  struct Options {
    std::size_t loaded_max = 0;  // by host; 0: as many as it takes
    Keeping keeping = Keeping::until_needed;
  };

  struct Fetch {
    std::string name;
    std::string model;
  };
  struct Load {
    HostId host = 0;
    std::string name;
    artifacts::FetchedArtifact artifact;
  };
  struct Unload {
    HostId host = 0;
    std::string name;
  };
  struct List {
    HostId host = 0;
  };
  // The files of the model are not wanted any more.
  struct Discard {
    std::string content;
  };
  struct Wake {
    using Why = routing::ModelOutcome::Why;
    ModelTicket ticket = 0;
    Why why = Why::ready;
    routing::LoadedModel* model = nullptr;  // ready: pinned for the ticket
    routing::ModelRefusal refusal = {};
    Error error = {};
  };
  using Effect = std::variant<Fetch, Load, Unload, List, Discard, Wake>;

  explicit ModelResidency(Options options);
  ~ModelResidency();

  // Returns the model on the host to send to, pinned; null: none has it loaded, await() it. The hot
  // path. What is returned lives while it is pinned or known, and belongs to this object.
  routing::LoadedModel* pin(std::string_view model);
  void release(routing::LoadedModel& model);
  // The host does not know the model any more. It stays pinned until released.
  void lose(routing::LoadedModel& model);

  // Wakes `ticket` once, maybe at once: by then the model is pinned for it.
  void await(std::string_view model, ModelTicket ticket, Instant deadline, Instant now);
  void tick(Instant now);
  bool has_waiters() const { return waiters_ > 0; }

  struct Host {
    HostId id = 0;
    std::string key;  // names it over restarts
  };
  // These are the hosts; new ones are asked what they have loaded first.
  void set_hosts(const std::vector<Host>& hosts);
  void listed(HostId host, const std::vector<std::string>& names);

  void fetched(const std::string& name, artifacts::FetchOutcome outcome);
  // The files that a Load named are not there any more: they are fetched anew.
  void vanished(HostId host, const std::string& name);
  // They are there, and the host cannot be shown them: whoever waits hears why.
  void not_shown(HostId host, const std::string& name, Error why);
  void loaded(HostId host, const std::string& name, ModelLoad load);
  void unloaded(HostId host, const std::string& name);

  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

  void set_collection(std::string collection) { models_.set_collection(std::move(collection)); }

  // The contents whose files models in memory came from.
  std::vector<std::string> contents() const { return models_.contents(); }
  // Copies that a host has, is loading or letting go; for tests.
  std::size_t occupied(HostId host) const;

 private:
  // An order that does not change from run to run.
  struct ByName {
    bool operator()(const KnownModel* a, const KnownModel* b) const;
  };

  void consider_spreading(KnownModel& model, const ModelCopy& busiest);

  // The copy is loaded: whoever waits for the model gets it.
  void serve(ModelCopy& copy);
  void unqueue_all(ModelHost& host);
  // Does the next thing for a model that is wanted.
  void advance(KnownModel& model);
  void forget_if_unused(KnownModel& model);
  void wake_all(KnownModel& model, const Wake& wake);
  void give_up(KnownModel& model, const Wake& wake);

  // Starts what is queued at the host, making room.
  void pump(ModelHost& host);
  bool make_room(ModelHost& host);
  void evict(ModelCopy& copy);
  void evict_oldest(ModelHost& host);
  // What becomes of a copy that nobody uses.
  void settle(ModelCopy& copy);
  void on_no_memory(ModelCopy& copy, ModelLoad load);
  void remove_host(ModelHost& host);

  const Options options_;
  KnownModels models_;
  ModelHosts hosts_;
  std::set<KnownModel*, ByName> wanted_;  // asked for, and not loaded yet
  std::size_t waiters_ = 0;
  std::vector<Effect> effects_;
};

}  // namespace slipway::residency

#include "engine/residency/model_residency.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/encoding.h"
#include "base/random.h"

namespace slipway::residency {

namespace {

constexpr std::size_t name_digits = 32;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return scatter(a ^ (b * scatter_step)); }

}  // namespace

struct ModelResidency::Copy : routing::LoadedModel {
  enum class State : std::uint8_t {
    queued,     // for a load at its host
    loading,    // the host was asked
    loaded,     // pinned, or in the host's list of idle ones
    unloading,  // the host was asked
    gone,       // known to nobody but its pins
  };
  Model* model = nullptr;     // null: gone
  HostState* host = nullptr;  // null: gone
  State state = State::queued;
  bool again = false;  // while unloading: to be queued after
  std::uint32_t pins = 0;
  std::list<Copy*>::iterator idle_at;  // where pins == 0 and loaded
  std::list<Copy>::iterator self;
};

struct ModelResidency::Model {
  enum class Files : std::uint8_t { absent, fetching, here };
  std::string name;
  std::string model;  // empty: found on a host, and not asked for since
  std::uint64_t hash = 0;
  Files files = Files::absent;
  artifacts::FetchedArtifact artifact;
  std::vector<Copy*> copies;
  std::vector<Waiter> waiters;
  Instant wanted_since = {};

  bool has_copy_under_way() const {
    return std::ranges::any_of(copies, [](const Copy* copy) {
      return copy->state == Copy::State::queued || copy->state == Copy::State::loading ||
             (copy->state == Copy::State::unloading && copy->again);
    });
  }
};

struct ModelResidency::HostState {
  HostId id = 0;
  std::uint64_t hash = 0;
  bool ready = false;         // said what it has loaded
  std::list<Copy*> idle;      // loaded and not pinned; the most recently used first
  std::deque<Copy*> queue;    // to be loaded
  std::vector<Copy*> copies;  // all
  std::size_t occupied = 0;   // loading, loaded, unloading
  std::size_t loading = 0;
  std::size_t leaving = 0;  // unloading
  std::uint32_t pins = 0;
  bool full = false;           // it has no memory until something is unloaded
  std::size_t evict_next = 1;  // how many go when it says so again
};

ModelResidency::ModelResidency(Options options) : options_(options) {}
ModelResidency::~ModelResidency() = default;

bool ModelResidency::ByName::operator()(const Model* a, const Model* b) const {
  return a->name < b->name;
}

std::string ModelResidency::name_for(std::string_view collection, std::string_view model) {
  return sha256_hex(fmt::format("{}\n{}", collection, model)).substr(0, name_digits);
}

// ---- The hot path ----

ModelResidency::Copy* ModelResidency::best_copy(const Model& model) const {
  Copy* best = nullptr;
  for (Copy* copy : model.copies)
    if (copy->state == Copy::State::loaded && (best == nullptr || copy->pins < best->pins))
      best = copy;
  return best;
}

routing::LoadedModel* ModelResidency::pin(std::string_view model) {
  const auto found = by_model_.find(model);
  if (found == by_model_.end()) return nullptr;
  Copy* const best = best_copy(*found->second);
  if (best == nullptr) return nullptr;
  hold(*best, 1);
  if (best->pins > spread_at) consider_spreading(*found->second, *best);
  return best;
}

void ModelResidency::hold(Copy& copy, std::uint32_t count) {
  if (count == 0) return;
  if (copy.pins == 0 && copy.state == Copy::State::loaded) copy.host->idle.erase(copy.idle_at);
  copy.pins += count;
  copy.host->pins += count;
}

void ModelResidency::consider_spreading(Model& model, const Copy& busiest) {
  if (model.files != Model::Files::here || model.copies.size() >= hosts_.size() ||
      model.has_copy_under_way())
    return;
  HostState* calmest = nullptr;
  for (const auto& [id, host] : hosts_) {
    const bool has = std::ranges::find(model.copies, host.get(), &Copy::host) != model.copies.end();
    if (!has && host->ready && (calmest == nullptr || host->pins < calmest->pins))
      calmest = host.get();
  }
  if (calmest == nullptr || calmest->pins >= busiest.host->pins / 2) return;
  to_queue(new_copy(model, *calmest), *calmest);
  pump(*calmest);
}

void ModelResidency::release(routing::LoadedModel& model) {
  Copy* const copy = static_cast<Copy*>(&model);
  --copy->pins;
  if (copy->state == Copy::State::gone) return free_if_unpinned(copy);
  --copy->host->pins;
  if (copy->pins == 0) rest(*copy);
}

// A copy that nobody uses: kept, or let go where there is a need.
void ModelResidency::rest(Copy& copy) {
  HostState& host = *copy.host;
  host.idle.push_front(&copy);
  copy.idle_at = host.idle.begin();
  const bool too_many =
      options_.loaded_max > 0 && host.occupied - host.leaving > options_.loaded_max;
  const bool of_no_use = options_.keeping == Keeping::while_used && copy.model->waiters.empty();
  if (of_no_use)
    evict(copy);
  else if (too_many || (host.full && !host.queue.empty() && host.leaving == 0))
    evict_oldest(host);
  if (!host.queue.empty()) pump(host);
}

void ModelResidency::lose(routing::LoadedModel& lost) {
  auto& copy = static_cast<Copy&>(lost);
  if (copy.state != Copy::State::loaded) return;
  HostState& host = *copy.host;
  Model& model = *copy.model;
  drop(copy);
  forget_if_unused(model);
  pump(host);
}

// ---- Asking for what is not loaded ----

ModelResidency::Model& ModelResidency::model_named(const std::string& name) {
  auto& model = by_name_[name];
  if (!model) {
    model = std::make_unique<Model>();
    model->name = name;
    model->hash = std::hash<std::string>{}(name);
  }
  return *model;
}

ModelResidency::Model& ModelResidency::model_of(std::string_view asked) {
  if (const auto found = by_model_.find(asked); found != by_model_.end()) return *found->second;
  Model& model = model_named(name_for(collection_, asked));
  model.model = asked;
  by_model_[model.model] = &model;
  return model;
}

void ModelResidency::await(std::string_view asked, ModelTicket ticket, Instant deadline,
                           Instant now) {
  if (waiters_ >= model_waiters_max) {
    effects_.emplace_back(Wake{ticket, Wake::Why::crowded});
    return;
  }
  Model& model = model_of(asked);
  if (Copy* const ready = best_copy(model)) {
    hold(*ready, 1);
    effects_.emplace_back(Wake{ticket, Wake::Why::ready, ready});
    return;
  }
  model.waiters.push_back({ticket, deadline});
  ++waiters_;
  if (wanted_.insert(&model).second) model.wanted_since = now;
  advance(model);
}

void ModelResidency::advance(Model& model) {
  if (!wanted_.contains(&model) || model.has_copy_under_way()) return;
  if (Copy* const ready = best_copy(model)) return serve(*ready);
  if (model.files == Model::Files::absent) {
    model.files = Model::Files::fetching;
    effects_.emplace_back(Fetch{model.name, model.model});
  }
  if (model.files != Model::Files::here) return;
  HostState* const host = choose_host(model);
  if (host == nullptr) return;
  const auto leaving = std::ranges::find(model.copies, host, &Copy::host);
  if (leaving != model.copies.end()) {
    (*leaving)->again = true;
    return;
  }
  to_queue(new_copy(model, *host), *host);
  pump(*host);
}

// The two that hash best to the model; of these the one that has less. Hosts that did not say yet
// what they have come last.
ModelResidency::HostState* ModelResidency::choose_host(const Model& model) {
  HostState* first = nullptr;
  HostState* second = nullptr;
  const auto better = [&](const HostState* a, const HostState* b) {
    if (b == nullptr || a->ready != b->ready) return b == nullptr || a->ready;
    return mix(model.hash, a->hash) > mix(model.hash, b->hash);
  };
  for (const auto& [id, host] : hosts_) {
    if (better(host.get(), first))
      second = std::exchange(first, host.get());
    else if (better(host.get(), second))
      second = host.get();
  }
  if (second == nullptr || first->ready != second->ready) return first;
  const auto load = [](const HostState& host) { return host.occupied + host.queue.size(); };
  return load(*second) < load(*first) ? second : first;
}

ModelResidency::Copy& ModelResidency::new_copy(Model& model, HostState& host) {
  Copy& copy = copies_.emplace_back();
  copy.self = std::prev(copies_.end());
  copy.model = &model;
  copy.host = &host;
  copy.instance = host.id;
  copy.name = model.name;
  model.copies.push_back(&copy);
  host.copies.push_back(&copy);
  return copy;
}

void ModelResidency::to_queue(Copy& copy, HostState& host) {
  copy.state = Copy::State::queued;
  host.queue.push_back(&copy);
}

// From here on only its pins know it.
void ModelResidency::drop(Copy& copy) {
  HostState& host = *copy.host;
  Model& model = *copy.model;
  switch (copy.state) {
    case Copy::State::queued: std::erase(host.queue, &copy); break;
    case Copy::State::loading: --host.loading; break;
    case Copy::State::loaded:
      if (copy.pins == 0) host.idle.erase(copy.idle_at);
      break;
    case Copy::State::unloading: --host.leaving; break;
    case Copy::State::gone: return;
  }
  if (copy.state != Copy::State::queued) --host.occupied;
  host.pins -= copy.pins;
  std::erase(host.copies, &copy);
  std::erase(model.copies, &copy);
  copy.state = Copy::State::gone;
  copy.model = nullptr;
  copy.host = nullptr;
  free_if_unpinned(&copy);
}

void ModelResidency::free_if_unpinned(Copy* copy) {
  if (copy->pins == 0 && copy->state == Copy::State::gone) copies_.erase(copy->self);
}

void ModelResidency::forget_if_unused(Model& model) {
  if (!model.copies.empty() || !model.waiters.empty() || wanted_.contains(&model)) return;
  if (model.files == Model::Files::fetching) return;
  if (options_.keeping == Keeping::while_used && model.files == Model::Files::here) {
    effects_.emplace_back(Discard{model.artifact.content});
    model.files = Model::Files::absent;
  }
  if (model.files == Model::Files::here && by_name_.size() <= known_models_max) return;
  by_model_.erase(model.model);
  by_name_.erase(by_name_.find(model.name));
}

void ModelResidency::wake_all(Model& model, const Wake& wake) {
  for (const Waiter& waiter : model.waiters) {
    Wake one = wake;
    one.ticket = waiter.ticket;
    effects_.emplace_back(std::move(one));
  }
  waiters_ -= model.waiters.size();
  model.waiters.clear();
}

void ModelResidency::give_up(Model& model, const Wake& wake) {
  wanted_.erase(&model);
  wake_all(model, wake);
  forget_if_unused(model);
}

void ModelResidency::tick(Instant now) {
  std::vector<Model*> too_late;
  for (Model* model : wanted_) {
    std::erase_if(model->waiters, [&](const Waiter& waiter) {
      if (waiter.deadline > now) return false;
      effects_.emplace_back(Wake{waiter.ticket, Wake::Why::not_ready});
      --waiters_;
      return true;
    });
    const bool asks_host = std::ranges::any_of(
        model->copies, [](const Copy* copy) { return copy->state == Copy::State::loading; });
    if (now - model->wanted_since >= model_load_time_max && !asks_host) too_late.push_back(model);
  }
  for (Model* model : too_late) {
    for (Copy* copy : std::vector(model->copies))
      if (copy->state == Copy::State::queued) drop(*copy);
    give_up(*model, Wake{0, Wake::Why::not_ready});
  }
}

void ModelResidency::fetched(const std::string& name, artifacts::FetchOutcome outcome) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  Model& model = *found->second;
  model.files = outcome ? Model::Files::here : Model::Files::absent;
  if (!outcome) return give_up(model, {0, Wake::Why::no_files, nullptr, {}, outcome.error()});
  model.artifact = *std::move(outcome);
  advance(model);
  forget_if_unused(model);
}

void ModelResidency::serve(Copy& copy) {
  Model& model = *copy.model;
  hold(copy, static_cast<std::uint32_t>(model.waiters.size()));
  wanted_.erase(&model);
  wake_all(model, {0, Wake::Why::ready, &copy});
}

// ---- Loading and letting go ----

void ModelResidency::pump(HostState& host) {
  if (host.occupied == 0) host.full = false;
  while (host.ready && !host.queue.empty() && host.loading < loads_per_host_max &&
         make_room(host)) {
    Copy& copy = *host.queue.front();
    host.queue.pop_front();
    copy.state = Copy::State::loading;
    ++host.loading;
    ++host.occupied;
    effects_.emplace_back(Load{host.id, copy.name, copy.model->artifact});
  }
}

// Whether one more may be loaded now; lets idle ones go for those that are queued. Where all that
// is there is in use, the bound gives way, by one load at a time.
bool ModelResidency::make_room(HostState& host) {
  if (host.full) return false;
  if (options_.loaded_max == 0) return true;
  const std::size_t wanted = std::min(host.queue.size(), loads_per_host_max - host.loading);
  while (!host.idle.empty() && host.occupied - host.leaving + wanted > options_.loaded_max)
    evict_oldest(host);
  if (host.occupied < options_.loaded_max) return true;
  return host.leaving == 0 && host.loading == 0;
}

void ModelResidency::evict_oldest(HostState& host) {
  if (!host.idle.empty()) evict(*host.idle.back());
}

void ModelResidency::evict(Copy& copy) {
  HostState& host = *copy.host;
  host.idle.erase(copy.idle_at);
  copy.state = Copy::State::unloading;
  copy.again = false;
  ++host.leaving;
  effects_.emplace_back(Unload{host.id, copy.name});
}

ModelResidency::Copy* ModelResidency::find_copy(HostId host, const std::string& name) {
  const auto model = by_name_.find(name);
  if (model == by_name_.end()) return nullptr;
  for (Copy* copy : model->second->copies)
    if (copy->instance == host) return copy;
  return nullptr;
}

void ModelResidency::vanished(HostId host, const std::string& name) {
  Copy* const copy = find_copy(host, name);
  if (copy == nullptr || copy->state != Copy::State::loading) return;
  Model& model = *copy->model;
  HostState& at = *copy->host;
  drop(*copy);
  model.files = Model::Files::absent;
  advance(model);
  forget_if_unused(model);
  pump(at);
}

void ModelResidency::not_shown(HostId host, const std::string& name, Error why) {
  Copy* const copy = find_copy(host, name);
  if (copy == nullptr || copy->state != Copy::State::loading) return;
  Model& model = *copy->model;
  HostState& at = *copy->host;
  drop(*copy);
  give_up(model, {0, Wake::Why::no_files, nullptr, {}, std::move(why)});
  pump(at);
}

void ModelResidency::loaded(HostId host_id, const std::string& name, ModelLoad load) {
  Copy* const copy = find_copy(host_id, name);
  if (copy == nullptr || copy->state != Copy::State::loading) return;
  Model& model = *copy->model;
  HostState& host = *copy->host;
  switch (load.end) {
    case ModelLoad::End::loaded:
      --host.loading;
      host.evict_next = 1;
      copy->state = Copy::State::loaded;
      host.idle.push_front(copy);
      copy->idle_at = host.idle.begin();
      serve(*copy);
      if (copy->pins == 0) {
        host.idle.erase(copy->idle_at);
        rest(*copy);
      }
      break;
    case ModelLoad::End::no_memory: on_no_memory(*copy, std::move(load)); break;
    case ModelLoad::End::refused:
      drop(*copy);
      give_up(model, {0, Wake::Why::refused, nullptr, std::move(load.refusal)});
      break;
    case ModelLoad::End::lost:
      // It may be ending: it is asked anew what it has, and whatever is wanted goes elsewhere.
      if (std::exchange(host.ready, false)) effects_.emplace_back(List{host.id});
      drop(*copy);
      advance(model);
      forget_if_unused(model);
      unqueue_all(host);
      break;
    case ModelLoad::End::too_late:
      // It may yet come to be loaded there.
      --host.loading;
      ++host.leaving;
      copy->state = Copy::State::unloading;
      effects_.emplace_back(Unload{host.id, copy->name});
      give_up(model, {0, Wake::Why::not_ready});
      break;
  }
  pump(host);
}

// Idle models go, twice as many each time that it is not enough; where all are in use, the next
// that is not any more. A copy that was only to spread a model is not worth that.
void ModelResidency::on_no_memory(Copy& copy, ModelLoad load) {
  HostState& host = *copy.host;
  Model& model = *copy.model;
  const bool alone = host.occupied == 1;
  if (!wanted_.contains(&model)) {
    drop(copy);
    return forget_if_unused(model);
  }
  if (alone) {
    drop(copy);
    return give_up(model, {0, Wake::Why::refused, nullptr, std::move(load.refusal)});
  }
  --host.loading;
  --host.occupied;
  copy.state = Copy::State::queued;
  host.queue.push_front(&copy);
  host.full = true;
  if (host.leaving == 0)
    for (std::size_t i = 0; i < host.evict_next; ++i) evict_oldest(host);
  host.evict_next *= 2;
}

void ModelResidency::unloaded(HostId host_id, const std::string& name) {
  Copy* const copy = find_copy(host_id, name);
  if (copy == nullptr || copy->state != Copy::State::unloading) return;
  Model& model = *copy->model;
  HostState& host = *copy->host;
  if (host.leaving == 1) host.full = false;
  if (copy->again) {
    copy->again = false;
    --host.leaving;
    --host.occupied;
    to_queue(*copy, host);
  } else {
    drop(*copy);
    advance(model);
    forget_if_unused(model);
  }
  pump(host);
}

// ---- Hosts ----

void ModelResidency::set_hosts(const std::vector<Host>& hosts) {
  std::vector<HostId> removed;
  for (const auto& [id, state] : hosts_)
    if (std::ranges::find(hosts, id, &Host::id) == hosts.end()) removed.push_back(id);
  for (const Host& host : hosts) {
    auto& state = hosts_[host.id];
    if (state) continue;
    state = std::make_unique<HostState>();
    state->id = host.id;
    state->hash = std::hash<std::string>{}(host.key);
    effects_.emplace_back(List{host.id});
  }
  for (const HostId id : removed) {
    const auto gone = hosts_.extract(id);
    remove_host(*gone.mapped());
  }
  for (Model* model : std::vector(wanted_.begin(), wanted_.end())) advance(*model);
}

void ModelResidency::remove_host(HostState& host) {
  for (Copy* copy : std::vector(host.copies)) {
    Model& model = *copy->model;
    drop(*copy);
    forget_if_unused(model);
  }
}

void ModelResidency::listed(HostId host_id, const std::vector<std::string>& names) {
  const auto found = hosts_.find(host_id);
  if (found == hosts_.end() || found->second->ready) return;
  HostState& host = *found->second;
  const std::unordered_set<std::string_view> there(names.begin(), names.end());
  for (Copy* copy : std::vector(host.copies)) {
    if (copy->state != Copy::State::loaded || copy->pins > 0 || there.contains(copy->name))
      continue;
    Model& model = *copy->model;
    drop(*copy);
    forget_if_unused(model);
  }
  for (const std::string& name : names) {
    if (find_copy(host_id, name) != nullptr) continue;
    Copy& copy = new_copy(model_named(name), host);
    copy.state = Copy::State::loaded;
    ++host.occupied;
    host.idle.push_back(&copy);
    copy.idle_at = std::prev(host.idle.end());
  }
  host.ready = true;
  for (Model* model : std::vector(wanted_.begin(), wanted_.end())) advance(*model);
  if (options_.keeping == Keeping::while_used)
    while (!host.idle.empty()) evict_oldest(host);
  while (options_.loaded_max > 0 && host.occupied - host.leaving > options_.loaded_max &&
         !host.idle.empty())
    evict_oldest(host);
  pump(host);
}

void ModelResidency::unqueue_all(HostState& host) {
  for (Copy* copy : std::vector(host.queue.begin(), host.queue.end())) {
    Model& model = *copy->model;
    drop(*copy);
    advance(model);
    forget_if_unused(model);
  }
}

std::vector<std::string> ModelResidency::contents() const {
  std::vector<std::string> contents;
  for (const auto& [name, model] : by_name_)
    if (!model->copies.empty() && model->files == Model::Files::here)
      contents.push_back(model->artifact.content);
  return contents;
}

std::size_t ModelResidency::occupied(HostId host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? 0 : found->second->occupied;
}

}  // namespace slipway::residency

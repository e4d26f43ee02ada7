#include "engine/residency/model_residency.h"

#include <algorithm>
#include <unordered_set>

namespace slipway::residency {

using State = ModelCopy::State;
using Files = KnownModel::Files;

ModelResidency::ModelResidency(Options options) : options_(options) {}
ModelResidency::~ModelResidency() = default;

bool ModelResidency::ByName::operator()(const KnownModel* a, const KnownModel* b) const {
  return a->name < b->name;
}

// ---- The hot path ----

routing::LoadedModel* ModelResidency::pin(std::string_view model) {
  KnownModel* const known = models_.find(model);
  if (known == nullptr) return nullptr;
  ModelCopy* const best = known->best_copy();
  if (best == nullptr) return nullptr;
  best->host->pin(*best, 1);
  if (best->pins > spread_at) consider_spreading(*known, *best);
  return best;
}

void ModelResidency::consider_spreading(KnownModel& model, const ModelCopy& busiest) {
  if (model.files != Files::here || model.copies.size() >= hosts_.size() ||
      model.has_copy_under_way())
    return;
  ModelHost* const calmest = calmest_without(hosts_, model);
  if (calmest == nullptr || calmest->pins() >= busiest.host->pins() / 2) return;
  calmest->add_queued(models_.add_copy(model, *calmest));
  pump(*calmest);
}

void ModelResidency::release(routing::LoadedModel& model) {
  auto& copy = static_cast<ModelCopy&>(model);
  if (copy.state == State::gone) {
    --copy.pins;
    return models_.free_if_unpinned(copy);
  }
  if (copy.host->unpin(copy)) settle(copy);
}

// It is kept, or let go where there is a need.
void ModelResidency::settle(ModelCopy& copy) {
  ModelHost& host = *copy.host;
  const bool too_many =
      options_.loaded_max > 0 && host.occupied() - host.leaving() > options_.loaded_max;
  const bool of_no_use = options_.keeping == Keeping::while_used && copy.model->waiters.empty();
  if (of_no_use)
    evict(copy);
  else if (too_many || (host.is_full() && !host.queue().empty() && host.leaving() == 0))
    evict_oldest(host);
  if (!host.queue().empty()) pump(host);
}

void ModelResidency::lose(routing::LoadedModel& lost) {
  auto& copy = static_cast<ModelCopy&>(lost);
  if (copy.state != State::loaded) return;
  ModelHost& host = *copy.host;
  KnownModel& model = *copy.model;
  models_.drop(copy);
  forget_if_unused(model);
  pump(host);
}

// ---- Asking for what is not loaded ----

void ModelResidency::await(std::string_view asked, ModelTicket ticket, Instant deadline,
                           Instant now) {
  if (waiters_ >= model_waiters_max) {
    effects_.emplace_back(Wake{ticket, Wake::Why::crowded});
    return;
  }
  KnownModel& model = models_.of(asked);
  if (ModelCopy* const ready = model.best_copy()) {
    ready->host->pin(*ready, 1);
    effects_.emplace_back(Wake{ticket, Wake::Why::ready, ready});
    return;
  }
  model.waiters.push_back({ticket, deadline});
  ++waiters_;
  if (wanted_.insert(&model).second) model.wanted_since = now;
  advance(model);
}

void ModelResidency::advance(KnownModel& model) {
  if (!wanted_.contains(&model) || model.has_copy_under_way()) return;
  if (ModelCopy* const ready = model.best_copy()) return serve(*ready);
  if (model.files == Files::absent) {
    model.files = Files::fetching;
    effects_.emplace_back(Fetch{model.name, model.model});
  }
  if (model.files != Files::here) return;
  ModelHost* const host = choose_host(hosts_, model);
  if (host == nullptr) return;
  const auto leaving = std::ranges::find(model.copies, host, &ModelCopy::host);
  if (leaving != model.copies.end()) {
    (*leaving)->again = true;
    return;
  }
  host->add_queued(models_.add_copy(model, *host));
  pump(*host);
}

void ModelResidency::forget_if_unused(KnownModel& model) {
  if (!model.copies.empty() || !model.waiters.empty() || wanted_.contains(&model)) return;
  if (model.files == Files::fetching) return;
  if (options_.keeping == Keeping::while_used && model.files == Files::here) {
    effects_.emplace_back(Discard{model.artifact.content});
    model.files = Files::absent;
  }
  if (model.files == Files::here && !models_.are_too_many()) return;
  models_.forget(model);
}

void ModelResidency::wake_all(KnownModel& model, const Wake& wake) {
  for (const ModelWaiter& waiter : model.waiters) {
    Wake one = wake;
    one.ticket = waiter.ticket;
    effects_.emplace_back(std::move(one));
  }
  waiters_ -= model.waiters.size();
  model.waiters.clear();
}

void ModelResidency::give_up(KnownModel& model, const Wake& wake) {
  wanted_.erase(&model);
  wake_all(model, wake);
  forget_if_unused(model);
}

void ModelResidency::tick(Instant now) {
  std::vector<KnownModel*> too_late;
  for (KnownModel* model : wanted_) {
    std::erase_if(model->waiters, [&](const ModelWaiter& waiter) {
      if (waiter.deadline > now) return false;
      effects_.emplace_back(Wake{waiter.ticket, Wake::Why::not_ready});
      --waiters_;
      return true;
    });
    const bool asks_host = std::ranges::any_of(
        model->copies, [](const ModelCopy* copy) { return copy->state == State::loading; });
    if (now - model->wanted_since >= model_load_time_max && !asks_host) too_late.push_back(model);
  }
  for (KnownModel* model : too_late) {
    for (ModelCopy* copy : std::vector(model->copies))
      if (copy->state == State::queued) models_.drop(*copy);
    give_up(*model, Wake{0, Wake::Why::not_ready});
  }
}

void ModelResidency::fetched(const std::string& name, artifacts::FetchOutcome outcome) {
  KnownModel* const known = models_.find_named(name);
  if (known == nullptr) return;
  KnownModel& model = *known;
  model.files = outcome ? Files::here : Files::absent;
  if (!outcome) return give_up(model, {0, Wake::Why::no_files, nullptr, {}, outcome.error()});
  model.artifact = *std::move(outcome);
  advance(model);
  forget_if_unused(model);
}

void ModelResidency::serve(ModelCopy& copy) {
  KnownModel& model = *copy.model;
  copy.host->pin(copy, static_cast<std::uint32_t>(model.waiters.size()));
  wanted_.erase(&model);
  wake_all(model, {0, Wake::Why::ready, &copy});
}

// ---- Loading and letting go ----

void ModelResidency::pump(ModelHost& host) {
  while (host.is_ready() && !host.queue().empty() && host.loading() < loads_per_host_max &&
         make_room(host)) {
    const ModelCopy& copy = host.start_load();
    effects_.emplace_back(Load{host.id(), copy.name, copy.model->artifact});
  }
}

// Whether one more may be loaded now; lets idle ones go for those that are queued. Where all that
// is there is in use, the bound gives way, by one load at a time.
bool ModelResidency::make_room(ModelHost& host) {
  if (host.is_full()) return false;
  if (options_.loaded_max == 0) return true;
  const std::size_t wanted = std::min(host.queue().size(), loads_per_host_max - host.loading());
  while (host.oldest_idle() != nullptr &&
         host.occupied() - host.leaving() + wanted > options_.loaded_max)
    evict_oldest(host);
  if (host.occupied() < options_.loaded_max) return true;
  return host.leaving() == 0 && host.loading() == 0;
}

void ModelResidency::evict_oldest(ModelHost& host) {
  if (ModelCopy* const oldest = host.oldest_idle()) evict(*oldest);
}

void ModelResidency::evict(ModelCopy& copy) {
  copy.host->start_unload(copy);
  effects_.emplace_back(Unload{copy.host->id(), copy.name});
}

void ModelResidency::vanished(HostId host, const std::string& name) {
  ModelCopy* const copy = models_.find_copy(host, name);
  if (copy == nullptr || copy->state != State::loading) return;
  KnownModel& model = *copy->model;
  ModelHost& at = *copy->host;
  models_.drop(*copy);
  model.files = Files::absent;
  advance(model);
  forget_if_unused(model);
  pump(at);
}

void ModelResidency::not_shown(HostId host, const std::string& name, Error why) {
  ModelCopy* const copy = models_.find_copy(host, name);
  if (copy == nullptr || copy->state != State::loading) return;
  KnownModel& model = *copy->model;
  ModelHost& at = *copy->host;
  models_.drop(*copy);
  give_up(model, {0, Wake::Why::no_files, nullptr, {}, std::move(why)});
  pump(at);
}

// A load that pump() began has ended. In every case the copy leaves State::loading here, because
// the host has loads_per_host_max places for loads and no more: pump() at the end gives the place
// that became free to the next in the queue. Whoever waits for the model is told, or the model
// stays wanted and a copy of it is on its way elsewhere; nobody is left waiting for what will not
// come.
//
//   loaded     it serves those that wait, which pins it. Where nobody does any more, it is idle,
//              and settle() decides whether it may stay: a load that came too late for its waiters
//              must not push the host past its bound.
//   no_memory  the model stays wanted; what makes room for it is on_no_memory()'s.
//   refused    the files are no model for this program, and no other host would say otherwise.
//   lost       the host did not answer. Nothing is known of what it has, so nothing is asked of it
//              before it has listed its models, and its queue goes to others.
//   too_late   the host may finish all the same. The copy occupies it until the host says that it
//              is gone: the count of what fits would be wrong otherwise.
void ModelResidency::loaded(HostId host_id, const std::string& name, ModelLoad load) {
  ModelCopy* const copy = models_.find_copy(host_id, name);
  if (copy == nullptr || copy->state != State::loading) return;
  KnownModel& model = *copy->model;
  ModelHost& host = *copy->host;
  switch (load.end) {
    case ModelLoad::End::loaded:
      host.note_loaded(*copy);
      serve(*copy);
      if (copy->pins == 0) settle(*copy);
      break;
    case ModelLoad::End::no_memory: on_no_memory(*copy, std::move(load)); break;
    case ModelLoad::End::refused:
      models_.drop(*copy);
      give_up(model, {0, Wake::Why::refused, nullptr, std::move(load.refusal)});
      break;
    case ModelLoad::End::lost:
      // It may be ending: it is asked anew what it has, and whatever is wanted goes elsewhere.
      if (host.forget_ready()) effects_.emplace_back(List{host.id()});
      models_.drop(*copy);
      advance(model);
      forget_if_unused(model);
      unqueue_all(host);
      break;
    case ModelLoad::End::too_late:
      // It may yet come to be loaded there.
      evict(*copy);
      give_up(model, {0, Wake::Why::not_ready});
      break;
  }
  pump(host);
}

// Idle models go, twice as many each time that it is not enough; where all are in use, the next
// that is not any more. A copy that was only to spread a model is not worth that.
void ModelResidency::on_no_memory(ModelCopy& copy, ModelLoad load) {
  ModelHost& host = *copy.host;
  KnownModel& model = *copy.model;
  const bool alone = host.occupied() == 1;
  if (!wanted_.contains(&model)) {
    models_.drop(copy);
    return forget_if_unused(model);
  }
  if (alone) {
    models_.drop(copy);
    return give_up(model, {0, Wake::Why::refused, nullptr, std::move(load.refusal)});
  }
  const std::size_t to_go = host.note_no_memory(copy);
  if (host.leaving() == 0)
    for (std::size_t i = 0; i < to_go; ++i) evict_oldest(host);
}

void ModelResidency::unloaded(HostId host_id, const std::string& name) {
  ModelCopy* const copy = models_.find_copy(host_id, name);
  if (copy == nullptr || copy->state != State::unloading) return;
  KnownModel& model = *copy->model;
  ModelHost& host = *copy->host;
  if (!host.note_unloaded(*copy)) {
    models_.drop(*copy);
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
    state = std::make_unique<ModelHost>(host.id, host.key);
    effects_.emplace_back(List{host.id});
  }
  for (const HostId id : removed) {
    const auto gone = hosts_.extract(id);
    remove_host(*gone.mapped());
  }
  for (KnownModel* model : std::vector(wanted_.begin(), wanted_.end())) advance(*model);
}

void ModelResidency::remove_host(ModelHost& host) {
  for (ModelCopy* copy : std::vector(host.copies())) {
    KnownModel& model = *copy->model;
    models_.drop(*copy);
    forget_if_unused(model);
  }
}

void ModelResidency::listed(HostId host_id, const std::vector<std::string>& names) {
  const auto found = hosts_.find(host_id);
  if (found == hosts_.end() || found->second->is_ready()) return;
  ModelHost& host = *found->second;
  const std::unordered_set<std::string_view> there(names.begin(), names.end());
  for (ModelCopy* copy : std::vector(host.copies())) {
    if (copy->state != State::loaded || copy->pins > 0 || there.contains(copy->name)) continue;
    KnownModel& model = *copy->model;
    models_.drop(*copy);
    forget_if_unused(model);
  }
  for (const std::string& name : names) {
    if (models_.find_copy(host_id, name) != nullptr) continue;
    host.add_found(models_.add_copy(models_.named(name), host));
  }
  host.set_ready();
  for (KnownModel* model : std::vector(wanted_.begin(), wanted_.end())) advance(*model);
  if (options_.keeping == Keeping::while_used)
    while (host.oldest_idle() != nullptr) evict_oldest(host);
  while (options_.loaded_max > 0 && host.occupied() - host.leaving() > options_.loaded_max &&
         host.oldest_idle() != nullptr)
    evict_oldest(host);
  pump(host);
}

void ModelResidency::unqueue_all(ModelHost& host) {
  for (ModelCopy* copy : std::vector(host.queue().begin(), host.queue().end())) {
    KnownModel& model = *copy->model;
    models_.drop(*copy);
    advance(model);
    forget_if_unused(model);
  }
}

std::size_t ModelResidency::occupied(HostId host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? 0 : found->second->occupied();
}

}  // namespace slipway::residency

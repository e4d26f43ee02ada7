#include "engine/residency/model_host.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/random.h"

namespace slipway::residency {

using State = ModelCopy::State;

bool KnownModel::has_copy_under_way() const {
  return std::ranges::any_of(copies, [](const ModelCopy* copy) {
    return copy->state == State::queued || copy->state == State::loading ||
           (copy->state == State::unloading && copy->again);
  });
}

ModelCopy* KnownModel::best_copy() const {
  ModelCopy* best = nullptr;
  for (ModelCopy* copy : copies)
    if (copy->state == State::loaded && (best == nullptr || copy->pins < best->pins)) best = copy;
  return best;
}

ModelHost::ModelHost(HostId id, std::string_view key)
    : id_(id), hash_(std::hash<std::string_view>{}(key)) {}

std::uint64_t ModelHost::rank_for(const KnownModel& model) const {
  return scatter(model.hash ^ (hash_ * scatter_step));
}

bool ModelHost::forget_ready() { return std::exchange(ready_, false); }

void ModelHost::add_queued(ModelCopy& copy) {
  copies_.push_back(&copy);
  copy.state = State::queued;
  queue_.push_back(&copy);
}

void ModelHost::add_found(ModelCopy& copy) {
  copies_.push_back(&copy);
  copy.state = State::loaded;
  ++occupied_;
  idle_.push_back(&copy);
  copy.idle_at = std::prev(idle_.end());
}

ModelCopy& ModelHost::start_load() {
  ModelCopy& copy = *queue_.front();
  queue_.pop_front();
  copy.state = State::loading;
  ++loading_;
  ++occupied_;
  return copy;
}

void ModelHost::note_loaded(ModelCopy& copy) {
  --loading_;
  evict_next_ = 1;
  copy.state = State::loaded;
  rest(copy);
}

void ModelHost::rest(ModelCopy& copy) {
  idle_.push_front(&copy);
  copy.idle_at = idle_.begin();
}

std::size_t ModelHost::note_no_memory(ModelCopy& copy) {
  --loading_;
  --occupied_;
  copy.state = State::queued;
  queue_.push_front(&copy);
  full_ = true;
  return std::exchange(evict_next_, evict_next_ * 2);
}

void ModelHost::start_unload(ModelCopy& copy) {
  if (copy.state == State::loading)
    --loading_;
  else
    idle_.erase(copy.idle_at);
  copy.state = State::unloading;
  copy.again = false;
  ++leaving_;
}

bool ModelHost::note_unloaded(ModelCopy& copy) {
  if (leaving_ == 1) full_ = false;
  if (!std::exchange(copy.again, false)) return false;
  --leaving_;
  if (--occupied_ == 0) full_ = false;
  copy.state = State::queued;
  queue_.push_back(&copy);
  return true;
}

void ModelHost::pin(ModelCopy& copy, std::uint32_t count) {
  if (count == 0) return;
  if (copy.pins == 0) idle_.erase(copy.idle_at);
  copy.pins += count;
  pins_ += count;
}

bool ModelHost::unpin(ModelCopy& copy) {
  --pins_;
  if (--copy.pins > 0) return false;
  rest(copy);
  return true;
}

void ModelHost::remove(ModelCopy& copy) {
  switch (copy.state) {
    case State::queued: std::erase(queue_, &copy); break;
    case State::loading: --loading_; break;
    case State::loaded:
      if (copy.pins == 0) idle_.erase(copy.idle_at);
      break;
    case State::unloading: --leaving_; break;
    case State::gone: return;
  }
  if (copy.state != State::queued) --occupied_;
  if (occupied_ == 0) full_ = false;
  pins_ -= copy.pins;
  std::erase(copies_, &copy);
  copy.state = State::gone;
  copy.host = nullptr;
}

ModelHost* choose_host(const ModelHosts& hosts, const KnownModel& model) {
  ModelHost* first = nullptr;
  ModelHost* second = nullptr;
  const auto better = [&](const ModelHost* a, const ModelHost* b) {
    if (b == nullptr || a->is_ready() != b->is_ready()) return b == nullptr || a->is_ready();
    return a->rank_for(model) > b->rank_for(model);
  };
  for (const auto& [id, host] : hosts) {
    if (better(host.get(), first))
      second = std::exchange(first, host.get());
    else if (better(host.get(), second))
      second = host.get();
  }
  if (second == nullptr || first->is_ready() != second->is_ready()) return first;
  return second->load() < first->load() ? second : first;
}

ModelHost* calmest_without(const ModelHosts& hosts, const KnownModel& model) {
  ModelHost* calmest = nullptr;
  for (const auto& [id, host] : hosts) {
    const bool has =
        std::ranges::find(model.copies, host.get(), &ModelCopy::host) != model.copies.end();
    if (!has && host->is_ready() && (calmest == nullptr || host->pins() < calmest->pins()))
      calmest = host.get();
  }
  return calmest;
}

}  // namespace slipway::residency

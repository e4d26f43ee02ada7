#include "place/process/cell_maker.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "place/process/isolation.h"
#include "place/process/orders.h"
#include "place/process/starter.h"

namespace slipway::place {

CellMaker::Pending::Pending(CellMaker& among, Fd answering, Start what)
    : owner(among), socket(std::move(answering)), start(std::move(what)) {
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  owner.loop_.watch(socket.get(), EPOLLIN, *this);
  patience = owner.loop_.after(std::chrono::seconds(cell_answer_seconds_max), [this]() noexcept {
    owner.take_answer(InstanceKey(start.key), no_cell_answer());
  });
}

CellMaker::Pending::~Pending() {
  owner.loop_.cancel(patience);
  owner.loop_.unwatch(socket.get(), *this);
}

void CellMaker::Pending::on_ready(std::uint32_t) noexcept {
  if (auto process = read_cell_answer(socket.get(), answer))
    owner.take_answer(InstanceKey(start.key), *std::move(process));
}

CellMaker::CellMaker(net::Loop& loop, const ProcessPlaceOptions& options,
                     const cell::Layers& layers, const std::string& short_root,
                     std::function<void(Outcome)> made)
    : loop_(loop),
      options_(options),
      layers_(layers),
      made_(std::move(made)),
      zygote_(loop, options.zygote, options.root, short_root) {}

cell::Order CellMaker::order_of(const Start& start) const {
  return order_for(start.spec, start.directory,
                   {.layers = layers_,
                    .kept_free = options_.kept_free,
                    .user = start.user,
                    .cgroup = start.cgroup});
}

void CellMaker::make(Start start) {
  if (auto why = refusal(capabilities_with(layers_), start.spec))
    return made_({std::move(start), fail(ErrorCode::not_implemented, *std::move(why))});
  const cell::Order order = order_of(start);
  if (!zygote_.takes(order)) {
    auto process = start_in_cell(options_.cell, order);
    return made_({std::move(start), std::move(process)});
  }
  auto asked = zygote_.ask(order);
  if (!asked && asked.error().kind != "silent")
    return made_({std::move(start), std::unexpected(asked.error())});
  if (!asked) return finish({std::move(start), std::unexpected(asked.error())});
  const InstanceKey key = start.key;
  pending_[key] = std::make_unique<Pending>(*this, *std::move(asked), std::move(start));
}

bool CellMaker::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return false;
  auto& stop = found->second->stop;
  stop = std::min(grace, stop.value_or(grace));
  return true;
}

void CellMaker::stop_all(std::chrono::milliseconds grace) {
  for (const auto& [key, pending] : pending_) pending->stop = grace;
}

void CellMaker::take_answer(const InstanceKey& key, Result<ProcessId> process) {
  const auto taken = pending_.extract(key);
  finish({.start = std::move(taken.mapped()->start),
          .process = std::move(process),
          .stop = taken.mapped()->stop});
}

// Where the warmed parent was silent, slipway-cell is asked.
void CellMaker::finish(Outcome outcome) {
  const bool silent = !outcome.process && outcome.process.error().kind == "silent";
  zygote_.note_answer(!silent);
  if (silent) {
    log_warning("place", outcome.process.error().message);
    outcome.process = start_in_cell(options_.cell, order_of(outcome.start));
  }
  made_(std::move(outcome));
}

}  // namespace slipway::place

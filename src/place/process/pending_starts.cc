#include "place/process/pending_starts.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>

#include "place/process/starter.h"

namespace slipway::place {

bool PendingStarts::contains(const InstanceKey& key) const {
  return std::ranges::any_of(pending_,
                             [&](const auto& each) { return each.second.start.key == key; });
}

void PendingStarts::add(Fd socket, Start start) {
  const int fd = socket.get();
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  pending_.emplace(fd, Pending{.socket = std::move(socket),
                               .start = std::move(start),
                               .asked_at = SteadyClock::now()});
}

bool PendingStarts::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  for (auto& [fd, pending] : pending_)
    if (pending.start.key == key) {
      pending.stop = std::min(grace, pending.stop.value_or(grace));
      return true;
    }
  return false;
}

void PendingStarts::stop_all(std::chrono::milliseconds grace) {
  for (auto& [fd, pending] : pending_) pending.stop = grace;
}

std::optional<PendingStarts::Outcome> PendingStarts::read(int fd) {
  const auto found = pending_.find(fd);
  if (found == pending_.end()) return std::nullopt;
  auto process = read_cell_answer(fd, found->second.answer);
  if (!process) return std::nullopt;
  return take(found, *std::move(process));
}

std::vector<PendingStarts::Outcome> PendingStarts::late(SteadyClock::time_point now) {
  std::vector<Outcome> outcomes;
  for (auto each = pending_.begin(); each != pending_.end();) {
    const auto next = std::next(each);
    if (now - each->second.asked_at >= std::chrono::seconds(cell_answer_seconds_max))
      outcomes.push_back(take(each, no_cell_answer()));
    each = next;
  }
  return outcomes;
}

PendingStarts::Outcome PendingStarts::take(std::map<int, Pending>::iterator pending,
                                           Result<ProcessId> process) {
  auto taken = pending_.extract(pending);
  return {.start = std::move(taken.mapped().start),
          .process = std::move(process),
          .stop = taken.mapped().stop};
}

}  // namespace slipway::place

#include "place/process/running.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#include <csignal>
#include <utility>

#include "place/process/groups.h"
#include "place/process/memory_watch.h"
#include "place/process/pidfd.h"

namespace slipway::place {

RunningInstances::Watched::Watched(RunningInstances& among, RunningInstance&& what, Fd process)
    : owner(among), instance(std::move(what)), pidfd(std::move(process)) {
  owner.loop_.watch(pidfd.get(), EPOLLIN, *this);
}

RunningInstances::Watched::~Watched() {
  owner.loop_.cancel(timer);
  owner.loop_.unwatch(pidfd.get(), *this);
}

void RunningInstances::Watched::on_ready(std::uint32_t) noexcept {
  const InstanceKey key = instance.key;  // `ended` destroys this
  owner.ended_(key);
}

RunningInstances::RunningInstances(net::Loop& loop, const cell::Layers& layers,
                                   std::function<void(const InstanceKey&)> ended)
    : loop_(loop), layers_(layers), ended_(std::move(ended)) {}

bool RunningInstances::add(const InstanceKey& key, const RunDirectory& directory,
                           const ProcessId& process) {
  Fd pidfd(pidfd_open(process.pid));
  if (!pidfd) return false;
  RunningInstance instance{.key = key,
                           .directory = directory,
                           .process = process,
                           .memory_bytes_max = directory.memory_bytes_max(),
                           .turn = ++added_ % usage_turns,
                           .group = find_group(directory.cgroup())};
  watched_[key] = std::make_unique<Watched>(*this, std::move(instance), std::move(pidfd));
  return true;
}

RunningInstance RunningInstances::take(const InstanceKey& key) {
  const auto taken = watched_.extract(key);
  siginfo_t ignored{};
  ::waitid(P_PIDFD, static_cast<id_t>(taken.mapped()->pidfd.get()), &ignored, WEXITED | WNOHANG);
  return std::move(taken.mapped()->instance);
}

bool RunningInstances::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  const auto found = watched_.find(key);
  if (found == watched_.end()) return false;
  stop(*found->second, grace);
  return true;
}

void RunningInstances::stop_all(std::chrono::milliseconds grace) {
  for (const auto& [key, watched] : watched_) stop(*watched, grace);
}

void RunningInstances::stop(Watched& watched, std::chrono::milliseconds grace) {
  if (watched.forced_at == SteadyClock::time_point::max()) {
    watched.instance.directory.note_stop();
    pidfd_signal(watched.pidfd.get(), SIGTERM);
  }
  const auto forced_at = SteadyClock::now() + grace;
  if (forced_at >= watched.forced_at) return;
  if (grace.count() <= 0) return force(watched);
  watched.forced_at = forced_at;
  loop_.cancel(watched.timer);
  watched.timer = loop_.after(grace, [this, &watched]() noexcept { force(watched); });
}

// All that the instance started ends with it: with its keeper, where that is process 1 of a
// namespace; else by looking for it.
void RunningInstances::force(Watched& watched) {
  loop_.cancel(watched.timer);
  watched.forced_at = SteadyClock::time_point::max();
  RunningInstance& instance = watched.instance;
  instance.forced = true;
  if (instance.group)
    instance.group->end_all();
  else if (!layers_.namespaces)
    end_all_below(instance.process.pid);
  pidfd_signal(watched.pidfd.get(), SIGKILL);
}

}  // namespace slipway::place

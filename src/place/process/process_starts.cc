// How instances of a process place begin.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <thread>

#include "base/log.h"
#include "place/process/isolation.h"
#include "place/process/orders.h"
#include "place/process/pidfd.h"
#include "place/process/process_impl.h"
#include "place/process/starter.h"

namespace slipway::place {

namespace {

constexpr std::chrono::milliseconds pid_file_poll{2};
// A server may die between a fork and the child's own first steps: a successor gives a fresh
// directory this long to show a process before it takes it for one that never ran.
constexpr std::chrono::milliseconds young_directory_age{500};

Observation no_start(const InstanceKey& key, std::string reason) {
  return {.kind = Observation::Kind::start_failed, .key = key, .reason = std::move(reason)};
}

}  // namespace

void ProcessPlace::Impl::start(const InstanceKey& key, const InstanceSpec& spec) {
  if (ending_ || starts_.contains(key)) return;
  if (!starts_.has_room()) return line_.emplace_back(key, spec), void();
  const RunDirectory directory = directory_of(key);
  if (running_.contains(key)) return tell_running(key, directory, Observation::Kind::started);
  if (directory.key().value_or(key) != key)
    return sink_(no_start(key, fmt::format("The run directory {} belongs to another instance.",
                                           directory.path().string())));
  if (const auto exit = directory.ended()) return tell_exit(key, directory, *exit);
  if (take_over(key, directory)) return tell_running(key, directory, Observation::Kind::adopted);
  if (directory.process()) return report_end_of(key, directory, {});
  start_fresh(key, spec, directory);
}

void ProcessPlace::Impl::start_fresh(const InstanceKey& key, const InstanceSpec& spec,
                                     const RunDirectory& directory) {
  const uid_t user = users_.take();
  const std::string group = groups_.path_for(key.file_name());
  auto made = users_.is_range() && user == 0
                  ? fail(ErrorCode::limit_exceeded, "No user of this machine is left for it.")
                  : directory.make(key, spec, user, group);
  if (made) made = groups_.make(group, spec.memory_bytes_max);
  if (!made) {
    users_.give_back(user);
    return sink_(no_start(key, made.error().message));
  }
  start_process({.key = key, .spec = spec, .directory = directory, .user = user});
}

void ProcessPlace::Impl::finish_start(PendingStarts::Outcome outcome) {
  PendingStarts::Start& start = outcome.start;
  const RunDirectory directory = start.directory;
  auto& process = outcome.process;
  Observation::Kind kind = Observation::Kind::started;
  if (!process && process.error().kind == "locked" && take_over(start.key, directory)) {
    kind = Observation::Kind::adopted;
  } else if (!process) {
    directory.note_end({});
    groups_.remove(find_group(groups_.path_for(start.key.file_name())));
    return sink_(no_start(start.key, process.error().message));
  } else if (!watch(start.key, directory, *process)) {
    return report_end_of(start.key, directory, {});
  }
  tell_running(start.key, directory, kind);
  if (outcome.stop) stop(start.key, *outcome.stop);
}

cell::Order ProcessPlace::Impl::order_of(const PendingStarts::Start& start) const {
  return order_for(start.spec, start.directory,
                   {.layers = layers_,
                    .kept_free = options_.kept_free,
                    .user = start.user,
                    .cgroup = groups_.path_for(start.directory.path().filename())});
}

// The warmed parent answers later; slipway-cell is waited for.
void ProcessPlace::Impl::start_process(PendingStarts::Start start) {
  if (auto why = refusal(capabilities_with(layers_), start.spec))
    return finish_start({std::move(start), fail(ErrorCode::not_implemented, *std::move(why))});
  const cell::Order order = order_of(start);
  if (zygote_.takes(order)) {
    auto asked = zygote_.ask(order);
    if (asked) return starts_.add(*std::move(asked), std::move(start));
    if (asked.error().kind != "silent")
      return finish_start({std::move(start), std::unexpected(asked.error())});
    return take_answer({std::move(start), std::unexpected(asked.error())});
  }
  auto process = start_in_cell(options_.cell, order);
  finish_start({std::move(start), std::move(process)});
}

void ProcessPlace::Impl::take_answer(PendingStarts::Outcome outcome) {
  const bool silent = !outcome.process && outcome.process.error().kind == "silent";
  zygote_.note_answer(!silent);
  if (silent) {
    log_warning("place", outcome.process.error().message);
    outcome.process = start_in_cell(options_.cell, order_of(outcome.start));
  }
  finish_start(std::move(outcome));
}

void ProcessPlace::Impl::begin_those_that_may() {
  while (!line_.empty() && starts_.has_room()) {
    auto [key, spec] = std::move(line_.front());
    line_.pop_front();
    start(key, spec);
  }
}

bool ProcessPlace::Impl::watch(const InstanceKey& key, const RunDirectory& directory,
                               const ProcessId& process) {
  const int pidfd = pidfd_open(process.pid);
  if (pidfd < 0) return false;
  epoll_event event{.events = EPOLLIN, .data = {.fd = pidfd}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, pidfd, &event);
  running_[key] = {.directory = directory,
                   .process = process,
                   .pidfd = pidfd,
                   .memory_bytes_max = directory.memory_bytes_max(),
                   .turn = ++watched_ % usage_turns,
                   .group = find_group(directory.cgroup())};
  keys_[pidfd] = key;
  logs_.add(key, directory, labels_of(options_, key, directory));
  return true;
}

bool ProcessPlace::Impl::take_over(const InstanceKey& key, const RunDirectory& directory) {
  if (!directory.used()) return false;
  // A process that took the lock writes its pid within moments.
  const auto patience = SteadyClock::now() + pid_file_wait_max;
  while (!directory.process() && SteadyClock::now() < patience &&
         (directory.locked() || directory.age() < young_directory_age))
    std::this_thread::sleep_for(pid_file_poll);
  const auto process = directory.process();
  if (!process || !is_alive(*process)) return false;
  if (!watch(key, directory, *process)) return false;
  // The number may have been given to another between the look and the pidfd: look again.
  if (is_alive(*process)) return true;
  ::close(running_[key].pidfd);
  keys_.erase(running_[key].pidfd);
  logs_.remove(key);
  running_.erase(key);
  return false;
}

// Of one in line nothing is left to be seen.
void ProcessPlace::Impl::stop_unstarted(const InstanceKey& key, std::chrono::milliseconds grace) {
  if (starts_.stop(key, grace)) return;
  if (std::erase_if(line_, [&](const auto& waiting) { return waiting.first == key; }) > 0)
    sink_(no_start(key, "It was stopped before it began."));
}

}  // namespace slipway::place

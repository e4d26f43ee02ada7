// How instances of a process place begin.
#include <fmt/format.h>

#include <thread>

#include "place/process/process_impl.h"

namespace slipway::place {

namespace {

constexpr std::chrono::milliseconds pid_file_poll{2};
// A server may die between a fork and the child's own first steps: a successor gives a fresh
// directory this long to show a process before it takes it for one that never ran.
constexpr std::chrono::milliseconds young_directory_age{500};

}  // namespace

void ProcessPlace::Impl::start(const InstanceKey& key, const InstanceSpec& spec) {
  if (ending_ || cells_.contains(key)) return;
  if (!cells_.has_room()) return line_.emplace_back(key, spec), void();
  const RunDirectory directory = directory_of(key);
  using Kind = Observation::Kind;
  if (running_.contains(key)) return reports_.running(key, directory, Kind::started);
  if (directory.key().value_or(key) != key)
    return reports_.never_ran(key, fmt::format("The run directory {} belongs to another instance.",
                                               directory.path().string()));
  if (const auto exit = directory.ended()) return reports_.exited(key, directory, *exit);
  if (take_over(key, directory)) return reports_.running(key, directory, Kind::adopted);
  if (directory.process()) return reports_.end_seen(key, directory, {});
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
    return reports_.never_ran(key, made.error().message);
  }
  cells_.make({.key = key, .spec = spec, .directory = directory, .user = user, .cgroup = group});
}

void ProcessPlace::Impl::finish_start(CellMaker::Outcome outcome) {
  thread_.loop().at_batch_end(*this);
  const auto& [key, spec, directory, user, cgroup] = outcome.start;
  const auto& process = outcome.process;
  Observation::Kind kind = Observation::Kind::started;
  if (!process && process.error().kind == "locked" && take_over(key, directory)) {
    kind = Observation::Kind::adopted;
  } else if (!process) {
    directory.note_end({});
    groups_.remove(find_group(cgroup));
    tend_soon();
    return reports_.never_ran(key, process.error().message);
  } else if (!watch(key, directory, *process)) {
    return reports_.end_seen(key, directory, {});
  }
  reports_.running(key, directory, kind);
  if (outcome.stop) stop(key, *outcome.stop);
}

// Starts that were finished left room for those in line, or were the last.
void ProcessPlace::Impl::on_batch_end() noexcept {
  while (!line_.empty() && cells_.has_room()) {
    const auto [key, spec] = std::move(line_.front());
    line_.pop_front();
    start(key, spec);
  }
  if (!end_ || !cells_.empty()) return;
  end_->set_value();
  end_.reset();
}

bool ProcessPlace::Impl::watch(const InstanceKey& key, const RunDirectory& directory,
                               const ProcessId& process) {
  if (!running_.add(key, directory, process)) return false;
  logs_.add(key, directory, reports_.labels_of(key, directory));
  tend_soon();
  return true;
}

bool ProcessPlace::Impl::take_over(const InstanceKey& key, const RunDirectory& directory) {
  if (!directory.used()) return false;
  // A process that took the lock writes its pid within moments.
  const auto patience = std::chrono::steady_clock::now() + pid_file_wait_max;
  while (!directory.process() && std::chrono::steady_clock::now() < patience &&
         (directory.locked() || directory.age() < young_directory_age))
    std::this_thread::sleep_for(pid_file_poll);
  const auto process = directory.process();
  if (!process || !is_alive(*process)) return false;
  if (!watch(key, directory, *process)) return false;
  // The number may have been given to another between the look and the pidfd: look again.
  if (is_alive(*process)) return true;
  logs_.remove(key);
  running_.take(key);
  return false;
}

// Of one in line nothing is left to be seen.
void ProcessPlace::Impl::stop_unstarted(const InstanceKey& key, std::chrono::milliseconds grace) {
  if (cells_.stop(key, grace)) return;
  if (std::erase_if(line_, [&](const auto& waiting) { return waiting.first == key; }) > 0)
    reports_.never_ran(key, "It was stopped before it began.");
}

}  // namespace slipway::place

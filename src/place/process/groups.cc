#include "place/process/groups.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "place/process/memory_watch.h"
#include "place/process/process_place.h"

namespace slipway::place {

namespace {

bool keeps_memory(const cell::Cgroup& group) {
  return ::access((group.path() + "/memory.max").c_str(), F_OK) == 0;
}

std::string memory_excess(const Usage& usage, std::uint64_t bytes_max) {
  if (bytes_max == 0 || usage.bytes <= bytes_max) return {};
  return fmt::format(
      "it took {} MiB of memory, which is more than its limit of {} MiB, and was ended",
      usage.bytes >> 20, bytes_max >> 20);
}

}  // namespace

Groups::Groups(const std::string& base, const std::filesystem::path& root) {
  // Two servers may have a group in common, and no two of them a root.
  auto claimed = cell::Cgroups::claim(base, InstanceKey{root.string()}.file_name());
  if (claimed) {
    groups_ = std::move(*claimed);
    log_info("place", "instances have control groups",
             {{"group", base}, {"memory", groups_->limits_memory() ? "limited" : "looked at"}});
    return;
  }
  log_warning("place", "instances have no control groups; what they take is looked at",
              {{"cause", claimed.error().message}});
}

std::string Groups::path_for(const std::string& file_name) const {
  return groups_ ? groups_->group(file_name).path() : "";
}

Result<> Groups::make(const std::string& path, std::uint64_t memory_bytes_max) const {
  if (!groups_ || path.empty()) return {};
  return groups_->make(cell::Cgroup(path), {.memory_bytes = memory_bytes_max, .tasks = tasks_max});
}

void Groups::remove(const std::optional<cell::Cgroup>& group) {
  if (!group) return;
  group->end_all();
  if (!group->remove()) ending_.push_back(*group);
}

void Groups::remove_others(const std::set<std::string>& kept) {
  if (!groups_) return;
  for (const cell::Cgroup& group : groups_->all())
    if (!kept.contains(group.path())) remove(group);
}

void Groups::tend() {
  std::erase_if(ending_, [](const cell::Cgroup& group) { return group.remove(); });
}

std::optional<cell::Cgroup> find_group(const std::string& path) {
  if (path.empty()) return std::nullopt;
  cell::Cgroup group(path);
  if (!group.exists()) return std::nullopt;
  return group;
}

std::string kept_excess_of(const std::optional<cell::Cgroup>& group, std::uint64_t bytes_max) {
  if (!group || !group->ran_out_of_memory()) return {};
  if (bytes_max == 0) return "the machine ran out of memory, and it was ended";
  return fmt::format("it took more memory than its limit of {} MiB, and was ended",
                     bytes_max >> 20);
}

std::string excess_of(pid_t keeper, const std::optional<cell::Cgroup>& group,
                      std::uint64_t bytes_max) {
  Usage usage;
  std::string excess;
  if (group && keeps_memory(*group)) {
    usage.processes = group->processes();
    excess = kept_excess_of(group, bytes_max);
  } else if (bytes_max == 0) {
    usage.processes = processes_below(keeper).size();
  } else {
    usage = usage_below(keeper, bytes_max);
    excess = memory_excess(usage, bytes_max);
  }
  if (!excess.empty() || usage.processes <= processes_max) return excess;
  return fmt::format("it ran {} processes, which is more than the limit of {}, and was ended",
                     usage.processes, processes_max);
}

}  // namespace slipway::place

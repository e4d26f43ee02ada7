// The control groups of this place's instances, where the machine has them for the server.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cell/cgroups.h"

namespace slipway::place {

// One thread.
class Groups {
 public:
  // None: what instances take is looked at.
  Groups() = default;
  // Divides `base`; logs how memory is kept, and goes on without groups where it cannot.
  Groups(const std::string& base, const std::filesystem::path& root);

  // Returns where the group of a key's instance is to be; empty: it has none.
  std::string path_for(const std::string& file_name) const;
  // Makes it; nothing for an empty path. unavailable: it cannot be made.
  Result<> make(const std::string& path, std::uint64_t memory_bytes_max) const;

  // Ends what is left in a group and removes it, now or soon.
  void remove(const std::optional<cell::Cgroup>& group);
  // Removes all but `kept`: what former servers left.
  void remove_others(const std::set<std::string>& kept);
  // Goes on with what could not be removed yet; to be called now and then while it is so.
  void tend();
  bool has_more_to_remove() const { return !ending_.empty(); }

 private:
  std::optional<cell::Cgroups> groups_;
  std::vector<cell::Cgroup> ending_;
};

// The group that is kept at `path`, while it is there.
std::optional<cell::Cgroup> find_group(const std::string& path);

// That the kernel kept an instance to its memory, in words; empty: it had not to.
std::string kept_excess_of(const std::optional<cell::Cgroup>& group, std::uint64_t bytes_max);

// How an instance passed its limits, in words; empty: it did not. `bytes_max` 0: no limit.
// `group`: the kernel keeps its memory, where it does; processes are counted by it.
std::string excess_of(pid_t keeper, const std::optional<cell::Cgroup>& group,
                      std::uint64_t bytes_max);

}  // namespace slipway::place

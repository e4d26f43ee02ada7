// Control groups (cgroup v2): what all processes of a cell take together is limited by the kernel,
// and all of them are found and ended, wherever they went. For a server to which a part of the
// hierarchy was left: by systemd (Delegate=yes), or as the root of a container.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cell/layers.h"

namespace slipway::cell {

// The group of one cell: a folder of the hierarchy. No state of its own but the path.
class Cgroup {
 public:
  explicit Cgroup(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool exists() const;
  // Processes in it, those that ended and were not reaped among them.
  std::size_t processes() const;
  // Whether the kernel ended some of it as it wanted more memory than it may have.
  bool ran_out_of_memory() const;
  // Ends all that is in it. They may take a moment.
  void end_all() const;
  // False while something is in it.
  bool remove() const;

 private:
  std::string path_;
};

// Says what all processes of a cell may take together. 0: no limit.
struct CgroupLimits {
  std::uint64_t memory_bytes = 0;
  std::uint64_t tasks = 0;  // processes with their threads
};

// The part of the hierarchy below one group, `base`:
//
//   base/server    the process that divides it, for in a group that is divided nothing may run
//   base/NAME      groups of one such process's cells
class Cgroups {
 public:
  // This process's group, if it was left to it to divide; where it did that already, the group
  // above its own. unavailable: it was not; the message says why, and how it is.
  static Result<std::string> own_base();

  // Divides `base`, of which nothing but this process is a member: it moves into base/server.
  // Limits hold that the hierarchy has controllers for. unavailable: the kernel refuses.
  static Result<Cgroups> claim(const std::string& base, const std::string& name);

  bool limits_memory() const { return limits_memory_; }

  Cgroup group(const std::string& name) const { return Cgroup(folder_ + "/" + name); }
  // Makes the group; an empty one that is there already is made anew. unavailable: it cannot be,
  // and there is none.
  Result<> make(const Cgroup& group, const CgroupLimits& limits) const;
  // All that there are, of former processes too.
  std::vector<Cgroup> all() const;

 private:
  Cgroups() = default;
  Result<> limit(const Cgroup& group, const CgroupLimits& limits) const;

  std::string folder_;
  bool limits_memory_ = false;
  bool limits_processes_ = false;
};

// Says what keeps the memory of instances, for a person: of the server, where one runs, else of
// what this process could do as a server.
Finding describe_memory(std::optional<pid_t> server);

}  // namespace slipway::cell

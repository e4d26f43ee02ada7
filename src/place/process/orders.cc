#include "place/process/orders.h"

#include <algorithm>
#include <filesystem>

#include "place/process/process_place.h"

namespace slipway::place {

cell::Order order_for(const InstanceSpec& spec, const RunDirectory& directory,
                      const OrderTerms& terms) {
  cell::Order order{.layers = terms.layers,
                    .kept_free = terms.kept_free,
                    .user = terms.user,
                    .arguments = spec.argv};
  order.control = directory.path();
  order.directory = directory.own();
  order.cgroup = terms.cgroup;
  order.given.push_back({.host = spec.argv.front(), .inside = {}});
  for (const Mount& mount : spec.mounts)
    order.given.push_back({.host = std::filesystem::absolute(mount.host_path),
                           .inside = mount.inside,
                           .access = mount.access == Mount::Access::read_write
                                         ? cell::Given::Access::read_write
                                         : cell::Given::Access::read_only});
  auto environment = spec.environment;
  environment.try_emplace("HOME", order.directory);
  environment.try_emplace("TMPDIR", order.directory + "/tmp");
  // A user of its own has no entry in the system's list: programs that ask for a name find one
  // here.
  for (const char* name : {"USER", "LOGNAME"}) environment.try_emplace(name, "slipway");
  for (const auto& [name, value] : environment) order.variables.push_back(name + "=" + value);
  order.limits.open_files = open_files_max;
  if (terms.layers == cell::no_layers) return order;
  order.limits.processes = tasks_max;
  order.limits.file_bytes = file_bytes_max;
  order.limits.shared_memory_bytes = spec.memory_bytes_max == 0
                                         ? shared_memory_bytes_max
                                         : std::min(shared_memory_bytes_max, spec.memory_bytes_max);
  return order;
}

}  // namespace slipway::place

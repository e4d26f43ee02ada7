#include "server/limits.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>

#include "base/memory_budget.h"
#include "engine/objects/body_files.h"

namespace slipway::server {
namespace {

constexpr std::uint64_t connections_min = 16;  // of one loop, however few descriptors there are

// 0 where /proc is not there to be asked.
std::uint64_t open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  std::uint64_t count = 0;
  while (folder && ::readdir(folder.get()) != nullptr) ++count;
  return count;
}

}  // namespace

Result<> check_descriptors() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= descriptors_min) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("this process may hold {} files open at once, and a server needs {} at "
                          "least: raise the limit (ulimit -n)",
                          files.rlim_cur, descriptors_min));
}

std::uint64_t request_memory(const ServeOptions& options) {
  if (options.request_memory > 0) return std::uint64_t{options.request_memory} << 20;
  return std::max(machine_memory_bytes() / request_memory_divisor, request_memory_min);
}

std::uint64_t upload_memory() { return machine_memory_bytes() / upload_memory_divisor; }

std::uint64_t connection_descriptors() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return connections_min;
  const std::uint64_t open = open_descriptors() + objects::BodyFiles::folders;
  const std::uint64_t free = files.rlim_cur > open ? files.rlim_cur - open : 0;
  return free >= many_descriptors ? free - free / 4 : free / 2;
}

net::HttpLimits http_limits(const ServeOptions& options, unsigned loops) {
  net::HttpLimits limits;
  const std::uint64_t each = std::max(connection_descriptors() / loops, connections_min);
  limits.connections_max = std::min<std::uint64_t>(each, limits.connections_max);
  limits.connections_per_address_max = limits.connections_max - limits.connections_max / 8;
  limits.memory = std::make_shared<MemoryBudget>(request_memory(options));
  return limits;
}

}  // namespace slipway::server

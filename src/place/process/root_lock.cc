#include "place/process/root_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace slipway::place {
namespace {

// The child of a server that was killed in the middle of a start holds the lock for moments more.
constexpr std::chrono::milliseconds root_lock_wait_max{500};
constexpr std::chrono::milliseconds root_lock_poll{2};

bool take(int fd) {
  const auto patience = std::chrono::steady_clock::now() + root_lock_wait_max;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > patience) return false;
    std::this_thread::sleep_for(root_lock_poll);
  }
  return true;
}

}  // namespace

Result<Fd> lock_root(const std::filesystem::path& root) {
  std::error_code error;
  std::filesystem::create_directories(root, error);
  const std::string name = root / "place.lock";
  Fd lock(error ? -1 : ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return fail(ErrorCode::unavailable,
                fmt::format("The directory {} for running instances cannot be used: {}.",
                            root.string(), error ? error.message() : std::strerror(errno)));
  if (take(lock.get())) return lock;
  return fail(ErrorCode::conflict,
              fmt::format("Another server uses {}; end it, or choose another --data directory.",
                          root.string()));
}

}  // namespace slipway::place

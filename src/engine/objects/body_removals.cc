#include "engine/objects/body_removals.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace slipway::objects {

Result<std::unique_ptr<BodyRemovals>> BodyRemovals::open(BodyFiles& files,
                                                         const std::filesystem::path& root) {
  const std::filesystem::path file = root / "removal.lock";
  File lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock) return std::unique_ptr<BodyRemovals>(new BodyRemovals(files, std::move(lock)));
  return fail(ErrorCode::unavailable,
              fmt::format("cannot make '{}': {}", file.string(), std::strerror(errno)));
}

void BodyRemovals::remove_now(DoomedBody doomed) {
  if (::flock(lock_.fd(), LOCK_EX | LOCK_NB) != 0) {
    held_back_.push_back(std::move(doomed));
    holds_back_ = true;
    return;
  }
  for (const std::string& name : doomed.files) files_.unlink(name);
  ::flock(lock_.fd(), LOCK_UN);
  if (doomed.body == 0) return;
  const std::lock_guard lock(mutex_);
  leases_.erase(doomed.body);
}

void BodyRemovals::post_removal(DoomedBody doomed) {
  reaper_.post([this, doomed = std::move(doomed)]() mutable { remove_now(std::move(doomed)); });
}

void BodyRemovals::retry() {
  if (!holds_back_.exchange(false)) return;
  reaper_.post([this] {
    for (DoomedBody& doomed : std::exchange(held_back_, {})) remove_now(std::move(doomed));
  });
}

Result<> BodyRemovals::lease(std::int64_t body) {
  const std::lock_guard lock(mutex_);
  Lease& lease = leases_[body];
  if (lease.removing || !lease.doomed_files.empty())
    return fail(ErrorCode::conflict, "the object was removed meanwhile", "body_gone");
  ++lease.holders;
  return {};
}

void BodyRemovals::end_lease(std::int64_t body) {
  DoomedBody doomed{body, {}};
  {
    const std::lock_guard lock(mutex_);
    Lease& lease = leases_[body];
    if (--lease.holders > 0) return;
    doomed.files = std::exchange(lease.doomed_files, {});
    if (doomed.files.empty()) {
      leases_.erase(body);
      return;
    }
    lease.removing = true;
  }
  post_removal(std::move(doomed));
}

void BodyRemovals::remove(DoomedBody doomed) {
  if (doomed.files.empty()) return;
  if (doomed.body != 0) {
    const std::lock_guard lock(mutex_);
    Lease& lease = leases_[doomed.body];
    if (lease.holders > 0) {
      lease.doomed_files = std::move(doomed.files);
      return;
    }
    lease.removing = true;
  }
  post_removal(std::move(doomed));
}

}  // namespace slipway::objects

#include "base/fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipway {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<Fd> Fd::duplicate() const {
  Fd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 0));
  if (!copy)
    return fail(ErrorCode::limit_exceeded, "cannot duplicate a descriptor: " + errno_text(errno));
  return copy;
}

std::string errno_text(int error) {
  const char* name = ::strerrorname_np(error);
  return fmt::format("{} ({})", ::strerrordesc_np(error), name != nullptr ? name : "unknown");
}

}  // namespace slipway

// Owned file descriptors, and the words for what the kernel refuses.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace slipway {

// An open file descriptor, closed when this goes. Empty: -1.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }  // the caller closes it
  void reset(int fd = -1);
  // limit_exceeded: too many are open.
  Result<Fd> duplicate() const;

 private:
  int fd_ = -1;
};

// "Connection refused (ECONNREFUSED)" and so on, from errno.
std::string errno_text(int error);

}  // namespace slipway

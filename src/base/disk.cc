#include "base/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace slipway {
namespace {

class KernelDisk final : public Disk {
 public:
  int create(const DiskName& at) override {
    return ::openat(at.folder, at.name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  }
  ssize_t write(int file, std::string_view bytes, off_t offset) override {
    return ::pwrite(file, bytes.data(), bytes.size(), offset);
  }
  int sync_bytes(int file) override { return ::fdatasync(file); }
  int sync_names(int folder) override { return ::fsync(folder); }
  int rename(const DiskNames& names) override {
    return ::renameat(names.from.folder, names.from.name.c_str(), names.to.folder,
                      names.to.name.c_str());
  }
  int link(const DiskNames& names) override {
    return ::linkat(names.from.folder, names.from.name.c_str(), names.to.folder,
                    names.to.name.c_str(), 0);
  }
  int unlink(const DiskName& at) override { return ::unlinkat(at.folder, at.name.c_str(), 0); }
};

}  // namespace

Disk& kernel_disk() {
  static KernelDisk disk;
  return disk;
}

}  // namespace slipway

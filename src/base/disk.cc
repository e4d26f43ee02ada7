#include "base/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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
  int sync_all(int file) override { return ::syncfs(file); }
  int rename(const DiskNames& names) override {
    return ::renameat(names.from.folder, names.from.name.c_str(), names.to.folder,
                      names.to.name.c_str());
  }
  int link(const DiskNames& names) override {
    return ::linkat(names.from.folder, names.from.name.c_str(), names.to.folder,
                    names.to.name.c_str(), 0);
  }
  int unlink(const DiskName& at) override { return ::unlinkat(at.folder, at.name.c_str(), 0); }
  int make_folder(const DiskName& at) override {
    return ::mkdirat(at.folder, at.name.c_str(), 0700);
  }
  int link_to(std::string_view target, const DiskName& at) override {
    return ::symlinkat(std::string(target).c_str(), at.folder, at.name.c_str());
  }
};

}  // namespace

Disk& kernel_disk() {
  static KernelDisk disk;
  return disk;
}

int write_whole(Disk& disk, int file, std::string_view bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t wrote = disk.write(file, bytes, offset);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return -1;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    offset += wrote;
  }
  return 0;
}

int make_folders(Disk& disk, const std::filesystem::path& folder) {
  struct stat facts{};
  if (::stat(folder.c_str(), &facts) == 0)
    return S_ISDIR(facts.st_mode) ? 0 : (errno = ENOTDIR, -1);
  if (errno != ENOENT) return -1;
  if (make_folders(disk, folder.parent_path()) != 0) return -1;
  if (disk.make_folder(disk_name(folder)) == 0 || errno == EEXIST) return 0;
  return -1;
}

}  // namespace slipway

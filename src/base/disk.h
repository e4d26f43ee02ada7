// The calls that change a disk, as an interface: what must survive a crash is written through it,
// so that a test can let each call fail and then cut the power (base/faulty_disk.h).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace slipway {

// A name in an open folder; the folder does not count where the name is an absolute path.
struct DiskName {
  int folder = -1;
  std::string name;
};

// `path` by itself.
inline DiskName disk_name(const std::filesystem::path& path) {
  return {.name = std::filesystem::absolute(path)};
}

// A call that moves a name, or gives a second one, takes the name that is there and the one that
// will be. Both lie on one file system.
struct DiskNames {
  DiskName from;
  DiskName to;
};

// Each call does what the system call that it is named after does, and tells of a failure as that
// does: -1, and errno. Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;

  // A new file for its owner, open for reading and writing; EEXIST where the name is taken.
  virtual int create(const DiskName& at) = 0;
  virtual ssize_t write(int file, std::string_view bytes, off_t offset) = 0;

  // When they return 0, the bytes of a file or the names in a folder survive a power cut. After a
  // failure the bytes count as lost, whatever a second call says: the kernel may have dropped them.
  virtual int sync_bytes(int file) = 0;
  virtual int sync_names(int folder) = 0;

  // The same for everything on the file system that `file` is on.
  virtual int sync_all(int file) = 0;

  virtual int rename(const DiskNames& names) = 0;
  virtual int link(const DiskNames& names) = 0;
  virtual int unlink(const DiskName& at) = 0;

  // A new folder for its owner; EEXIST where the name is taken.
  virtual int make_folder(const DiskName& at) = 0;
  // A new symbolic link, which leads to `target`.
  virtual int link_to(std::string_view target, const DiskName& at) = 0;
};

// Writes all of it, in as many calls as that takes; -1, and errno, where one of them fails.
int write_whole(Disk& disk, int file, std::string_view bytes, off_t offset = 0);

// Makes the folder and those above it that are missing; -1, and errno. What is there and is no
// folder: ENOTDIR.
int make_folders(Disk& disk, const std::filesystem::path& folder);

// The kernel's. It has no state.
Disk& kernel_disk();

}  // namespace slipway

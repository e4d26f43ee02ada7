// The calls that change a disk, as an interface: what must survive a crash is written through it,
// so that a test can let each call fail and then cut the power (base/faulty_disk.h).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace slipway {

// A name in an open folder.
struct DiskName {
  int folder = -1;
  std::string name;
};

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

  virtual int rename(const DiskNames& names) = 0;
  virtual int link(const DiskNames& names) = 0;
  virtual int unlink(const DiskName& at) = 0;
};

// The kernel's. It has no state.
Disk& kernel_disk();

}  // namespace slipway

#include "store/faulty_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

namespace slipway::store {
namespace {

namespace fs = std::filesystem;

// SQLite allocates this for each open file: ours, then the real one behind it.
struct FaultyFile {
  sqlite3_file base;
  FaultyDisk* disk;
  sqlite3_file* real;
  const char* path;  // SQLite keeps it while the file is open; null: a temporary file
};

FaultyFile& of(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return of(file).real; }

int failure_of_write(int error) { return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE; }

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

int read_file(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), out, bytes, offset);
}

// A write that fails may have come half way.
int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  const int error = of(file).path ? of(file).disk->before_change(of(file).path) : 0;
  if (error && !of(file).disk->has_power()) return SQLITE_IOERR_WRITE;
  const int written = error ? count / 2 : count;
  const int outcome = real(file)->pMethods->xWrite(real(file), bytes, written, offset);
  return error ? failure_of_write(error) : outcome;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (of(file).path && of(file).disk->before_change(of(file).path) != 0)
    return SQLITE_IOERR_TRUNCATE;
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync_file(sqlite3_file* file, int flags) {
  if (!of(file).path) return SQLITE_OK;
  if (of(file).disk->before_sync(of(file).path) != 0) return SQLITE_IOERR_FSYNC;
  of(file).disk->synced(of(file).path);
  return real(file)->pMethods->xSync(real(file), flags);
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int map_index(sqlite3_file* file, int page, int bytes, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, bytes, extend, out);
}
int lock_index(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void index_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_index(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

constexpr sqlite3_io_methods methods{.iVersion = 2,
                                     .xClose = close_file,
                                     .xRead = read_file,
                                     .xWrite = write_file,
                                     .xTruncate = truncate_file,
                                     .xSync = sync_file,
                                     .xFileSize = size_of_file,
                                     .xLock = lock_file,
                                     .xUnlock = unlock_file,
                                     .xCheckReservedLock = check_reserved,
                                     .xFileControl = control,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = characteristics,
                                     .xShmMap = map_index,
                                     .xShmLock = lock_index,
                                     .xShmBarrier = index_barrier,
                                     .xShmUnmap = unmap_index,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

}  // namespace

class FaultyVfs::Impl {
 public:
  explicit Impl(FaultyDisk& disk)
      : disk_(disk),
        real_(sqlite3_vfs_find(nullptr)),
        vfs_(*real_),
        name_(fmt::format("faulty-{}", static_cast<const void*>(this))) {
    vfs_.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~Impl() { sqlite3_vfs_unregister(&vfs_); }

  const std::string& name() const { return name_; }

 private:
  // Every other call goes to the kernel's way, whose own state it may want.
  static int open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags,
                  int* flags_out) {
    Impl& self = *static_cast<Impl*>(vfs->pAppData);
    std::error_code ignored;
    const bool fresh = path && !fs::exists(path, ignored);
    auto* const ours = new (file) FaultyFile{
        {nullptr},
        &self.disk_,
        reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(FaultyFile)),
        path};
    const int outcome = self.real_->xOpen(self.real_, path, ours->real, flags, flags_out);
    if (outcome != SQLITE_OK) return outcome;
    ours->base.pMethods = &methods;
    if (fresh) self.disk_.created(path);
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
    Impl& self = *static_cast<Impl*>(vfs->pAppData);
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return SQLITE_IOERR_DELETE_NOENT;
    if (self.disk_.remove(path) != 0) return SQLITE_IOERR_DELETE;
    if (sync_folder != 0) self.disk_.synced_names(fs::path(path).parent_path());
    return SQLITE_OK;
  }

  FaultyDisk& disk_;
  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  const std::string name_;
};

FaultyVfs::FaultyVfs(FaultyDisk& disk) : impl_(std::make_unique<Impl>(disk)) {}
FaultyVfs::~FaultyVfs() = default;

const std::string& FaultyVfs::name() const { return impl_->name(); }

}  // namespace slipway::store

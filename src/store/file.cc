#include "store/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "store/connection.h"

namespace slipway::store {

FileLock::FileLock(const std::filesystem::path& file) {
  const std::string path = file.string() + ".lock";
  file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file_)
    throw Failure(SQLITE_CANTOPEN,
                  fmt::format("cannot open '{}': {}; run as the owner of that directory, or choose "
                              "another with --data",
                              path, errno_text(errno)));
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
  throw Failure(SQLITE_BUSY, fmt::format("another slipway serves '{}'; stop it or choose another "
                                         "data directory with --data",
                                         file.parent_path().string()));
}

FileLock::~FileLock() { ::flock(file_.get(), LOCK_UN); }

bool is_new(const std::filesystem::path& file) {
  std::error_code error;
  for (const char* const ending : {"", "-wal", "-journal"})
    if (std::filesystem::exists(file.string() + ending, error) || error) return false;
  return true;
}

void make_in_place(const std::filesystem::path& file, Disk& disk,
                   const std::function<void(const std::filesystem::path& draft)>& make) {
  const std::filesystem::path draft = file.string() + ".new";
  if (disk.unlink(disk_name(draft)) != 0 && errno != ENOENT) throw_of_file("remove", draft);
  make(draft);
  if (disk.rename({disk_name(draft), disk_name(file)}) != 0) throw_of_file("make", file);
}

void sync_folder_of(const std::filesystem::path& file, Disk& disk) {
  const Fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || disk.sync_names(folder.get()) != 0)
    throw Failure(SQLITE_IOERR_DIR_FSYNC,
                  fmt::format("cannot sync '{}'", file.parent_path().string()));
}

void throw_of_file(std::string_view doing, const std::filesystem::path& file) {
  throw Failure(errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR,
                fmt::format("cannot {} '{}': {}", doing, file.string(), errno_text(errno)));
}

}  // namespace slipway::store

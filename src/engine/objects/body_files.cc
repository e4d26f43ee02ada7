#include "engine/objects/body_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace slipway::objects {
namespace {

constexpr std::size_t name_length = 32;

std::unexpected<Error> disk_failure(std::string_view doing, int error) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} in the objects folder: {}; check the disk that holds the data "
                          "directory",
                          doing, std::strerror(error)));
}

// Opens a folder, and makes it where it is not there yet; then `made` becomes true.
Result<File> open_folder(const std::filesystem::path& path, bool& made) {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  File folder(::open(path.c_str(), flags));
  if (folder) return folder;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return disk_failure(fmt::format("make '{}'", path.string()), errno);
  made = true;
  folder = File(::open(path.c_str(), flags));
  if (!folder) return disk_failure(fmt::format("open '{}'", path.string()), errno);
  return folder;
}

std::int64_t changed_at_ns(const struct stat& status) {
  return status.st_ctim.tv_sec * 1'000'000'000LL + status.st_ctim.tv_nsec;
}

// The file system's own notion of now, to compare its times with.
Result<std::int64_t> file_system_now_ns(const std::filesystem::path& root) {
  const std::filesystem::path mark = root / "opened";
  File file(::open(mark.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::futimens(file.fd(), nullptr) != 0) return disk_failure("make a file", errno);
  struct stat status{};
  if (::fstat(file.fd(), &status) != 0) return disk_failure("look at a file", errno);
  return changed_at_ns(status);
}

}  // namespace

BodyFiles::BodyFiles(const std::filesystem::path& root, Random& random)
    : root_(root), random_(random) {}

Result<std::unique_ptr<BodyFiles>> BodyFiles::open(const std::filesystem::path& root,
                                                   Random& random) {
  std::unique_ptr<BodyFiles> files(new BodyFiles(root, random));
  bool made = false;
  TRY(File top, open_folder(root, made));
  TRY(files->opened_at_ns_, file_system_now_ns(root));
  for (std::size_t i = 0; i < folders; ++i) {
    TRY(files->folder_fds_[i], open_folder(root / fmt::format("{:02x}", i), made));
  }
  if (made && ::fsync(top.fd()) != 0) return disk_failure("sync a folder", errno);
  return files;
}

int BodyFiles::folder_fd(std::string_view name) const {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return folder_fds_[static_cast<std::size_t>(digit(name[0]) * 16 + digit(name[1]))].fd();
}

Result<BodyFiles::Created> BodyFiles::create() {
  std::string name = make_token(random_, name_length, alphabet_hex);
  File file(::openat(folder_fd(name), name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return disk_failure("make a file", errno);
  return Created{std::move(name), std::move(file)};
}

Result<> BodyFiles::sync_folder(std::string_view name) {
  if (::fsync(folder_fd(name)) != 0) return disk_failure("sync a folder", errno);
  return {};
}

Result<File> BodyFiles::open_for_reading(std::string_view name) const {
  File file(::openat(folder_fd(name), std::string(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (file) return file;
  if (errno == ENOENT)
    return fail(ErrorCode::not_found, fmt::format("the body file '{}' is gone", name), "no_file");
  return disk_failure("open a file", errno);
}

void BodyFiles::unlink(const std::string& name) {
  if (::unlinkat(folder_fd(name), name.c_str(), 0) == 0 || errno == ENOENT) return;
  log_warning("objects", "cannot remove a body file; the next start tries again",
              {{"file", name}, {"error", std::strerror(errno)}});
}

void BodyFiles::remove_now(const DoomedBody& doomed) {
  for (const std::string& name : doomed.files) unlink(name);
  if (doomed.body == 0) return;
  const std::lock_guard lock(mutex_);
  leases_.erase(doomed.body);
}

Result<> BodyFiles::lease(std::int64_t body) {
  const std::lock_guard lock(mutex_);
  Lease& lease = leases_[body];
  if (lease.removing || !lease.doomed_files.empty())
    return fail(ErrorCode::conflict, "the object was removed meanwhile", "body_gone");
  ++lease.holders;
  return {};
}

void BodyFiles::end_lease(std::int64_t body) {
  DoomedBody doomed{body, {}};
  {
    const std::lock_guard lock(mutex_);
    Lease& lease = leases_[body];
    if (--lease.holders > 0) return;
    doomed.files = std::move(lease.doomed_files);
    lease.doomed_files.clear();
    if (doomed.files.empty()) {
      leases_.erase(body);
      return;
    }
    lease.removing = true;
  }
  reaper_.post([this, doomed = std::move(doomed)] { remove_now(doomed); });
}

void BodyFiles::remove(DoomedBody doomed) {
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
  reaper_.post([this, doomed = std::move(doomed)] { remove_now(doomed); });
}

std::vector<std::string> BodyFiles::old_names(std::size_t index) const {
  std::vector<std::string> names;
  const std::filesystem::path path = root_ / fmt::format("{:02x}", index);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return names;
  while (const dirent* entry = ::readdir(folder.get())) {
    struct stat status{};
    if (std::strlen(entry->d_name) != name_length) continue;
    if (::fstatat(folder_fds_[index].fd(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (changed_at_ns(status) < opened_at_ns_) names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace slipway::objects

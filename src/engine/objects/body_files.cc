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

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Opens a folder, and makes it where it is not there yet.
Result<File> open_folder(const std::filesystem::path& path) {
  File folder(::open(path.c_str(), folder_flags));
  if (folder) return folder;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return disk_failure(fmt::format("make '{}'", path.string()), errno);
  folder = File(::open(path.c_str(), folder_flags));
  if (!folder) return disk_failure(fmt::format("open '{}'", path.string()), errno);
  return folder;
}

std::size_t index_of(std::string_view name) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return static_cast<std::size_t>(digit(name[0]) * 16 + digit(name[1]));
}

std::int64_t changed_at_ns(const struct stat& status) {
  return status.st_ctim.tv_sec * 1'000'000'000LL + status.st_ctim.tv_nsec;
}

timespec timespec_of(ServerTime time) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  return {.tv_sec = whole.count(), .tv_nsec = std::chrono::nanoseconds(since - whole).count()};
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

// The bodies in a folder that `wanted` takes; none where it is not there.
template <typename Wanted>
std::vector<std::string> names_in(const std::filesystem::path& path, Wanted wanted) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(path.c_str()), ::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    struct stat status{};
    if (std::strlen(entry->d_name) != name_length) continue;
    if (::fstatat(::dirfd(open.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (wanted(status)) names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace

BodyFiles::BodyFiles(const std::filesystem::path& root, Random& random, Disk& disk)
    : root_(root), random_(random), disk_(disk) {
  for (auto& fd : folder_fds_) fd = -1;
}

BodyFiles::~BodyFiles() {
  for (const auto& fd : folder_fds_)
    if (fd >= 0) ::close(fd);
}

Result<std::unique_ptr<BodyFiles>> BodyFiles::open(const std::filesystem::path& root,
                                                   Random& random, Disk& disk) {
  std::unique_ptr<BodyFiles> files(new BodyFiles(root, random, disk));
  TRY_DO(files->open_folders());
  return files;
}

Result<> BodyFiles::open_folders() {
  TRY(top_, open_folder(root_));
  TRY(opened_at_ns_, file_system_now_ns(root_));
  TRY(quarantine_, open_folder(root_ / "quarantine"));
  return {};
}

std::filesystem::path BodyFiles::folder_path(std::size_t index) const {
  return root_ / fmt::format("{:02x}", index);
}

int BodyFiles::folder_fd(std::string_view name) const {
  std::atomic<int>& known = folder_fds_[index_of(name)];
  if (const int fd = known.load(); fd >= 0) return fd;
  const int fd = ::open(folder_path(index_of(name)).c_str(), folder_flags);
  int before = -1;
  if (fd < 0 || known.compare_exchange_strong(before, fd)) return fd;
  ::close(fd);  // another thread was quicker
  return before;
}

// The mark is cleared before a folder is made, so whoever finds the folder and the mark set finds
// it durable.
Result<int> BodyFiles::folder_to_write(std::string_view name) {
  const int fd = folder_fd(name);
  if (fd >= 0 && names_durable_) return fd;
  const std::lock_guard lock(making_);
  if (fd < 0) {
    names_durable_ = false;
    if (disk_.make_folder({top_.fd(), std::string(name.substr(0, 2))}) != 0 && errno != EEXIST)
      return disk_failure("make a folder", errno);
  }
  if (!names_durable_ && disk_.sync_names(top_.fd()) != 0)
    return disk_failure("sync a folder", errno);
  names_durable_ = true;
  if (const int made = folder_fd(name); made >= 0) return made;
  return disk_failure("open a folder", errno);
}

Result<BodyFiles::Created> BodyFiles::create() {
  std::string name = make_token(random_, name_length, alphabet_hex);
  TRY(const int folder, folder_to_write(name));
  File file(disk_.create({folder, name}));
  if (!file) return disk_failure("make a file", errno);
  return Created{std::move(name), std::move(file)};
}

Result<> BodyFiles::sync_folder(std::string_view name) {
  const int folder = folder_fd(name);
  if (folder < 0 || disk_.sync_names(folder) != 0) return disk_failure("sync a folder", errno);
  return {};
}

Result<std::string> BodyFiles::link(std::string_view name) {
  std::string second = make_token(random_, name_length, alphabet_hex);
  TRY(const int folder, folder_to_write(second));
  const int source = folder_fd(name);
  if (source >= 0 && disk_.link({{source, std::string(name)}, {folder, second}}) == 0)
    return second;
  if (errno == EMLINK || errno == EPERM || errno == EOPNOTSUPP || errno == EXDEV)
    return fail(ErrorCode::not_implemented, "the file system makes no second name of a file");
  return disk_failure("link a file", errno);
}

Result<File> BodyFiles::open_for_reading(std::string_view name) const {
  const int folder = folder_fd(name);
  File file(folder < 0 ? -1 : ::openat(folder, std::string(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (file) return file;
  if (errno == ENOENT)
    return fail(ErrorCode::not_found, fmt::format("the body file '{}' is gone", name), "no_file");
  return disk_failure("open a file", errno);
}

std::string BodyFiles::path(std::string_view name) const {
  return (root_ / name.substr(0, 2) / name).string();
}

bool BodyFiles::holds_any() const {
  for (std::size_t i = 0; i < folders; ++i)
    if (!names_in(folder_path(i), [](const struct stat&) { return true; }).empty()) return true;
  return false;
}

Result<BodyFiles::Facts> BodyFiles::facts(std::string_view name) const {
  struct stat status{};
  const int folder = folder_fd(name);
  if (folder >= 0 &&
      ::fstatat(folder, std::string(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
    return Facts{static_cast<std::uint64_t>(status.st_size), changed_at_ns(status)};
  if (errno == ENOENT)
    return fail(ErrorCode::not_found, fmt::format("the body file '{}' is gone", name), "no_file");
  return disk_failure("look at a file", errno);
}

void BodyFiles::note_damage(std::string_view name, std::string_view object) {
  const auto seen = facts(name);
  const std::int64_t changed_at = seen ? seen->changed_at_ns : 0;
  {
    const std::lock_guard lock(mutex_);
    const auto [known, fresh] = damaged_.try_emplace(std::string(name), changed_at);
    if (!fresh && known->second == changed_at) return;
    known->second = changed_at;
  }
  log_error("objects", "the bytes of an object are damaged",
            {{"object", std::string(object)}, {"file", std::string(name)}});
}

bool BodyFiles::is_damaged(std::string_view name, const Facts& facts) const {
  const std::lock_guard lock(mutex_);
  const auto known = damaged_.find(name);
  return known != damaged_.end() && known->second == facts.changed_at_ns;
}

void BodyFiles::unlink(const std::string& name) {
  const int folder = folder_fd(name);
  if ((folder < 0 || disk_.unlink({folder, name}) != 0) && errno != ENOENT)
    log_warning("objects", "cannot remove a body file; the next start tries again",
                {{"file", name}, {"error", std::strerror(errno)}});
  const std::lock_guard lock(mutex_);
  damaged_.erase(name);
}

// The time of change is set before the file moves: in quarantine it is always when it came there.
void BodyFiles::put_into_quarantine(const std::vector<std::string>& names, ServerTime now) {
  const timespec came = timespec_of(now);
  const timespec times[] = {came, came};
  for (const std::string& name : names) {
    const int folder = folder_fd(name);
    if (folder < 0 || ::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0 ||
        disk_.rename({{folder, name}, {quarantine_.fd(), name}}) != 0)
      log_warning("objects", "cannot put a body file into quarantine; the next start tries again",
                  {{"file", name}, {"error", std::strerror(errno)}});
  }
}

std::vector<std::string> BodyFiles::quarantined() const {
  return names_in(root_ / "quarantine", [](const struct stat&) { return true; });
}

void BodyFiles::take_out_of_quarantine(const std::string& name) {
  const auto folder = folder_to_write(name);
  if (folder && disk_.rename({{quarantine_.fd(), name}, {*folder, name}}) == 0) return;
  log_error("objects", "cannot take a body file out of quarantine",
            {{"file", name}, {"error", folder ? std::strerror(errno) : folder.error().message}});
}

void BodyFiles::empty_quarantine(ServerTime came_by) {
  const timespec last = timespec_of(came_by);
  const auto old = names_in(root_ / "quarantine", [&](const struct stat& status) {
    const timespec& came = status.st_mtim;
    return std::pair(came.tv_sec, came.tv_nsec) <= std::pair(last.tv_sec, last.tv_nsec);
  });
  for (const std::string& name : old) disk_.unlink({quarantine_.fd(), name});
}

std::vector<std::string> BodyFiles::old_names(std::size_t index) const {
  return names_in(folder_path(index),
                  [&](const struct stat& status) { return changed_at_ns(status) < opened_at_ns_; });
}

}  // namespace slipway::objects

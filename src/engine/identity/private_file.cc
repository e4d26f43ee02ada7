#include "engine/identity/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace slipway::identity {
namespace {

constexpr int drafts_max = 100;

std::unexpected<Error> system_failure(std::string_view what, const std::filesystem::path& file) {
  const int number = errno;
  const ErrorCode code = number == ENOENT                      ? ErrorCode::not_found
                         : number == EACCES || number == EPERM ? ErrorCode::permission_denied
                         : number == EEXIST                    ? ErrorCode::already_exists
                                                               : ErrorCode::unavailable;
  return fail(code, fmt::format("Cannot {} {}: {}.", what, file.string(), std::strerror(number)));
}

Result<> check_private(const struct stat& facts, const std::filesystem::path& file) {
  if (!S_ISREG(facts.st_mode) || facts.st_size > static_cast<off_t>(private_file_bytes_max))
    return fail(ErrorCode::corrupted,
                fmt::format("{} is not the small plain file that was written there; restore it, or "
                            "move it away to have a new one made.",
                            file.string()));
  if ((facts.st_mode & 077) != 0)
    return fail(
        ErrorCode::permission_denied,
        fmt::format("{} can be read by others; run `chmod 600 {}` (and consider the keys in "
                    "it known).",
                    file.string(), file.string()));
  return {};
}

// Without it the name may be gone after a power cut, and with it the key that answers relied on.
Result<> sync_folder(const std::filesystem::path& folder, Disk& disk) {
  const Fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || disk.sync_names(handle.get()) != 0) return system_failure("sync", folder);
  return {};
}

// The first name beside `file` that is free: what a process that died has left is not touched, as
// it may be another's that lives.
Result<DiskName> write_draft(const std::filesystem::path& file, std::string_view bytes,
                             Disk& disk) {
  for (int number = 1;; ++number) {
    DiskName draft = disk_name(fmt::format("{}.{}.new", file.string(), number));
    const Fd out(disk.create(draft));
    if (!out && errno == EEXIST && number < drafts_max) continue;
    if (!out) return system_failure("create", file);
    if (write_whole(disk, out.get(), bytes) == 0 && disk.sync_bytes(out.get()) == 0) return draft;
    const auto failure = system_failure("write", file);
    disk.unlink(draft);
    return failure;
  }
}

}  // namespace

Result<std::string> read_private_file(const std::filesystem::path& file) {
  const Fd in(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!in) return system_failure("read", file);
  struct stat facts{};
  if (::fstat(in.get(), &facts) != 0) return system_failure("read", file);
  TRY_DO(check_private(facts, file));
  std::string bytes(private_file_bytes_max, '\0');
  const ssize_t got = ::read(in.get(), bytes.data(), bytes.size());
  if (got < 0) return system_failure("read", file);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<> create_private_file(const std::filesystem::path& file, std::string_view bytes,
                             Disk& disk) {
  TRY(const DiskName draft, write_draft(file, bytes, disk));
  // A link and not a rename: of two servers that start at once, the second must not replace.
  Result<> made;
  if (disk.link({draft, disk_name(file)}) != 0) made = system_failure("create", file);
  disk.unlink(draft);
  TRY_DO(made);
  made = sync_folder(file.parent_path(), disk);
  if (!made) disk.unlink(disk_name(file));
  return made;
}

Result<std::string> keep_private_file(const std::filesystem::path& file,
                                      const std::function<std::string()>& make, Disk& disk) {
  auto bytes = read_private_file(file);
  if (!bytes && bytes.error().code == ErrorCode::not_found) {
    const Result<> made = create_private_file(file, make(), disk);
    if (made) return read_private_file(file);
    if (made.error().code != ErrorCode::already_exists) return std::unexpected(made.error());
    bytes = read_private_file(file);
  }
  if (bytes) TRY_DO(sync_folder(file.parent_path(), disk));
  return bytes;
}

Result<> check_owner(const std::filesystem::path& folder) {
  struct stat facts{};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &facts) != 0 || facts.st_uid == 0) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("{0} belongs to user {1}, who could not use what root makes in it. Run "
                          "this as that user (sudo -u '#{1}' ...), name another --data, or give "
                          "the folder to root for good (chown -R root: {0}).",
                          folder.string(), facts.st_uid));
}

}  // namespace slipway::identity

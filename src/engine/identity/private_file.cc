#include "engine/identity/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/fd.h"

namespace slipway::identity {
namespace {

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

Result<> write_all(int fd, std::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure("write", file);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return system_failure("write", file);
  return {};
}

// Without it the name may be gone after a power cut, and with it the key that answers relied on.
Result<> sync_folder(const std::filesystem::path& folder) {
  const Fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ::fsync(handle.get()) != 0) return system_failure("sync", folder);
  return {};
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

Result<> create_private_file(const std::filesystem::path& file, std::string_view bytes) {
  std::string draft = file.string() + ".XXXXXX";
  const Fd out(::mkostemp(draft.data(), O_CLOEXEC));  // 0600
  if (!out) return system_failure("create", file);
  Result<> made = write_all(out.get(), bytes, file);
  // A link and not a rename: of two servers that start at once, the second must not replace.
  if (made && ::link(draft.c_str(), file.c_str()) != 0) made = system_failure("create", file);
  ::unlink(draft.c_str());
  if (made) made = sync_folder(file.parent_path());
  return made;
}

}  // namespace slipway::identity

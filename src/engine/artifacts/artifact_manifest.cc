#include "engine/artifacts/artifact_manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "base/encoding.h"
#include "base/fd.h"
#include "wire/auth/crc.h"

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t read_bytes = 1 << 20;
constexpr std::string_view heading = "slipway artifact 1\n";
constexpr std::string_view compiled_python = "__pycache__";

std::unexpected<Error> cannot(std::string_view what, const fs::path& path) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} '{}': {}", what, path.string(), errno_text(errno)));
}

std::unexpected<Error> stopped() {
  return fail(ErrorCode::unavailable, "The server stops, and its artifacts wait for the next.");
}

Result<std::uint32_t> sum_of(int file, const fs::path& path, const std::stop_token& stop) {
  std::vector<char> block(read_bytes);
  std::uint32_t sum = 0;
  for (;;) {
    if (stop.stop_requested()) return stopped();
    const ssize_t got = ::read(file, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", path);
    if (got == 0) return sum;
    sum = wire::crc32c({block.data(), static_cast<std::size_t>(got)}, sum);
  }
}

// One line for each entry, by path; the sum of a file is asked of `sum`. Folders count by what is
// in them.
template <typename Sum>
Result<std::map<std::string, std::string>> describe(const fs::path& directory, Listed listed,
                                                    const std::stop_token& stop, Sum sum) {
  std::map<std::string, std::string> lines;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    if (stop.stop_requested()) return stopped();
    const fs::path& path = it->path();
    if (listed == Listed::sources && path.filename() == compiled_python) {
      it.disable_recursion_pending();
      continue;
    }
    const std::string name = path.lexically_relative(directory).string();
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0) return cannot("look at", path);
    if (S_ISLNK(facts.st_mode)) lines[name] = "link " + fs::read_symlink(path, error).string();
    if (!S_ISREG(facts.st_mode)) continue;
    TRY(const std::string summed, sum(path));
    const std::int64_t changed = facts.st_mtim.tv_sec * 1'000'000'000LL + facts.st_mtim.tv_nsec;
    lines[name] = fmt::format("file {} {} {}", facts.st_size, changed, summed);
  }
  if (error)
    return fail(ErrorCode::unavailable,
                fmt::format("cannot list '{}': {}", directory.string(), error.message()));
  return lines;
}

Result<std::string> sum_of_file(const fs::path& path, const std::stop_token& stop) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return cannot("open", path);
  TRY(const std::uint32_t sum, sum_of(file.get(), path, stop));
  return fmt::format("{:08x}", sum);
}

// Paths may hold anything but NUL, so they stand in hex; a link's target, too.
std::string text_of(const std::map<std::string, std::string>& lines) {
  std::string text(heading);
  for (const auto& [path, line] : lines) text += fmt::format("{} {}\n", to_hex(path), to_hex(line));
  return text + fmt::format("end {:08x}\n", wire::crc32c(text));
}

Result<> write_durably(const fs::path& file, std::string_view text, Disk& disk) {
  const DiskName fresh = disk_name(file.string() + ".new");
  disk.unlink(fresh);
  const Fd out(disk.create(fresh));
  if (!out || write_whole(disk, out.get(), text) != 0) return cannot("write", fresh.name);
  if (disk.sync_bytes(out.get()) != 0) return cannot("sync", fresh.name);
  if (disk.rename({fresh, disk_name(file)}) != 0) return cannot("name", file);
  return {};
}

// The lines of a manifest; nothing where there is none that is whole.
std::optional<std::map<std::string, std::string>> read_lines(const fs::path& manifest) {
  std::ifstream in(manifest, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t end = text.rfind("end ");
  if (!text.starts_with(heading) || end == text.npos ||
      text.substr(end) != fmt::format("end {:08x}\n", wire::crc32c(text.substr(0, end))))
    return std::nullopt;
  std::map<std::string, std::string> lines;
  std::string_view rest = std::string_view(text).substr(0, end);
  rest.remove_prefix(heading.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const std::size_t space = line.find(' ');
    auto path = from_hex(line.substr(0, space));
    auto facts = from_hex(line.substr(space + 1));
    if (!path || !facts) return std::nullopt;
    lines[*std::move(path)] = *std::move(facts);
  }
  return lines;
}

std::string_view without_sum(std::string_view line) {
  return line.starts_with("file ") ? line.substr(0, line.rfind(' ')) : line;
}

}  // namespace

// One sync for all of it: a sync for each of ten thousand files takes the disk minutes.
Result<> seal_directory(const fs::path& directory, const fs::path& manifest, Listed listed,
                        const DirectoryDisk& on, const std::stop_token& stop) {
  const auto sum = [&](const fs::path& path) { return sum_of_file(path, stop); };
  TRY(const auto lines, describe(directory, listed, stop, sum));
  if (on.disk.sync_all(on.opened) != 0) return cannot("sync", directory);
  return write_durably(manifest, text_of(lines), on.disk);
}

std::string difference(const fs::path& directory, const fs::path& manifest, Listed listed,
                       Scrutiny scrutiny, const std::stop_token& stop) {
  const auto wanted = read_lines(manifest);
  if (!wanted) return "there is no list of its files";
  const bool bytes = scrutiny == Scrutiny::bytes;
  const auto sum = [&](const fs::path& path) -> Result<std::string> {
    if (!bytes) return "";
    return sum_of_file(path, stop);
  };
  const auto found = describe(directory, listed, stop, sum);
  if (!found) return found.error().message;
  for (const auto& [path, line] : *wanted) {
    const auto there = found->find(path);
    if (there == found->end()) return fmt::format("'{}' is missing", path);
    const bool same =
        bytes ? there->second == line : without_sum(there->second) == without_sum(line);
    if (!same) return fmt::format("'{}' was changed", path);
  }
  if (found->size() != wanted->size()) return "it holds files that were not there";
  return {};
}

}  // namespace slipway::artifacts

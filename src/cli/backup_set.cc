#include "cli/backup_set.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/fd.h"
#include "cli/command.h"
#include "wire/auth/crc.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

// A disk with less than this free is full: the block that was asked for did not fit.
constexpr std::uint64_t nearly_nothing = 1 << 20;
constexpr std::string_view manifest_file = "MANIFEST";
constexpr std::string_view heading = "slipway backup 1\n";

std::string end_line(std::string_view text) {
  return fmt::format("end {:016x}\n", wire::crc64nvme(text));
}

std::unexpected<Error> no_whole_manifest(const fs::path& folder) {
  return fail(ErrorCode::corrupted,
              fmt::format("{} is damaged; the backup cannot be trusted. Take another one.",
                          (folder / manifest_file).string()));
}

bool is_within(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

// The folder, or the one above it that it will be made in.
fs::path existing(fs::path folder) {
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

// Of the disk that the folder is on, or will be; nothing where that cannot be told.
std::optional<std::uint64_t> free_bytes(const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(existing(folder), error);
  return error ? std::nullopt : std::optional<std::uint64_t>(space.available);
}

// Cuts the text up to the next `end` off.
std::string_view take(std::string_view& text, char end) {
  const std::string_view front = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), front.size() + 1));
  return front;
}

}  // namespace

Result<BackupFile> sum_up(const fs::path& folder, const std::string& path,
                          const objects::StoredFile& stored) {
  const objects::FileVerdict verdict = objects::examine((folder / path).string(), stored);
  using Kind = objects::FileVerdict::Kind;
  if (verdict.kind != Kind::sound)
    return fail(
        ErrorCode::corrupted,
        fmt::format("{} is {}", path, verdict.kind == Kind::missing ? "missing" : "damaged"));
  return BackupFile{path, stored.bytes, fmt::format("{:016x}", wire::crc64nvme(verdict.sums))};
}

Result<BackupFile> sum_up(const fs::path& folder, const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(folder / path, error);
  if (error) return fail(ErrorCode::corrupted, fmt::format("{} is missing", path));
  return sum_up(folder, path, {.bytes = bytes});
}

Result<> write_manifest(const fs::path& folder, const BackupSet& set) {
  std::string text(heading);
  text += fmt::format("made {}\n", set.made);
  for (const BackupFile& file : set.files)
    text += fmt::format("file {} {} {}\n", file.sum, file.bytes, file.path);
  text += end_line(text);
  TRY_DO(sync_all(folder));
  const fs::path fresh = folder / "MANIFEST.new";
  std::ofstream out(fresh, std::ios::binary);
  out << text;
  out.close();
  TRY_DO(sync_all(folder));
  std::error_code error;
  if (out) fs::rename(fresh, folder / manifest_file, error);
  if (!out || error)
    return fail(ErrorCode::unavailable,
                fmt::format("cannot write {}", (folder / manifest_file).string()));
  return sync_all(folder);
}

Result<BackupSet> read_manifest(const fs::path& folder) {
  std::ifstream in(folder / manifest_file, std::ios::binary);
  if (!in)
    return fail(ErrorCode::not_found, fmt::format("{} is no whole backup: it has no {}.",
                                                  folder.string(), manifest_file));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t end = text.rfind("end ");
  if (!text.starts_with(heading) || end == text.npos ||
      text.substr(end) != end_line(text.substr(0, end)))
    return no_whole_manifest(folder);
  BackupSet set;
  std::string_view rest = std::string_view(text).substr(0, end);
  rest.remove_prefix(heading.size());
  while (!rest.empty()) {
    std::string_view line = take(rest, '\n');
    const std::string_view word = take(line, ' ');
    if (word == "made") set.made = line;
    if (word != "file") continue;
    BackupFile file;
    file.sum = take(line, ' ');
    const std::string_view bytes = take(line, ' ');
    std::from_chars(bytes.data(), bytes.data() + bytes.size(), file.bytes);
    file.path = line;
    // The list is trusted no further than its own sum: no path of it leads out of the folder.
    const fs::path path = fs::path(file.path).lexically_normal();
    if (path.empty() || path.is_absolute() || *path.begin() == "..")
      return no_whole_manifest(folder);
    set.files.push_back(std::move(file));
  }
  return set;
}

Result<> verify(const fs::path& folder, const BackupSet& set) {
  for (const BackupFile& file : set.files) {
    const auto found = sum_up(folder, file.path);
    if (found && found->bytes == file.bytes && found->sum == file.sum) continue;
    return fail(ErrorCode::corrupted,
                fmt::format("{} of the backup {} is damaged or gone. Nothing was restored.",
                            file.path, folder.string()));
  }
  return {};
}

Result<> check_apart(const fs::path& data, const fs::path& backup) {
  std::error_code error;
  const fs::path real_data = fs::weakly_canonical(data, error);
  const fs::path real_backup = fs::weakly_canonical(backup, error);
  if (!is_within(real_data, real_backup) && !is_within(real_backup, real_data)) return {};
  return misuse(
      fmt::format("The backup {} and the data directory {} lie in one another; name a folder "
                  "outside, best on another disk.",
                  real_backup.string(), real_data.string()));
}

bool share_disk(const fs::path& one, const fs::path& other) {
  struct stat of_one{}, of_other{};
  return ::stat(existing(one).c_str(), &of_one) == 0 &&
         ::stat(existing(other).c_str(), &of_other) == 0 && of_one.st_dev == of_other.st_dev;
}

Result<> check_room(const fs::path& folder, std::uint64_t bytes) {
  const auto free = free_bytes(folder);
  if (!free || *free >= bytes) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("{} needs about {}, and the disk that it is on has {} free.",
                          folder.string(), size_text(bytes), size_text(*free)),
              "disk_full");
}

Error blame_disk(Error error, const fs::path& folder, std::uint64_t bytes) {
  const auto free = free_bytes(folder);
  if (!free || *free >= nearly_nothing) return error;
  return {ErrorCode::unavailable,
          fmt::format("No space is left on the disk of {}, which needs about {} ({}).",
                      folder.string(), size_text(bytes), error.message),
          "disk_full"};
}

Result<> place_file(const fs::path& from, const fs::path& to, Placing placing) {
  if (placing == Placing::link && ::link(from.c_str(), to.c_str()) == 0) return {};
  std::error_code error;
  fs::copy_file(from, to, error);
  if (!error) return {};
  return fail(
      error == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::unavailable,
      fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), error.message()));
}

Result<> sync_all(const fs::path& folder) {
  const Fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle && ::syncfs(handle.get()) == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("cannot sync {}: {}", folder.string(), errno_text(errno)));
}

}  // namespace slipway::cli

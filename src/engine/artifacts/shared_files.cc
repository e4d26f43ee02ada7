#include "engine/artifacts/shared_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/disk.h"
#include "base/encoding.h"
#include "base/fd.h"
#include "wire/auth/hmac.h"

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr const char* half_made = ".new";
constexpr const char* on_its_way = ".slipway-link";
constexpr const char* executable = ".x";
constexpr mode_t read_by_all = 0444;
constexpr mode_t run_by_all = 0555;
constexpr std::size_t chunk_bytes = 64 << 10;
// A copy lies beside what it is made of for a moment: then this is the most of the free room that
// it takes, as a divisor.
constexpr std::uint64_t free_room_part = 4;

using Chunk = std::array<char, chunk_bytes>;
std::unique_ptr<Chunk> make_chunk() { return std::make_unique_for_overwrite<Chunk>(); }

Fd open_to_read(const fs::path& file) {
  return Fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

// A full chunk, or what is left; nothing where it cannot be read.
std::optional<std::string_view> read_chunk(const Fd& file, Chunk& chunk) {
  std::size_t filled = 0;
  while (filled < chunk.size()) {
    const ssize_t got = ::read(file.get(), chunk.data() + filled, chunk.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return std::string_view(chunk.data(), filled);
}

bool have_same_bytes(const fs::path& one, const fs::path& other, const std::stop_token& stop) {
  const Fd first = open_to_read(one);
  const Fd second = open_to_read(other);
  if (!first || !second) return false;
  const auto left = make_chunk();
  const auto right = make_chunk();
  while (!stop.stop_requested()) {
    const auto bytes = read_chunk(first, *left);
    if (!bytes || read_chunk(second, *right) != bytes) return false;
    if (bytes->size() < chunk_bytes) return true;
  }
  return false;
}

// The digest of a file's bytes, which are written into `copy` as they are read, where that is open.
std::optional<std::string> digest_of(const fs::path& path, const Fd& copy,
                                     const std::stop_token& stop) {
  const Fd file = open_to_read(path);
  if (!file) return std::nullopt;
  const auto chunk = make_chunk();
  wire::Sha256 digest;
  off_t at = 0;
  while (!stop.stop_requested()) {
    const auto bytes = read_chunk(file, *chunk);
    if (!bytes || (copy && write_whole(kernel_disk(), copy.get(), *bytes, at) != 0))
      return std::nullopt;
    at += static_cast<off_t>(bytes->size());
    digest.update(*bytes);
    if (bytes->size() < chunk_bytes) {
      const auto sum = digest.finish();
      return to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()});
    }
  }
  return std::nullopt;
}

bool has_room_for_copy(const fs::path& folder, std::uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  return !error && bytes <= space.available / free_room_part;
}

bool put_link(const fs::path& shared, const fs::path& file) {
  const fs::path fresh = file.string() + on_its_way;
  std::error_code error;
  fs::create_hard_link(shared, fresh, error);
  if (error) return false;
  fs::rename(fresh, file, error);
  if (!error) return true;
  fs::remove(fresh, error);
  return false;
}

bool is_of_python(const fs::path& file) {
  return file.extension() == ".py" || file.extension() == ".pyc";
}

// Those that may be shared, with their sizes and whether they are run.
std::vector<std::pair<fs::path, struct stat>> files_of(const fs::path& draft) {
  std::vector<std::pair<fs::path, struct stat>> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(draft, error), end; !error && it != end;
       it.increment(error)) {
    struct stat facts{};
    if (is_of_python(it->path()) || ::lstat(it->path().c_str(), &facts) != 0) continue;
    const bool is_large = static_cast<std::uint64_t>(facts.st_size) >= shared_file_bytes_min;
    if (S_ISREG(facts.st_mode) && is_large) files.emplace_back(it->path(), facts);
  }
  return files;
}

}  // namespace

SharedFiles::SharedFiles(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (entry.path().extension() == half_made) fs::remove(entry.path(), error);
}

// Whether there is a file of that name now, with the bytes of `file`: its name is that of the bytes
// that were really copied. What is there and has others is damaged, and gives way.
bool SharedFiles::put(const fs::path& shared, const fs::path& file, const std::stop_token& stop) {
  const fs::path fresh = fmt::format("{}.{}{}", shared.string(), ++copies_, half_made);
  const mode_t mode = shared.extension() == executable ? run_by_all : read_by_all;
  std::error_code error;
  const Fd copy(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!copy) return false;
  const bool is_whole =
      ::fchmod(copy.get(), mode) == 0 && digest_of(file, copy, stop) == shared.stem().string();
  if (is_whole) fs::rename(fresh, shared, error);
  if (is_whole && !error) return true;
  fs::remove(fresh, error);
  return false;
}

std::uint64_t SharedFiles::share(const fs::path& draft, const std::stop_token& stop) {
  std::uint64_t bytes_shared = 0;
  std::error_code error;
  fs::create_directories(folder_, error);
  for (const auto& [file, facts] : files_of(draft)) {
    if (stop.stop_requested()) break;
    const auto digest = digest_of(file, Fd(), stop);
    if (!digest) continue;
    const bool is_run = (facts.st_mode & S_IXUSR) != 0;
    const fs::path shared = folder_ / (*digest + (is_run ? executable : ""));
    const auto bytes = static_cast<std::uint64_t>(facts.st_size);
    const bool is_known = have_same_bytes(shared, file, stop);
    if (!is_known && (!has_room_for_copy(folder_, bytes) || !put(shared, file, stop))) continue;
    if (put_link(shared, file) && is_known) bytes_shared += bytes;
  }
  return bytes_shared;
}

void SharedFiles::collect() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == half_made) continue;  // another thread is at it
    if (fs::hard_link_count(entry.path(), error) == 1 && !error) fs::remove(entry.path(), error);
  }
}

}  // namespace slipway::artifacts

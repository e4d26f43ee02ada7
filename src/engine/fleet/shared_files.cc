#include "engine/fleet/shared_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <system_error>

#include "base/fd.h"

namespace slipway::fleet {

namespace fs = std::filesystem;

namespace {

constexpr const char* on_its_way = ".slipway-link";
constexpr std::size_t chunk_bytes = 64 << 10;

ssize_t read_chunk(const Fd& file, std::array<char, chunk_bytes>& chunk) {
  std::size_t filled = 0;
  while (filled < chunk.size()) {
    const ssize_t got = ::read(file.get(), chunk.data() + filled, chunk.size() - filled);
    if (got < 0) return -1;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(filled);
}

bool have_same_bytes(const fs::path& one, const fs::path& other) {
  const Fd first(::open(one.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const Fd second(::open(other.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!first || !second) return false;
  static thread_local std::array<char, chunk_bytes> left;
  static thread_local std::array<char, chunk_bytes> right;
  for (;;) {
    const ssize_t got = read_chunk(first, left);
    if (got < 0 || read_chunk(second, right) != got) return false;
    const auto bytes = static_cast<std::size_t>(got);
    if (std::string_view(left.data(), bytes) != std::string_view(right.data(), bytes)) return false;
    if (bytes < left.size()) return true;
  }
}

// A folder of a sealed tree may be a link, for an interpreter's even out of it: what is found by
// way of one is not the tree's.
bool is_the_trees_own(const fs::path& file) {
  std::error_code error;
  return fs::canonical(file.parent_path(), error) == file.parent_path() && !error;
}

bool may_stand_for(const fs::path& candidate, const struct stat& wanted, const fs::path& file) {
  struct stat facts{};
  return ::lstat(candidate.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
         facts.st_size == wanted.st_size && facts.st_uid == wanted.st_uid &&
         facts.st_ino != wanted.st_ino && (facts.st_mode & S_IXUSR) == (wanted.st_mode & S_IXUSR) &&
         is_the_trees_own(candidate) && have_same_bytes(candidate, file);
}

bool put_link(const fs::path& candidate, const fs::path& file) {
  const fs::path fresh = file.string() + on_its_way;
  std::error_code error;
  fs::create_hard_link(candidate, fresh, error);
  if (error) return false;
  fs::rename(fresh, file, error);
  if (!error) return true;
  fs::remove(fresh, error);
  return false;
}

bool is_of_python(const fs::path& file) {
  return file.extension() == ".py" || file.extension() == ".pyc";
}

}  // namespace

std::uint64_t share_files(const fs::path& draft, const std::vector<fs::path>& sealed,
                          const std::stop_token& stop) {
  std::uint64_t shared = 0;
  std::error_code error;
  std::vector<fs::path> trees;
  for (const fs::path& tree : sealed)
    if (fs::path real = fs::canonical(tree, error); !error) trees.push_back(std::move(real));
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator it(draft, error), end; !error && it != end;
       it.increment(error))
    if (!is_of_python(it->path())) files.push_back(it->path());
  for (const fs::path& file : files) {
    struct stat facts{};
    if (stop.stop_requested()) break;
    if (::lstat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    const auto bytes = static_cast<std::uint64_t>(facts.st_size);
    if (bytes < shared_file_bytes_min) continue;
    for (const fs::path& tree : trees) {
      const fs::path candidate = tree / file.lexically_relative(draft);
      if (!may_stand_for(candidate, facts, file) || !put_link(candidate, file)) continue;
      shared += bytes;
      break;
    }
  }
  return shared;
}

}  // namespace slipway::fleet

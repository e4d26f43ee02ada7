#include "engine/artifacts/left_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/fd.h"

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t depth_max = 128;

std::unexpected<Error> refuse(const fs::path& name, std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("It holds '{}', which {}.", name.string(), why));
}

std::unexpected<Error> cannot(std::string_view what, const fs::path& path) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} '{}': {}", what, path.string(), errno_text(errno)));
}

bool is_interpreter(const fs::path& name) {
  return name.parent_path() == "bin" && name.filename().native().starts_with("python");
}

// Going up leads where it seems to from the link's own folder alone: behind a name, which may be
// another link, nobody knows what is above.
bool goes_up_behind_a_name(const fs::path& target) {
  const auto first_name = std::ranges::find_if(
      target, [](const fs::path& part) { return part != ".." && part != "."; });
  return std::any_of(first_name, target.end(), [](const fs::path& part) { return part == ".."; });
}

Result<> check_link(const fs::path& path, const fs::path& name) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  if (error) return refuse(name, "cannot be read");
  const fs::path reached = (name.parent_path() / target).lexically_normal();
  const bool leads_out =
      target.is_absolute() || *reached.begin() == ".." || goes_up_behind_a_name(target);
  if (leads_out && !is_interpreter(name)) return refuse(name, "is a link that leads out of it");
  return {};
}

Result<> take_from(std::uint64_t& bytes_left, off_t bytes) {
  if (static_cast<std::uint64_t>(bytes) > bytes_left)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Its files have more than {} GiB.", left_tree_bytes_max >> 30));
  bytes_left -= static_cast<std::uint64_t>(bytes);
  return {};
}

// Its owner may have closed a folder even to himself. `bytes_left`: how much files may have yet.
Result<> take_over(const fs::path& tree, const fs::path& name, std::size_t depth,
                   std::uint64_t& bytes_left) {
  const fs::path path = name.empty() ? tree : tree / name;
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return cannot("look at", path);
  if (name.empty() && !S_ISDIR(facts.st_mode)) return refuse(tree.filename(), "is no folder");
  if (facts.st_uid != ::geteuid() && ::lchown(path.c_str(), ::geteuid(), ::getegid()) != 0)
    return cannot("take over", path);
  if (S_ISLNK(facts.st_mode)) return check_link(path, name);
  if (S_ISREG(facts.st_mode)) return take_from(bytes_left, facts.st_size);
  if (!S_ISDIR(facts.st_mode)) return refuse(name, "is no file");
  if (depth > depth_max) return refuse(name, "lies too deep");
  if (::chmod(path.c_str(), S_IRWXU) != 0) return cannot("open", path);
  std::error_code error;
  std::vector<fs::path> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    names.push_back(name / it->path().filename());
  if (error) return refuse(name, "cannot be listed");
  for (const fs::path& inside : names) TRY_DO(take_over(tree, inside, depth + 1, bytes_left));
  return {};
}

}  // namespace

Result<> take_over_tree(const fs::path& tree) {
  std::uint64_t bytes_left = left_tree_bytes_max;
  return take_over(tree, {}, 0, bytes_left);
}

}  // namespace slipway::artifacts

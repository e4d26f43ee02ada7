#include "engine/artifacts/left_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

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

Result<> check_link(const fs::path& path, const fs::path& name) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  if (error) return refuse(name, "cannot be read");
  const fs::path reached = (name.parent_path() / target).lexically_normal();
  const bool leads_out = target.is_absolute() || *reached.begin() == "..";
  if (leads_out && !is_interpreter(name)) return refuse(name, "is a link that leads out of it");
  return {};
}

// Its owner may have closed a folder even to himself.
Result<> take_over(const fs::path& tree, const fs::path& name, std::size_t depth) {
  const fs::path path = name.empty() ? tree : tree / name;
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return cannot("look at", path);
  if (name.empty() && !S_ISDIR(facts.st_mode)) return refuse(tree.filename(), "is no folder");
  if (facts.st_uid != ::geteuid() && ::lchown(path.c_str(), ::geteuid(), ::getegid()) != 0)
    return cannot("take over", path);
  if (S_ISLNK(facts.st_mode)) return check_link(path, name);
  if (S_ISREG(facts.st_mode)) return {};
  if (!S_ISDIR(facts.st_mode)) return refuse(name, "is no file");
  if (depth > depth_max) return refuse(name, "lies too deep");
  if (::chmod(path.c_str(), S_IRWXU) != 0) return cannot("open", path);
  std::error_code error;
  std::vector<fs::path> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    names.push_back(name / it->path().filename());
  if (error) return refuse(name, "cannot be listed");
  for (const fs::path& inside : names) TRY_DO(take_over(tree, inside, depth + 1));
  return {};
}

}  // namespace

Result<> take_over_tree(const fs::path& tree) { return take_over(tree, {}, 0); }

}  // namespace slipway::artifacts

#include "engine/residency/model_folders.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/artifacts/read_only.h"

namespace slipway::residency {

namespace fs = std::filesystem;

namespace {

constexpr const char* half_made = ".new";
constexpr const char* removed_now = ".gone";

std::unexpected<Error> cannot(std::string_view what, const fs::path& path,
                              const std::error_code& why) {
  if (why == std::errc::no_such_file_or_directory)
    return fail(ErrorCode::not_found, fmt::format("{} went meanwhile", path.string()));
  log_error("residency", "a model cannot be shown to its instance",
            {{"act", std::string(what)}, {"path", path.string()}, {"why", why.message()}});
  return fail(ErrorCode::unavailable,
              fmt::format("The model cannot be shown to its instance: {}.", why.message()));
}

// Whether a link that stands in the tree as `name` leads to something in the tree, as all do that
// were unpacked.
bool stays_inside(const fs::path& target, const fs::path& name) {
  if (target.is_absolute()) return false;
  const fs::path leads = (name.parent_path() / target).lexically_normal();
  return !leads.empty() && *leads.begin() != "..";
}

Result<> link_entry(const fs::directory_entry& entry, const fs::path& name, const fs::path& to) {
  std::error_code error;
  const fs::file_status status = entry.symlink_status(error);
  if (!error && fs::is_symlink(status)) {
    const fs::path target = fs::read_symlink(entry.path(), error);
    if (!error && !stays_inside(target, name))
      return fail(ErrorCode::invalid_argument,
                  fmt::format("The link {} of the model leads out of it.", name.string()));
    if (!error) fs::create_symlink(target, to, error);
  } else if (!error && fs::is_directory(status)) {
    fs::create_directory(to, error);
  } else if (!error) {
    fs::create_hard_link(entry.path(), to, error);
  }
  if (error) return cannot("link", entry.path(), error);
  return {};
}

// Tells a directory from a later one of the same name; 0: there is none.
ino_t number_of(const fs::path& directory) {
  struct stat facts{};
  return ::stat(directory.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

// The directories are made anew, as read-only as the files are. A tree that is being removed loses
// its name first: where it still has that in the end, it was linked whole.
Result<> link_tree(const fs::path& from, const fs::path& to) {
  constexpr auto enter = fs::perms::owner_read | fs::perms::owner_exec | fs::perms::group_read |
                         fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec;
  const ino_t began_as = number_of(from);
  std::error_code error;
  std::vector<fs::path> folders{to};
  if (!fs::create_directory(to, error) && error) return cannot("make", to, error);
  fs::recursive_directory_iterator it(from, error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    const fs::path name = it->path().lexically_relative(from);
    TRY_DO(link_entry(*it, name, to / name));
    if (it->is_directory(error) && !it->is_symlink(error)) folders.push_back(to / name);
  }
  for (const fs::path& folder : folders)
    if (!error) fs::permissions(folder, enter, error);
  if (!error && number_of(from) != began_as)
    error = std::make_error_code(std::errc::no_such_file_or_directory);
  if (error) return cannot("list", from, error);
  return {};
}

// At once, so that nobody finds a half of it.
void remove_at_once(const fs::path& tree) {
  const fs::path doomed = tree.string() + removed_now;
  std::error_code error;
  artifacts::remove_tree(doomed);
  fs::rename(tree, doomed, error);
  if (!error) artifacts::remove_tree(doomed);
}

}  // namespace

ModelFolders::ModelFolders(fs::path root, WorkerPool& pool) : root_(std::move(root)), pool_(pool) {
  std::error_code error;
  fs::create_directories(root_, error);
  for (const auto& entry : fs::directory_iterator(root_, error))
    former_.insert(entry.path().filename());
}

fs::path ModelFolders::folder_of(const place::InstanceKey& instance) const {
  return root_ / instance.file_name();
}

Result<fs::path> ModelFolders::make(const place::InstanceKey& instance) {
  const fs::path folder = folder_of(instance);
  const std::lock_guard lock(mutex_);
  former_.erase(instance.file_name());
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return fail(ErrorCode::unavailable,
                fmt::format("The folder {} cannot be made: {}.", folder.string(),
                            std::generic_category().message(errno)));
  return folder;
}

bool ModelFolders::has(const place::InstanceKey& instance) const {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(folder_of(instance), error));
}

Result<fs::path> ModelFolders::put(const place::InstanceKey& instance, const std::string& model,
                                   const fs::path& artifact) {
  const fs::path there = folder_of(instance) / model;
  const fs::path draft = there.string() + half_made;
  artifacts::remove_tree(draft);
  auto made = link_tree(artifact, draft);
  std::error_code error;
  if (made) {
    remove_at_once(there);
    fs::rename(draft, there, error);
  }
  if (made && error) made = cannot("name", there, error);
  if (made) return there;
  artifacts::remove_tree(draft);
  return std::unexpected(std::move(made.error()));
}

void ModelFolders::take_away(const place::InstanceKey& instance, const std::string& model) {
  remove_at_once(folder_of(instance) / model);
}

void ModelFolders::observe(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  switch (observation.kind) {
    case Kind::preparing:
    case Kind::started:
    case Kind::printed:
    case Kind::over_memory: break;
    case Kind::adopted: {
      const std::lock_guard lock(mutex_);
      former_.erase(observation.key.file_name());
      break;
    }
    case Kind::start_failed:
    case Kind::exited:
      pool_.post([folder = folder_of(observation.key)] { remove_at_once(folder); });
      break;
    case Kind::adoption_done: pool_.post([this] { remove_former(); }); break;
  }
}

// Under the lock they lose their names, so that make() does not find one that goes.
void ModelFolders::remove_former() {
  std::set<std::string> former;
  {
    const std::lock_guard lock(mutex_);
    former.swap(former_);
    std::error_code ignored;
    for (const std::string& name : former)
      fs::rename(root_ / name, root_ / (name + removed_now), ignored);
  }
  for (const std::string& name : former) artifacts::remove_tree(root_ / (name + removed_now));
}

}  // namespace slipway::residency

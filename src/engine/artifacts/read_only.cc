#include "engine/artifacts/read_only.h"

#include <system_error>

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr auto all_read = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
constexpr auto all_execute = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(path, error));
}

}  // namespace

void make_read_only(const fs::path& tree) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(tree, error), end; !error && it != end;
       it.increment(error)) {
    const fs::file_status status = it->symlink_status(error);
    const bool executed = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
    if (fs::is_directory(status) || (fs::is_regular_file(status) && executed))
      fs::permissions(it->path(), all_read | all_execute, error);
    else if (fs::is_regular_file(status))
      fs::permissions(it->path(), all_read, error);
  }
  fs::permissions(tree, all_read | all_execute, error);
}

// What is removed from a directory asks for the directory to be writable.
void remove_tree(const fs::path& tree) {
  std::error_code error;
  if (is_folder(tree)) fs::permissions(tree, fs::perms::owner_all, error);
  for (fs::recursive_directory_iterator it(tree, error), end; !error && it != end;
       it.increment(error))
    if (is_folder(it->path())) fs::permissions(it->path(), fs::perms::owner_all, error);
  fs::remove_all(tree, error);
}

}  // namespace slipway::artifacts

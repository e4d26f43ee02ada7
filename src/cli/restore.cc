// slipway restore: a data directory as a backup has it.
//
// Nothing is moved before the whole backup was read and found right, and copied beside its place;
// the database takes its name last, and a server that would start before has none beside the bodies
// and refuses.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/backup_set.h"
#include "cli/command.h"
#include "engine/identity/key_ring.h"
#include "engine/identity/private_file.h"
#include "store/reader.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view draft_name = "restoring.new";

struct RestoreOptions {
  std::string folder;
  std::string data;
  bool replace = false;
};

std::unexpected<Error> cannot(std::string_view what, const fs::path& path,
                              const std::error_code& error) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} {}: {}", what, path.string(), error.message()));
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename() != draft_name) entries.push_back(entry.path());
  return entries;
}

Result<> move_into(const std::vector<fs::path>& entries, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  for (const fs::path& entry : entries) {
    fs::rename(entry, folder / entry.filename(), error);
    if (error) return cannot("move", entry, error);
  }
  return sync_all(folder);
}

// Returns a name under which what was there before is kept.
fs::path free_name(const fs::path& data) {
  std::error_code error;
  for (int number = 1;; ++number) {
    fs::path name = data / fmt::format("before-restore-{}", number);
    if (!fs::exists(name, error)) return name;
  }
}

Result<> copy_all(const fs::path& folder, const BackupSet& set, const fs::path& draft) {
  std::error_code error;
  fs::remove_all(draft, error);
  for (const BackupFile& file : set.files) {
    const fs::path to = draft / file.path;
    fs::create_directories(to.parent_path(), error);
    if (error) return cannot("make", to.parent_path(), error);
    TRY_DO(place_file(folder / file.path, to, Placing::copy));
  }
  TRY_DO(verify(draft, set));
  // The server's time goes back with the database, and sessions that ended would go on.
  fs::remove(draft / identity::session_key_file, error);
  if (error) return cannot("remove", draft / identity::session_key_file, error);
  return sync_all(draft);
}

// Where it fails, nothing of it stays.
Result<> copy_or_remove(const fs::path& folder, const BackupSet& set, const fs::path& draft) {
  std::uint64_t bytes = 0;
  for (const BackupFile& file : set.files) bytes += file.bytes;
  TRY_DO(check_room(draft.parent_path(), bytes));
  auto copied = copy_all(folder, set, draft);
  if (copied) return {};
  Error why = blame_disk(std::move(copied.error()), draft.parent_path(), bytes);
  std::error_code ignored;
  fs::remove_all(draft, ignored);
  return std::unexpected(std::move(why));
}

Result<> check_backup(const fs::path& folder, const BackupSet& set) {
  TRY_DO(verify(folder, set));
  TRY(const auto database, store::Reader::open(folder / database_file));
  TRY(const auto damage, database->damage());
  if (damage.empty()) return {};
  return fail(
      ErrorCode::corrupted,
      fmt::format("the backup's database is damaged: {}. Nothing was restored.", damage.front()));
}

Result<> restore(World& world, const RestoreOptions& options) {
  const fs::path folder = fs::absolute(options.folder);
  const fs::path data = fs::absolute(data_directory(world, options.data));
  TRY_DO(check_apart(data, folder));
  TRY_DO(identity::check_owner(data));
  if (store::is_served(data / database_file))
    return fail(ErrorCode::in_use,
                fmt::format("A server runs over {}; stop it first.", data.string()));
  std::vector<fs::path> before = entries_of(data);
  if (!before.empty() && !options.replace)
    return misuse(fmt::format(
        "{} is not empty. Name another --data, or say --replace: what is there is then kept in a "
        "folder before-restore-1 of it.",
        data.string()));
  ::umask(077);
  TRY(const BackupSet set, read_manifest(folder));
  TRY_DO(check_backup(folder, set));
  const fs::path draft = data / draft_name;
  TRY_DO(copy_or_remove(folder, set, draft));
  // The database goes first when it leaves and last when it comes.
  const auto is_database = [](const fs::path& path) { return path.filename() == database_file; };
  std::ranges::partition(before, is_database);
  if (!before.empty()) TRY_DO(move_into(before, free_name(data)));
  std::vector<fs::path> fresh = entries_of(draft);
  std::ranges::partition(fresh, std::not_fn(is_database));
  TRY_DO(move_into(fresh, data));
  std::error_code ignored;
  fs::remove(draft, ignored);
  world.out << fmt::format(
      "{} is as the backup of {} has it: {} files. Temporary credentials made "
      "before are over.\n",
      data.string(), set.made, set.files.size());
  return {};
}

}  // namespace

void add_restore(CLI::App& app, World& world) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command = app.add_subcommand("restore", "Make a data directory from a backup");
  command->add_option("DIR", options->folder, "What slipway backup made")
      ->required()
      ->type_name("");
  command
      ->add_option("--data", options->data,
                   "The data directory (else SLIPWAY_DATA, else ~/.slipway), new or empty")
      ->type_name("DIR");
  command->add_flag("--replace", options->replace,
                    "Also where it is not empty; what is there is kept in a folder of it");
  command->footer(
      "The whole backup is read and compared with its list before anything is changed.\n"
      "Examples:\n"
      "  slipway restore /backup/monday --data /srv/slipway\n"
      "  slipway restore /backup/monday --replace");
  set_action(*command, world, std::move(options), restore);
}

}  // namespace slipway::cli

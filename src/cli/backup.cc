// slipway backup: what a data directory holds that cannot be made again, while its server serves.
//
// The order is what makes it one instant: first the lock, under which a server removes no body;
// then the database, in one transaction; then the bodies that this database names, which never
// change.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "base/fd.h"
#include "cli/backup_set.h"
#include "cli/command.h"
#include "store/reader.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

struct BackupOptions {
  std::string folder;
  std::string data;
  bool copy = false;
};

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename() == "quarantine") it.disable_recursion_pending();
    std::error_code gone;
    if (const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0; !gone) bytes += size;
  }
  return bytes;
}

// Returns about what a backup takes: the database may shrink, and it may grow meanwhile.
std::uint64_t bytes_needed(const fs::path& data, const fs::path& folder, Placing placing) {
  std::error_code error;
  std::uint64_t bytes = fs::file_size(data / database_file, error) + bytes_below(data / "logs");
  const bool links = placing == Placing::link && share_disk(data, folder);
  return bytes + (links ? 0 : bytes_below(data / "objects"));
}

bool is_empty_or_new(const fs::path& folder) {
  std::error_code error;
  return !fs::exists(folder, error) || fs::is_empty(folder, error);
}

// Keys and the like: small files, not the database, not what a running server leaves for others.
bool belongs_to_a_backup(const fs::path& path) {
  const std::string name = path.filename();
  return !name.starts_with(database_file) && !name.starts_with("server.json") &&
         path.extension() != ".lock" && path.extension() != ".new";
}

// One backup in the making.
class Backup {
 public:
  Backup(fs::path data, fs::path folder, Placing placing, Timestamp now)
      : data_(std::move(data)),
        folder_(std::move(folder)),
        placing_(placing),
        set_{.made = to_iso8601(now), .files = {}} {}

  Result<> run() {
    TRY_DO(make_folder(folder_));
    TRY_DO(hold_removals());
    TRY_DO(copy_database());
    TRY_DO(take_bodies());
    TRY_DO(copy_small_files());
    TRY_DO(copy_logs());
    return write_manifest(folder_, set_);
  }

  std::uint64_t bodies() const { return bodies_; }
  std::uint64_t bytes() const { return bytes_; }
  // Sentences about bodies that are damaged or gone, in the data directory itself.
  const std::vector<std::string>& lost() const { return lost_; }

 private:
  static Result<> make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error) return {};
    return fail(ErrorCode::unavailable,
                fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }

  // A server tries this lock before it removes, and waits with removing where it is held.
  Result<> hold_removals() {
    const fs::path file = data_ / "objects/removal.lock";
    removals_ = Fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (removals_ && ::flock(removals_.get(), LOCK_SH) == 0) return {};
    return fail(ErrorCode::unavailable,
                fmt::format("cannot lock {}: {}", file.string(), errno_text(errno)));
  }

  Result<> copy_database() {
    TRY(const auto live, store::Reader::open(data_ / database_file));
    const fs::path copy = folder_ / database_file;
    TRY_DO(live->copy_to(copy));
    TRY(database_, store::Reader::open(copy));
    TRY(const auto damage, database_->damage());
    if (!damage.empty())
      return fail(ErrorCode::corrupted, fmt::format("the database is damaged: {}", damage.front()));
    return add(std::string(database_file));
  }

  Result<> take_bodies() {
    return database_->read([&](store::Transaction& tx) -> Result<> {
      objects::ScrubPlace place;
      while (const auto stored = objects::next_file(tx, place)) {
        place = {stored->body, stored->number};
        TRY_DO(take_body(tx, *stored));
      }
      return {};
    });
  }

  Result<> take_body(store::Transaction& tx, const objects::StoredFile& stored) {
    const std::string path = fmt::format("objects/{}/{}", stored.name.substr(0, 2), stored.name);
    TRY_DO(make_folder((folder_ / path).parent_path()));
    const auto placed = place_file(data_ / path, folder_ / path, placing_);
    if (!placed && placed.error().code != ErrorCode::not_found)
      return std::unexpected(placed.error());
    auto summed = sum_up(folder_, path, stored);
    if (!summed) {  // the rest is worth having all the more
      lost_.push_back(
          fmt::format("{}: {}", objects::owner_of_body(tx, stored.body), summed.error().message));
      std::error_code ignored;
      fs::remove(folder_ / path, ignored);
      return {};
    }
    ++bodies_;
    bytes_ += stored.bytes;
    set_.files.push_back(*std::move(summed));
    return {};
  }

  Result<> copy_small_files() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(data_, error)) {
      if (!entry.is_regular_file(error) || !belongs_to_a_backup(entry.path())) continue;
      TRY_DO(copy(entry.path().filename()));
    }
    return {};
  }

  Result<> copy_logs() {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(data_ / "logs", error))
      if (entry.is_regular_file(error)) TRY_DO(copy(entry.path().lexically_relative(data_)));
    return {};
  }

  Result<> copy(const fs::path& path) {
    TRY_DO(make_folder((folder_ / path).parent_path()));
    TRY_DO(place_file(data_ / path, folder_ / path, Placing::copy));
    return add(path.string());
  }

  Result<> add(const std::string& path) {
    TRY(BackupFile file, sum_up(folder_, path));
    set_.files.push_back(std::move(file));
    return {};
  }

  const fs::path data_;
  const fs::path folder_;
  const Placing placing_;
  Fd removals_;
  std::unique_ptr<store::Reader> database_;
  BackupSet set_;
  std::uint64_t bodies_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<std::string> lost_;
};

// Says whose a folder was before the backup began, which then failed.
enum class Folder : std::uint8_t { ours, theirs };

// Half a backup is none, and takes room: a restore would refuse it for want of its list.
void remove_half(const fs::path& folder, Folder folder_was) {
  std::error_code ignored;
  if (folder_was == Folder::ours) {
    fs::remove_all(folder, ignored);
    return;
  }
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    fs::remove_all(entry.path(), ignored);
}

Result<> back_up(World& world, const BackupOptions& options) {
  const fs::path data = data_directory(world, options.data);
  const fs::path folder = fs::absolute(options.folder);
  std::error_code error;
  if (!fs::exists(data / database_file, error))
    return fail(ErrorCode::not_found,
                fmt::format("There is no data directory of a server at {}.", data.string()));
  TRY_DO(check_apart(data, folder));
  if (!is_empty_or_new(folder)) return misuse(fmt::format("{} is not empty.", folder.string()));
  const Placing placing = options.copy ? Placing::copy : Placing::link;
  const std::uint64_t needed = bytes_needed(data, folder, placing);
  TRY_DO(check_room(folder, needed));
  ::umask(077);  // keys are among it
  Backup backup(data, folder, placing, world.clock.now());
  const bool is_new = !fs::exists(folder, error);
  if (auto done = backup.run(); !done) {
    Error why = blame_disk(std::move(done.error()), folder, needed);
    remove_half(folder, is_new ? Folder::ours : Folder::theirs);
    return std::unexpected(std::move(why));
  }
  world.out << fmt::format("{}: the database, {} bodies of objects ({}), keys and logs\n",
                           folder.string(), backup.bodies(), size_text(backup.bytes()));
  for (const std::string& lost : backup.lost()) world.err << "not in the backup: " << lost << '\n';
  if (backup.lost().empty()) return {};
  return fail(ErrorCode::corrupted,
              fmt::format("{} bodies are damaged or gone; the backup has all others.",
                          backup.lost().size()));
}

}  // namespace

void add_backup(CLI::App& app, World& world) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App* command =
      app.add_subcommand("backup", "Copy what a server keeps, also while it serves");
  command->add_option("DIR", options->folder, "A new or empty directory, for its owner only")
      ->required()
      ->type_name("");
  command
      ->add_option("--data", options->data,
                   "The server's data directory (else SLIPWAY_DATA, else ~/.slipway)")
      ->type_name("DIR");
  command->add_flag("--copy", options->copy,
                    "Copy the bodies of objects; else they are second names (hard links) of the "
                    "same bytes where the file system allows that, which a broken disk takes too");
  command->footer(
      "It holds the database, objects, keys and logs of one instant, and a list of them with sums. "
      "Fetched models, Python environments and running instances are made again after a restore.\n"
      "Examples:\n"
      "  slipway backup /backup/monday\n"
      "  slipway backup --copy --data /srv/slipway /mnt/other-disk/monday");
  set_action(*command, world, std::move(options), back_up);
}

}  // namespace slipway::cli

// What an engine does with the files that it finds at its start.
#include <fmt/format.h>

#include "base/log.h"
#include "engine/objects/database_name.h"
#include "engine/objects/impl.h"

namespace slipway::objects {
namespace {

struct Known {
  std::string database;
  std::int64_t change = 0;
};

Result<Known> known_by(store::Store& store) {
  TRY(std::string name, database_name(store));
  return store.read([&](store::Transaction& tx) -> Result<Known> {
    Known known{.database = std::move(name)};
    if (auto rows = tx.query("SELECT value FROM objects_counter"); rows.next())
      known.change = rows.integer(0);
    return known;
  });
}

constexpr std::string_view what_to_do =
    "Put the newer slipway.db back beside them, or restore a backup (slipway restore). To go on "
    "with this database, start once with --accept-older-database: bodies that it does not name "
    "are then kept for a day in objects/quarantine.";

// Empty where database and bodies belong together.
std::string contradiction(const Known& known, const std::optional<Mark>& mark,
                          const BodyFiles& files) {
  if (!mark && known.change == 0 && files.holds_any())
    return fmt::format("the database is new, and the data directory holds bodies of objects. {}",
                       what_to_do);
  if (!mark) return {};
  if (mark->database != known.database)
    return fmt::format("the bodies of objects belong to another database. {}", what_to_do);
  if (mark->change > known.change)
    return fmt::format(
        "the database is older than the bodies of objects beside it: it ends with "
        "change {}, they with {} or later. {}",
        known.change, mark->change, what_to_do);
  return {};
}

bool is_named(store::Transaction& tx, const std::string& file) {
  return tx.query("SELECT 1 FROM objects_segment WHERE file=?1", file).next();
}

}  // namespace

Result<> Objects::Impl::begin_keeping(BodyMark mark, OpenOptions::OlderDatabase older) {
  TRY(Known known, known_by(store));
  const auto found = mark.read();
  if (const std::string why = contradiction(known, found, *files); !why.empty()) {
    if (older == OpenOptions::OlderDatabase::refuse)
      return fail(ErrorCode::conflict, why, "older_database");
    log_warning("objects", "going on with an older database, as told", {});
    known.change = std::max(known.change, found ? found->change : 0) + 1;
    TRY_DO(store.write([&](store::Transaction& tx) -> Result<> {
      tx.run("UPDATE objects_counter SET value=?1", known.change);
      return {};
    }));
  }
  TRY_DO(mark.write({known.database, known.change}));
  TRY_DO(take_back_from_quarantine());
  keeper = std::make_unique<BodyKeeper>(BodyKeeper::Needs{store, *removals, clock}, std::move(mark),
                                        known.database);
  keeper->start();
  return {};
}

// The rows may have been the wrong ones when these files were put away.
Result<> Objects::Impl::take_back_from_quarantine() {
  const std::vector<std::string> names = files->quarantined();
  if (names.empty()) return {};
  return store.read([&](store::Transaction& tx) -> Result<> {
    for (const std::string& name : names)
      if (is_named(tx, name)) files->take_out_of_quarantine(name);
    return {};
  });
}

void Objects::Impl::post_sweep() {
  for (std::size_t index = 0; index < BodyFiles::folders; ++index)
    removals->post([this, index] {
      if (!stopping) sweep_folder(index);
    });
}

void Objects::Impl::sweep_folder(std::size_t index) {
  const std::vector<std::string> names = files->old_names(index);
  if (names.empty()) return;
  std::vector<std::string> orphans;
  const auto outcome = store.read([&](store::Transaction& tx) -> Result<> {
    for (const std::string& name : names)
      if (!is_named(tx, name)) orphans.push_back(name);
    return {};
  });
  if (!outcome || orphans.empty()) return;
  log_info("objects", "bodies that no object names go to quarantine for a day",
           {{"files", std::to_string(orphans.size())}});
  files->put_into_quarantine(orphans, clock.server_time());
}

}  // namespace slipway::objects

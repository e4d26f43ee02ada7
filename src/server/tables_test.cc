// A new store's pages, and the stores that older releases left, held against the migrations.
#include "server/tables.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/test_folder.h"
#include "engine/objects/database_name.h"

namespace slipway::server {
namespace {

using Migrations = std::vector<store::Migration>;

std::unique_ptr<store::Store> open_store(const std::filesystem::path& file,
                                         const Migrations& migrations) {
  return store::Store::open(file, migrations).value();
}

std::unique_ptr<store::Store> open_pages(const std::filesystem::path& file,
                                         const Migrations& migrations) {
  store::make_of(first_pages(), file).value();
  return open_store(file, migrations);
}

// As each server makes its own name, which the pages lack.
std::unique_ptr<store::Store> without_name(std::unique_ptr<store::Store> store) {
  const auto taken = store->write([](store::Transaction& tx) -> Result<> {
    objects::take_database_name(tx);
    return {};
  });
  EXPECT_TRUE(taken);
  return store;
}

std::vector<std::string> lines_of(store::Rows rows) {
  std::vector<std::string> lines;
  while (rows.next()) lines.emplace_back(rows.text(0));
  return lines;
}

// Tables, columns, indexes and triggers, the versions of the rooms, and how many rows there are.
std::vector<std::string> picture_of(store::Store& store) {
  const auto look = [](store::Transaction& tx) -> Result<std::vector<std::string>> {
    auto lines = lines_of(tx.query(
        "SELECT concat_ws(' ', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY type, name"));
    std::ranges::move(
        lines_of(tx.query("SELECT concat(room, ' ', version) FROM room_version ORDER BY room")),
        std::back_inserter(lines));
    for (const std::string& table :
         lines_of(tx.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")))
      std::ranges::move(
          lines_of(tx.query("SELECT concat('" + table + " ', count(*)) FROM " + table)),
          std::back_inserter(lines));
    return lines;
  };
  return store.read(look).value();
}

TEST(Tables, the_pages_of_a_new_store_are_what_the_migrations_make) {
  const TestFolder folder;
  const auto migrated =
      picture_of(*without_name(open_store(folder / "migrated.db", all_migrations())));
  EXPECT_GT(migrated.size(), 100U);
  EXPECT_EQ(picture_of(*open_pages(folder / "pages.db", all_migrations())), migrated);
}

TEST(Tables, the_pages_alone_lack_no_version_of_any_room) {
  const TestFolder folder;
  const auto newest = picture_of(*open_pages(folder / "newest.db", all_migrations()));
  EXPECT_EQ(picture_of(*open_pages(folder / "alone.db", {})), newest);
}

TEST(Tables, a_store_of_any_older_version_of_a_room_comes_to_the_same_tables) {
  const TestFolder folder;
  const auto newest = picture_of(*open_store(folder / "newest.db", all_migrations()));
  int older_versions = 0;
  for (const store::Migration& step : all_migrations()) {
    Migrations before = all_migrations();
    std::erase_if(before, [&](const store::Migration& each) {
      return each.room == step.room && each.version >= step.version;
    });
    const auto file = folder / (fmt::format("{}.db", older_versions));
    // A room that stands on another's tables was never there before they were.
    if (!store::Store::open(file, before)) continue;
    ++older_versions;
    EXPECT_EQ(picture_of(*open_store(file, all_migrations())), newest)
        << step.room << " before version " << step.version;
  }
  EXPECT_GT(older_versions, 20);
}

}  // namespace
}  // namespace slipway::server

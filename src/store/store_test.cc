#include "store/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <latch>
#include <thread>

#include "base/test_folder.h"
#include "store/file.h"
#include "store/test_pages.h"

namespace slipway::store {
namespace {

namespace fs = std::filesystem;

constexpr Migration note_tables[] = {
    {.room = "note", .version = 1, .sql = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT)"}};

class StoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open(std::span<const Migration> migrations = note_tables) {
    auto store = Store::open(file(), migrations);
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  fs::path file() const { return directory_ / "state.db"; }

  TestFolder directory_;
};

Result<std::int64_t> add_note(Store& store, std::string_view text) {
  return store.write([&](Transaction& tx) -> Result<std::int64_t> {
    tx.run("INSERT INTO note(text) VALUES(?1)", text);
    return tx.last_id();
  });
}

std::vector<std::string> notes(Store& store) {
  return *store.read([](Transaction& tx) -> Result<std::vector<std::string>> {
    std::vector<std::string> all;
    for (auto rows = tx.query("SELECT text FROM note ORDER BY id"); rows.next();)
      all.emplace_back(rows.text(0));
    return all;
  });
}

TEST_F(StoreTest, a_change_is_seen_by_the_next_read_and_after_reopening) {
  auto store = open();
  ASSERT_TRUE(add_note(*store, "one"));
  EXPECT_EQ(notes(*store), std::vector<std::string>{"one"});
  store.reset();
  EXPECT_EQ(notes(*open()), std::vector<std::string>{"one"});
}

TEST_F(StoreTest, on_a_full_disk_rows_are_deleted_on_in_the_room_that_is_kept_for_the_log) {
  const fs::path disk = directory_ / "disk";
  fs::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=32m") != 0)
    GTEST_SKIP() << "no file system can be mounted here";
  {
    auto store = *Store::open(disk / "state.db", note_tables);
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(add_note(*store, std::string(100'000, 'x')));
    std::ofstream(disk / "filling") << std::string(fs::space(disk).available, 'x');
    ASSERT_EQ(fs::space(disk).available, 0);
    for (int id = 1; id <= 40; ++id)
      EXPECT_TRUE(store->write([&](Transaction& tx) -> Result<> {
        tx.run("DELETE FROM note WHERE id=?1", id);
        return {};
      }));
    EXPECT_TRUE(notes(*store).empty());
  }
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_F(StoreTest, a_refused_change_leaves_nothing_and_does_not_harm_its_neighbours) {
  auto store = open();
  std::latch finished(3);
  for (const bool refuse : {false, true, false}) {
    store->write_async(
        [refuse](Transaction& tx) -> Result<> {
          tx.run("INSERT INTO note(text) VALUES(?1)", refuse ? "bad" : "good");
          if (refuse) return fail(ErrorCode::conflict, "no");
          return {};
        },
        [&, refuse](Result<> outcome) {
          EXPECT_EQ(outcome.has_value(), !refuse);
          finished.count_down();
        });
  }
  finished.wait();
  EXPECT_EQ(notes(*store), (std::vector<std::string>{"good", "good"}));
}

TEST_F(StoreTest, a_broken_statement_is_an_error_that_names_it) {
  auto store = open();
  const auto outcome = store->write([](Transaction& tx) -> Result<> {
    tx.run("INSERT INTO nowhere VALUES(1)");
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("nowhere"), std::string::npos);
  EXPECT_TRUE(add_note(*store, "still alive"));
}

TEST_F(StoreTest, a_change_that_throws_is_rolled_back_and_the_writer_goes_on) {
  auto store = open();
  const auto outcome = store->write([](Transaction& tx) -> Result<> {
    tx.run("INSERT INTO note(text) VALUES('half')");
    throw std::runtime_error("bug");
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::internal);
  EXPECT_TRUE(notes(*store).empty());
}

TEST_F(StoreTest, on_commit_runs_only_for_what_was_committed) {
  auto store = open();
  int woken = 0;
  const auto change = [&](bool refuse) {
    return store->write([&](Transaction& tx) -> Result<> {
      tx.on_commit([&] { ++woken; });
      if (refuse) return fail(ErrorCode::conflict, "no");
      return {};
    });
  };
  EXPECT_FALSE(change(true));
  EXPECT_TRUE(change(false));
  EXPECT_EQ(woken, 1);
}

TEST_F(StoreTest, a_part_that_fails_leaves_nothing_and_the_change_goes_on) {
  auto store = open();
  std::vector<std::string> told;
  const auto add = [&](Transaction& tx, std::string text) {
    tx.run("INSERT INTO note(text) VALUES(?1)", text);
    tx.on_commit([&told, text] { told.push_back(text); });
  };
  const auto outcome = store->write([&](Transaction& tx) -> Result<> {
    add(tx, "before");
    const Result<> part = tx.attempt([&]() -> Result<> {
      add(tx, "of the part");
      EXPECT_TRUE(tx.attempt([&]() -> Result<> {
        add(tx, "of a part of it");
        return {};
      }));
      return fail(ErrorCode::conflict, "no");
    });
    EXPECT_EQ(part.error().code, ErrorCode::conflict);
    EXPECT_EQ(tx.attempt([&]() -> Result<int> {
                  add(tx, "of the next part");
                  return 7;
                }).value(),
              7);
    add(tx, "after");
    return {};
  });
  EXPECT_TRUE(outcome);
  const std::vector<std::string> kept = {"before", "of the next part", "after"};
  EXPECT_EQ(notes(*store), kept);
  EXPECT_EQ(told, kept);
}

TEST_F(StoreTest, a_part_that_throws_takes_the_whole_change_with_it) {
  auto store = open();
  EXPECT_FALSE(store->write([&](Transaction& tx) -> Result<> {
    tx.run("INSERT INTO note(text) VALUES('before')");
    (void)tx.attempt([&]() -> Result<> {
      tx.run("INSERT INTO note(text) VALUES('of the part')");
      throw std::runtime_error("bug");
    });
    return {};
  }));
  ASSERT_TRUE(add_note(*store, "next"));
  EXPECT_EQ(notes(*store), std::vector<std::string>{"next"});
}

TEST_F(StoreTest, a_second_server_on_the_same_directory_is_refused) {
  auto first = open();
  const auto second = Store::open(file(), note_tables);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another slipway serves"), std::string::npos);
}

TEST_F(StoreTest, a_lock_that_ended_holds_nobody_back_while_a_forked_process_has_its_file) {
  auto lock = std::make_unique<FileLock>(file());
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  lock.reset();
  EXPECT_TRUE(Store::open(file(), note_tables));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(StoreTest, a_file_of_a_newer_slipway_is_refused) {
  constexpr Migration newer[] = {note_tables[0], {.room = "note", .version = 2, .sql = "SELECT 1"}};
  open(newer).reset();
  const auto older = Store::open(file(), note_tables);
  ASSERT_FALSE(older);
  EXPECT_NE(older.error().message.find("newer"), std::string::npos);
}

TEST_F(StoreTest, a_file_that_did_not_open_can_be_opened_again_by_the_same_process) {
  constexpr Migration broken[] = {{.room = "note", .version = 1, .sql = "CREATE NONSENSE"}};
  EXPECT_FALSE(Store::open(file(), broken));
  auto store = open();
  ASSERT_TRUE(store);
  EXPECT_TRUE(add_note(*store, "one"));
}

TEST_F(StoreTest, migrations_apply_once_and_in_order) {
  open().reset();
  constexpr Migration grown[] = {
      {.room = "note", .version = 2, .sql = "ALTER TABLE note ADD COLUMN author TEXT"},
      note_tables[0]};
  for (int i = 0; i < 2; ++i) {
    auto store = open(grown);
    EXPECT_TRUE(store->write([](Transaction& tx) -> Result<> {
      tx.run("INSERT INTO note(text,author) VALUES('t','a')");
      return {};
    }));
  }
}

TEST_F(StoreTest, a_new_file_is_made_beside_its_place_over_what_a_crash_left_there) {
  const fs::path draft = file().string() + ".new";
  std::ofstream(draft) << "half of a page";
  auto store = open();
  EXPECT_TRUE(add_note(*store, "one"));
  EXPECT_FALSE(fs::exists(draft));
}

TEST_F(StoreTest, a_new_file_begins_with_the_pages_of_an_older_store_and_gets_what_they_lack) {
  const fs::path older = directory_ / "older.db";
  ASSERT_TRUE(Store::open(older, note_tables));
  const PagesOf pages(older);
  constexpr Migration grown[] = {
      note_tables[0],
      {.room = "note", .version = 2, .sql = "ALTER TABLE note ADD COLUMN author TEXT"}};
  ASSERT_TRUE(make_of(pages.all(), file()));
  auto store = *Store::open(file(), grown);
  EXPECT_TRUE(store->write([](Transaction& tx) -> Result<> {
    tx.run("INSERT INTO note(text,author) VALUES('t','a')");
    return {};
  }));
  EXPECT_FALSE(make_of(pages.all(), file()));  // a server is at work there
  store.reset();
  EXPECT_TRUE(make_of(pages.all(), file()));  // there is a store already
  EXPECT_EQ(notes(*open(grown)), std::vector<std::string>{"t"});
}

TEST_F(StoreTest, a_file_that_has_all_tables_is_only_read_when_it_opens) {
  open().reset();
  const auto changed = fs::last_write_time(file());
  auto store = open();
  std::ifstream log(file().string() + "-wal");
  EXPECT_EQ(log.get(), 0);  // room, and no commit
  EXPECT_EQ(fs::last_write_time(file()), changed);
}

TEST_F(StoreTest, the_room_of_the_log_is_written_when_nobody_waits) {
  auto store = open();
  const fs::path log = file().string() + "-wal";
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (fs::file_size(log) < 8'000'000 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GE(fs::file_size(log), 8'000'000);
  EXPECT_TRUE(add_note(*store, "one"));
  EXPECT_EQ(notes(*store), std::vector<std::string>{"one"});
}

TEST_F(StoreTest, many_threads_write_and_every_answer_is_true) {
  auto store = open();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) ASSERT_TRUE(add_note(*store, "x"));
    });
  threads.clear();
  EXPECT_EQ(notes(*store).size(), 400u);
}

// A child process answers each committed note on a pipe and is killed in the middle: whatever was
// answered must be there afterwards.
TEST_F(StoreTest, what_was_answered_survives_sigkill) {
  int answers[2];
  ASSERT_EQ(::pipe(answers), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Store::open(file(), note_tables);
    for (int i = 0; store; ++i) {
      const auto added = add_note(**store, "n" + std::to_string(i));
      if (!added || ::write(answers[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
    ::_exit(2);
  }
  ::close(answers[1]);
  int last = -1;
  for (int number = 0; last < 40 && ::read(answers[0], &number, sizeof number) == sizeof number;)
    last = number;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (int number = 0; ::read(answers[0], &number, sizeof number) == sizeof number;) last = number;
  ::close(answers[0]);
  ASSERT_GE(last, 40);
  EXPECT_GT(notes(*open()).size(), static_cast<std::size_t>(last));
}

}  // namespace
}  // namespace slipway::store

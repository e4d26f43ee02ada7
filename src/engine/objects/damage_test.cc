// What a disk does to bodies, and a person to databases: nothing damaged is handed out as sound,
// and nothing that might be wanted is removed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <fstream>

#include "engine/objects/checked_pieces.h"
#include "engine/objects/keeper.h"
#include "engine/objects/objects_fixture.h"
#include "engine/objects/scrub.h"

namespace slipway::objects {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t large_bytes = 3 << 20;

class DamageTest : public ObjectsTest {
 protected:
  std::vector<fs::path> bodies(const fs::path& below = "objects") const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / below))
      if (entry.is_regular_file() && entry.path().filename().string().size() == 32)
        found.push_back(entry.path());
    return found;
  }
  fs::path only_body() const {
    const auto found = bodies();
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? fs::path() : found.front();
  }
  static void flip(const fs::path& file, std::streamoff at) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekg(at);
    const char was = static_cast<char>(out.get());
    out.seekp(at);
    out.put(static_cast<char>(was ^ 1));
  }
  // How reading an object, or a range of it, to its end goes: "" or the kind of the error.
  std::string read_to_end(const std::string& key, std::optional<ByteRange> range = {}) {
    auto opened = objects_->open_object({"box", key}, [&](store::Transaction&, const Object&) {
      return Result<std::optional<ByteRange>>(range);
    });
    if (!opened) return opened.error().kind;
    ContentReader reader(std::move(opened->content));
    std::vector<std::byte> block(100'000);
    for (;;) {
      const auto count = reader.read(block);
      if (!count) return count.error().kind;
      if (*count == 0) return "";
    }
  }
  std::string check(const std::string& key) {
    const auto outcome = store_->read([&](store::Transaction& tx) -> Result<> {
      TRY(const Object object, find(tx, {"box", key}));
      return objects_->check(tx, object);
    });
    return outcome ? "" : outcome.error().kind;
  }
  Result<std::unique_ptr<Objects>> open_with(OpenOptions options) {
    return Objects::open(*store_, root_, clock_, random_, options);
  }
};

TEST_F(DamageTest, a_flipped_bit_is_an_error_that_names_the_object) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  flip(only_body(), 10);
  auto opened = objects_->open_object({"box", "large"});
  ASSERT_TRUE(opened);
  ContentReader reader(std::move(opened->content));
  std::vector<std::byte> block(10);
  const auto outcome = reader.read(block);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::corrupted);
  EXPECT_THAT(outcome.error().message, HasSubstr("s3://box/large"));
}

TEST_F(DamageTest, damage_is_found_where_it_is_and_remembered_for_the_whole) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  flip(only_body(), large_bytes - 5);
  EXPECT_EQ(read_to_end("large", ByteRange{100, 1000}), "");
  EXPECT_EQ(read_to_end("large", ByteRange{large_bytes - 1, 1}), "body_damaged");
  EXPECT_EQ(check("large"), "body_damaged");
  EXPECT_EQ(read_to_end("large", ByteRange{100, 1000}), "body_damaged");
}

TEST_F(DamageTest, no_piece_is_given_out_after_the_damage) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  flip(only_body(), large_bytes - 5);
  auto opened = objects_->open_object({"box", "large"});
  ASSERT_TRUE(opened);
  CheckedPieces pieces(std::move(opened->content.slices));
  std::uint64_t given = 0;
  for (auto piece = pieces.next();; piece = pieces.next()) {
    if (!piece) {
      EXPECT_EQ(piece.error().kind, "body_damaged");
      break;
    }
    ASSERT_TRUE(*piece) << "the damage went unseen";
    given += (*piece)->length;
  }
  EXPECT_EQ(given, large_bytes - piece_bytes_max);
}

TEST_F(DamageTest, pieces_of_a_range_add_up_to_it) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  auto opened = objects_->open_object({"box", "large"}, [](store::Transaction&, const Object&) {
    return Result<std::optional<ByteRange>>(ByteRange{300'001, 2'000'003});
  });
  ASSERT_TRUE(opened);
  CheckedPieces pieces(std::move(opened->content.slices));
  std::uint64_t next = 300'001;
  for (auto piece = pieces.next(); piece && *piece; piece = pieces.next()) {
    EXPECT_EQ((*piece)->offset, next);
    EXPECT_LE((*piece)->length, piece_bytes_max);
    next += (*piece)->length;
  }
  EXPECT_EQ(next, 2'300'004u);
}

TEST_F(DamageTest, a_missing_body_is_the_same_answer_wherever_one_looks) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  fs::remove(only_body());
  EXPECT_EQ(read_to_end("large"), "body_missing");
  EXPECT_EQ(check("large"), "body_missing");
}

TEST_F(DamageTest, a_folder_that_cannot_be_opened_says_nothing_of_its_bodies) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  const fs::path folder = only_body().parent_path();
  close();
  fs::rename(folder, folder.string() + ".aside");
  std::ofstream(folder) << "no folder";
  open();
  EXPECT_EQ(check("large"), "");
  EXPECT_NE(read_to_end("large"), "body_missing");
  close();
  fs::remove(folder);
  fs::rename(folder.string() + ".aside", folder);
  open();
  EXPECT_EQ(read_to_end("large"), "");
}

TEST_F(DamageTest, a_body_that_became_shorter_is_damaged) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  fs::resize_file(only_body(), large_bytes - 1);
  EXPECT_EQ(read_to_end("large", ByteRange{0, 1}), "body_damaged");
}

TEST_F(DamageTest, a_body_that_was_mended_is_read_again) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  const fs::path body = only_body();
  flip(body, 10);
  EXPECT_EQ(read_to_end("large"), "body_damaged");
  std::this_thread::sleep_for(std::chrono::milliseconds(10));  // another time of change
  flip(body, 10);
  EXPECT_EQ(read_to_end("large"), "");
}

TEST_F(DamageTest, a_small_body_is_checked_in_its_row) {
  ASSERT_TRUE(put("small", "hello"));
  ASSERT_TRUE(write([](store::Transaction& tx) -> Result<> {
    tx.run("UPDATE objects_segment SET bytes=?1", store::SqlBlob{"hallo"});
    return {};
  }));
  EXPECT_EQ(read_to_end("small"), "body_damaged");
  EXPECT_EQ(check("small"), "body_damaged");
}

TEST_F(DamageTest, a_body_from_before_there_were_sums_gets_them_if_its_etag_holds) {
  ASSERT_TRUE(put("good", pattern(large_bytes)));
  const fs::path good = only_body();
  ASSERT_TRUE(put("bad", pattern(large_bytes, 2)));
  for (const fs::path& body : bodies())
    if (body != good) flip(body, 77);
  ASSERT_TRUE(write([](store::Transaction& tx) -> Result<> {
    tx.run("UPDATE objects_segment SET sums=NULL");
    return {};
  }));
  auto files = BodyFiles::open(root_ / "objects", random_, kernel_disk()).value();
  auto removals = BodyRemovals::open(*files, root_ / "objects").value();
  Scrubber scrubber(*store_, *removals, clock_);
  for (auto step = scrubber.step(); step && *step; step = scrubber.step()) {
  }
  const auto made = store_->read([](store::Transaction& tx) -> Result<std::int64_t> {
    auto rows = tx.query("SELECT count(*) FROM objects_segment WHERE sums_made IS NOT NULL");
    rows.next();
    return rows.integer(0);
  });
  EXPECT_EQ(*made, 1);
  flip(good, 5);
  EXPECT_EQ(read_to_end("good"), "body_damaged");
}

TEST_F(DamageTest, a_copy_of_damaged_bytes_is_as_damaged) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  ASSERT_TRUE(write([&](store::Transaction& tx) -> Result<Object> {
    TRY(const Object source, find(tx, {"box", "large"}));
    return objects_->copy(tx, source, {"box", "copy"});
  }));
  flip(only_body(), 10);
  EXPECT_EQ(read_to_end("copy"), "body_damaged");
  EXPECT_EQ(check("copy"), "body_damaged");
}

TEST_F(DamageTest, an_unnamed_body_is_kept_in_quarantine_for_a_while) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  close();
  const fs::path stranger = root_ / "objects/00/000102030405060708090a0b0c0d0e0f";
  fs::create_directories(stranger.parent_path());
  std::ofstream(stranger) << "who knows";
  open();
  objects_->settle();
  EXPECT_FALSE(fs::exists(stranger));
  EXPECT_EQ(bodies("objects/quarantine").size(), 1u);
  EXPECT_EQ(read_to_end("large"), "");
  auto files = BodyFiles::open(root_ / "objects", random_, kernel_disk()).value();
  // A day of the server's, whatever its clock is set to.
  constexpr std::chrono::hours day(24);
  clock_.set_civil_by(30 * day);
  files->empty_quarantine(clock_.server_time() - day);
  EXPECT_EQ(bodies("objects/quarantine").size(), 1u);
  clock_.set_civil_by(-60 * day);
  clock_.advance(day);
  files->empty_quarantine(clock_.server_time() - day);
  EXPECT_EQ(bodies("objects/quarantine").size(), 0u);
}

TEST_F(DamageTest, a_database_older_than_its_bodies_is_refused_and_loses_nothing) {
  ASSERT_TRUE(put("first", pattern(large_bytes)));
  close();
  fs::copy(root_ / "state.db", root_ / "older.db");
  open();
  ASSERT_TRUE(put("second", pattern(large_bytes, 2)));
  close();
  fs::rename(root_ / "state.db", root_ / "newer.db");
  fs::copy(root_ / "older.db", root_ / "state.db");
  store_ = store::Store::open(root_ / "state.db", migrations()).value();
  const auto refused = open_with({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, "older_database");
  EXPECT_THAT(refused.error().message, HasSubstr("--accept-older-database"));
  EXPECT_EQ(bodies().size(), 2u);

  objects_ = open_with({.older_database = OpenOptions::OlderDatabase::accept}).value();
  objects_->settle();
  EXPECT_EQ(read_to_end("first"), "");
  EXPECT_EQ(bodies("objects/quarantine").size(), 1u);
  reopen();  // from now on it is the one
  EXPECT_EQ(read_to_end("first"), "");

  close();
  fs::copy(root_ / "newer.db", root_ / "state.db", fs::copy_options::overwrite_existing);
  store_ = store::Store::open(root_ / "state.db", migrations()).value();
  objects_ = open_with({.older_database = OpenOptions::OlderDatabase::accept}).value();
  EXPECT_EQ(read_to_end("second"), "") << "it was taken out of quarantine";
}

TEST_F(DamageTest, a_new_database_beside_old_bodies_is_refused) {
  ASSERT_TRUE(put("first", pattern(large_bytes)));
  close();
  for (const char* name : {"state.db", "state.db-wal", "state.db-shm"}) fs::remove(root_ / name);
  store_ = store::Store::open(root_ / "state.db", migrations()).value();
  const auto refused = open_with({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, "older_database");
  fs::remove(root_ / "objects/mark");
  EXPECT_FALSE(open_with({}));
  EXPECT_EQ(bodies().size(), 1u);
}

TEST_F(DamageTest, a_mark_that_was_half_written_says_nothing) {
  ASSERT_TRUE(put("first", pattern(large_bytes)));
  close();
  flip(root_ / "objects/mark", 40);
  open();
  EXPECT_EQ(read_to_end("first"), "");
}

TEST_F(DamageTest, nothing_is_removed_while_a_backup_holds_the_lock) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  const File lock(::open((root_ / "objects/removal.lock").c_str(), O_RDWR));
  ASSERT_EQ(::flock(lock.fd(), LOCK_SH), 0);
  ASSERT_TRUE(remove({"box", "large"}));
  EXPECT_EQ(files_on_disk(), 1u);
  ::flock(lock.fd(), LOCK_UN);
  for (int i = 0; i < 300 && files_on_disk() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(files_on_disk(), 0u);
}

TEST_F(DamageTest, a_part_can_be_a_second_name_of_an_object_and_outlives_it) {
  ASSERT_TRUE(put("large", pattern(large_bytes)));
  const auto shared =
      store_->read([&](store::Transaction& tx) -> Result<std::optional<SealedBody>> {
        TRY(const Object object, find(tx, {"box", "large"}));
        return objects_->share_part(tx, object, {0, object.size});
      });
  ASSERT_TRUE(shared && *shared) << "this file system has no hard links";
  auto upload = write([&](store::Transaction& tx) {
    return objects_->create_multipart(tx, {.bucket = "box", .key = "joined"});
  });
  const auto joined = write([&](store::Transaction& tx) -> Result<Object> {
    auto again = objects_->share_part(tx, find(tx, {"box", "large"}).value(), {0, large_bytes});
    TRY(const Part part, objects_->put_part(tx, upload->name, 1, *std::move(*again)));
    const PartReference reference{1, part.etag};
    return objects_->complete(tx, upload->name, std::span(&reference, 1), {});
  });
  ASSERT_TRUE(joined) << joined.error().message;
  ASSERT_TRUE(remove({"box", "large"}));
  files_on_disk();
  EXPECT_TRUE(get("joined") == pattern(large_bytes));
  EXPECT_EQ(read_to_end("joined"), "");
}

}  // namespace
}  // namespace slipway::objects

// A data directory, saved while it is in use, and made again from what was saved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/test_world.h"
#include "engine/objects/objects.h"

namespace slipway::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t large_bytes = 600'000;

// What a server holds open: its store and its objects.
class OpenData {
 public:
  explicit OpenData(fs::path data) : data_(std::move(data)) {
    fs::create_directories(data_);
    store_ = store::Store::open(data_ / "slipway.db", objects::migrations()).value();
    objects_ = objects::Objects::open(*store_, data_, clock_, random_).value();
    (void)store_->write([&](store::Transaction& tx) {
      return objects::create_bucket(tx, {"box", "0", "here", clock_.now()});
    });
  }

  void put(const std::string& key, const std::string& bytes) {
    objects::Upload upload = objects_->begin();
    upload.write(std::as_bytes(std::span(bytes))).value();
    objects::SealedBody body = upload.seal().value();
    store_
        ->write([&](store::Transaction& tx) {
          return objects_->put(tx, {"box", key}, std::move(body));
        })
        .value();
  }

  std::string get(const std::string& key) {
    auto opened = objects_->open_object({"box", key});
    if (!opened) return opened.error().kind;
    objects::ContentReader reader(std::move(opened->content));
    std::string all;
    std::vector<std::byte> block(100'000);
    for (;;) {
      const auto count = reader.read(block);
      if (!count) return count.error().kind;
      if (*count == 0) return all;
      all.append(reinterpret_cast<const char*>(block.data()), *count);
    }
  }

 private:
  const fs::path data_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<objects::Objects> objects_;
};

class BackupTest : public testing::Test {
 protected:
  fs::path data() const { return world_.folder.path() / "data"; }
  fs::path saved() const { return world_.folder.path() / "saved"; }
  fs::path again() const { return world_.folder.path() / "again"; }

  Ran backup() { return world_.run({"backup", saved().string(), "--data", data().string()}); }
  Ran restore(std::vector<std::string> more = {}) {
    std::vector<std::string> words{"restore", saved().string(), "--data", again().string()};
    words.insert(words.end(), more.begin(), more.end());
    return world_.run(words);
  }
  std::vector<fs::path> bodies(const fs::path& folder) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "objects"))
      if (entry.path().filename().string().size() == 32) found.push_back(entry.path());
    return found;
  }
  static void damage(const fs::path& file) {
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).put('#');
  }

  TestWorld world_;
};

TEST_F(BackupTest, what_was_saved_while_it_was_in_use_comes_back) {
  OpenData open(data());
  open.put("small", "hello");
  open.put("large", std::string(large_bytes, 'x'));
  std::ofstream(data() / "credentials") << "secret";
  std::ofstream(data() / "session.key") << "secret";
  const Ran saved = backup();
  EXPECT_EQ(saved.exit, 0) << saved.err;
  EXPECT_THAT(saved.out, HasSubstr("1 bodies"));
  open.put("later", std::string(large_bytes, 'y'));  // no part of it
  const Ran restored = restore();
  EXPECT_EQ(restored.exit, 0) << restored.err;
  OpenData fresh(again());
  EXPECT_EQ(fresh.get("small"), "hello");
  EXPECT_EQ(fresh.get("large"), std::string(large_bytes, 'x'));
  EXPECT_EQ(fresh.get("later"), "no_such_key");
  EXPECT_TRUE(fs::exists(again() / "credentials"));
  // What the time of the backup would bring back to life.
  EXPECT_FALSE(fs::exists(again() / "session.key"));
  EXPECT_FALSE(fs::exists(again() / "restoring.new"));
}

TEST_F(BackupTest, a_damaged_backup_changes_nothing) {
  {
    OpenData open(data());
    open.put("large", std::string(large_bytes, 'x'));
  }
  ASSERT_EQ(backup().exit, 0);
  fs::remove_all(data());  // the same bytes, by another name
  damage(bodies(saved()).at(0));
  const Ran restored = restore();
  EXPECT_EQ(restored.exit, 1);
  EXPECT_THAT(restored.err, HasSubstr("Nothing was restored"));
  EXPECT_FALSE(fs::exists(again() / "slipway.db"));
  fs::remove(saved() / "MANIFEST");
  EXPECT_THAT(restore().err, HasSubstr("no whole backup"));
}

TEST_F(BackupTest, a_running_server_and_a_full_directory_are_left_alone) {
  {
    OpenData open(data());
    open.put("large", std::string(large_bytes, 'x'));
    ASSERT_EQ(backup().exit, 0);
  }
  {
    OpenData running(again());
    EXPECT_THAT(restore({"--replace"}).err, HasSubstr("stop it first"));
  }
  EXPECT_EQ(restore().exit, 2);
  EXPECT_EQ(restore({"--replace"}).exit, 0);
  EXPECT_TRUE(fs::exists(again() / "before-restore-1/slipway.db"));
  EXPECT_EQ(OpenData(again()).get("large"), std::string(large_bytes, 'x'));
}

TEST_F(BackupTest, a_damaged_body_is_named_and_the_others_are_saved) {
  OpenData open(data());
  open.put("bad", std::string(large_bytes, 'x'));
  const fs::path bad = bodies(data()).at(0);
  open.put("good", std::string(large_bytes, 'y'));
  damage(bad);
  const Ran saved = backup();
  EXPECT_EQ(saved.exit, 1);
  EXPECT_THAT(saved.err, HasSubstr("s3://box/bad"));
  EXPECT_EQ(restore().exit, 0);
  OpenData fresh(again());
  EXPECT_EQ(fresh.get("good"), std::string(large_bytes, 'y'));
  EXPECT_EQ(fresh.get("bad"), "body_missing");
}

TEST_F(BackupTest, a_backup_within_the_data_is_refused_by_whatever_name) {
  OpenData open(data());
  open.put("small", "hello");
  fs::create_directory_symlink(data(), world_.folder.path() / "other-name");
  fs::create_directory_symlink(world_.folder.path(), world_.folder.path() / "above");
  const auto refused = [&](const fs::path& folder) {
    const Ran ran = world_.run({"backup", folder.string(), "--data", data().string()});
    EXPECT_EQ(ran.exit, 2) << folder << ran.out;
    EXPECT_THAT(ran.err, HasSubstr("lie in one another"));
  };
  refused(data() / "saved");
  refused(data());
  refused(world_.folder.path() / "other-name/new/saved");
  refused(world_.folder.path() / "above");
  EXPECT_FALSE(fs::exists(data() / "saved"));
  EXPECT_FALSE(fs::exists(data() / "new"));
}

TEST_F(BackupTest, a_restore_into_its_backup_or_around_it_is_refused) {
  {
    OpenData open(data());
    open.put("small", "hello");
    ASSERT_EQ(backup().exit, 0);
  }
  fs::create_directory_symlink(saved(), world_.folder.path() / "other-name");
  const auto refused = [&](const fs::path& into) {
    const Ran ran = world_.run({"restore", saved().string(), "--data", into.string(), "--replace"});
    EXPECT_EQ(ran.exit, 2) << into << ran.out;
    EXPECT_THAT(ran.err, HasSubstr("lie in one another"));
  };
  refused(saved() / "again");
  refused(world_.folder.path() / "other-name/again");
  refused(world_.folder.path());
  EXPECT_EQ(restore().exit, 0) << "the backup was not touched";
}

TEST_F(BackupTest, what_a_failed_backup_wrote_is_removed) {
  {
    OpenData open(data());
    for (int n = 0; n < 200; ++n) open.put(fmt::format("small/{}", n), std::string(500, 'x'));
  }
  const auto bytes = fs::file_size(data() / "slipway.db");
  for (std::uintmax_t at = bytes / 2; at < bytes; at += 4096) {
    std::fstream file(data() / "slipway.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at)).write("####################", 20);
  }
  EXPECT_EQ(backup().exit, 1);
  EXPECT_FALSE(fs::exists(saved()));
  fs::create_directories(saved());  // by somebody else, for a reason
  EXPECT_EQ(backup().exit, 1);
  EXPECT_TRUE(fs::is_empty(saved()));
}

TEST_F(BackupTest, doctor_reads_every_body_when_asked) {
  OpenData open(data());
  open.put("large", std::string(large_bytes, 'x'));
  const auto doctor = [&] {
    return world_.run(
        {"doctor", "--scrub", "--data", data().string(), "--endpoint", "http://127.0.0.1:1"});
  };
  EXPECT_THAT(doctor().out, HasSubstr("1 read"));
  damage(bodies(data()).at(0));
  const Ran ran = doctor();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.out, HasSubstr("s3://box/large: damaged"));
}

}  // namespace
}  // namespace slipway::cli

#include "engine/artifacts/artifact_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <future>

#include "base/test_folder.h"
#include "engine/artifacts/artifact_manifest.h"
#include "engine/artifacts/read_only.h"
#include "engine/artifacts/test_artifacts.h"

namespace slipway::artifacts {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(ReadOnly, ATreeIsReadByEverybodyWrittenByNobodyAndRemovedAllTheSame) {
  const fs::path tree = fs::temp_directory_path() / ("slipway-tree-" + std::to_string(::getpid()));
  fs::create_directories(tree / "code/deep");
  std::ofstream(tree / "code/deep/model") << "x";
  std::ofstream(tree / "code/run.sh") << "x";
  fs::permissions(tree / "code/deep/model", fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(tree / "code/run.sh", fs::perms::owner_all);
  fs::create_symlink("/nowhere", tree / "link");
  make_read_only(tree);
  const auto mode = [&](const char* name) {
    return static_cast<unsigned>(fs::status(tree / name).permissions());
  };
  EXPECT_EQ(mode("code/deep/model"), 0444U);
  EXPECT_EQ(mode("code/run.sh"), 0555U);
  EXPECT_EQ(mode("code/deep"), 0555U);
  EXPECT_EQ(mode(""), 0555U);
  remove_tree(tree);
  EXPECT_FALSE(fs::exists(tree));
}

class ArtifactsTest : public testing::Test {
 protected:
  Result<> unpack(const std::vector<TarEntry>& entries, ArtifactLimits limits = {}) {
    fs::create_directories(into_);
    TextReader reader(make_tar(entries));
    return unpack_archive(reader, into_, limits);
  }
  FetchOutcome fetch(const Artifact& artifact) {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<FetchOutcome> outcome;
    cache_.fetch(artifact, [&](FetchOutcome result) {
      const std::lock_guard lock(mutex);
      outcome = std::move(result);
      done.notify_all();
    });
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return outcome.has_value(); });
    return std::move(*outcome);
  }
  void expect_refused(const std::vector<TarEntry>& entries, const std::string& because) {
    const auto done = unpack(entries);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(done.error().message, HasSubstr(because));
    EXPECT_EQ(files_outside(), 0U) << "something was written outside";
    fs::remove_all(into_);
  }
  std::size_t files_outside() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      if (entry.path() != into_ && entry.path() != folder_.path() / "cache") ++count;
    return count;
  }

  TestFolder folder_;
  const fs::path into_ = folder_.path() / "into";
  TestSource source_;
  WorkerPool pool_{4};
  ArtifactCache cache_{folder_.path() / "cache", source_, pool_};
};

TEST_F(ArtifactsTest, AnOrdinaryArchiveIsUnpackedWithFoldersAndInnerLinks) {
  ASSERT_TRUE(
      unpack({{.name = "./"},
              {.name = "./model.onnx", .content = "weights"},
              {.name = "code/", .type = AE_IFDIR},
              {.name = "code/inference.py", .content = "print()"},
              {.name = "code/latest.py", .type = AE_IFLNK, .link = "inference.py"},
              {.name = "deep/down/to/link", .type = AE_IFLNK, .link = "../../../model.onnx"},
              {.name = "same", .hard_link = "model.onnx"}}));
  EXPECT_EQ(read_file(into_ / "model.onnx"), "weights");
  EXPECT_EQ(read_file(into_ / "code/latest.py"), "print()");
  EXPECT_EQ(read_file(into_ / "deep/down/to/link"), "weights");
  EXPECT_EQ(read_file(into_ / "same"), "weights");
}

TEST_F(ArtifactsTest, EntriesThatLeaveTheFolderAreRefusedByName) {
  expect_refused({{.name = "/etc/evil", .content = "x"}}, "absolute");
  expect_refused({{.name = "a/../../evil", .content = "x"}}, "'..'");
  expect_refused({{.name = "..", .type = AE_IFDIR}}, "'..'");
  expect_refused({{.name = "link", .type = AE_IFLNK, .link = "/etc/passwd"}}, "points out");
  expect_refused({{.name = "link", .type = AE_IFLNK, .link = "../evil"}}, "points out");
  expect_refused({{.name = "link", .hard_link = "/etc/passwd"}}, "points out");
  expect_refused({{.name = "link", .hard_link = "../../evil"}}, "points out");
  expect_refused({{.name = "null", .type = AE_IFCHR}}, "device");
  expect_refused({{.name = "pipe", .type = AE_IFIFO}}, "device");
}

TEST_F(ArtifactsTest, ChainsOfLinksThatLeadOutInTheEndAreRefused) {
  // "up" looks like one level down and is the top; what follows it climbs out.
  expect_refused({{.name = "x/y/", .type = AE_IFDIR},
                  {.name = "x/y/up", .type = AE_IFLNK, .link = "../.."},
                  {.name = "out", .type = AE_IFLNK, .link = "x/y/up/.."}},
                 "points out");
  expect_refused({{.name = "x/y/", .type = AE_IFDIR},
                  {.name = "x/y/up", .type = AE_IFLNK, .link = "../.."},
                  {.name = "x/y/up/../evil", .content = "x"}},
                 "'..'");
  // A file under a name that is a link: the link is made last, so the file is not written through.
  const auto done =
      unpack({{.name = "d", .type = AE_IFLNK, .link = "."}, {.name = "d/evil", .content = "x"}});
  EXPECT_FALSE(done);
  EXPECT_EQ(files_outside(), 0U);
}

TEST_F(ArtifactsTest, BombsAreStoppedAtTheNamedLimits) {
  const auto large = unpack({{.name = "zeros", .content = std::string(2 << 20, '\0')}},
                            {.unpacked_bytes_free = 1 << 20, .unpacked_ratio_max = 1});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::limit_exceeded);
  EXPECT_LE(fs::file_size(into_ / "zeros"), 1U << 20);
  const auto many = unpack({{.name = "a"}, {.name = "b"}, {.name = "c"}}, {.entries_max = 2});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::limit_exceeded);
  const auto long_one = unpack({{.name = std::string(200, 'n')}}, {.name_bytes_max = 100});
  EXPECT_EQ(long_one.error().code, ErrorCode::invalid_argument);
}

TEST_F(ArtifactsTest, AFileWithHolesIsUnpackedAsLongAsItIs) {
  const std::string zeros(1 << 20, '\0');
  ASSERT_TRUE(
      unpack({{.name = "middle", .content = "a" + zeros + "b", .hole_bytes = 1 << 20, .hole_at = 1},
              {.name = "end", .content = "a" + zeros, .hole_bytes = 1 << 20, .hole_at = 1},
              {.name = "all", .content = zeros, .hole_bytes = 1 << 20}}));
  EXPECT_EQ(read_file(into_ / "middle"), "a" + zeros + "b");
  EXPECT_EQ(read_file(into_ / "end"), "a" + zeros);
  EXPECT_EQ(read_file(into_ / "all"), zeros);
}

// Whoever sums up the files reads all that they seem to have: holes, and one file by many names.
TEST_F(ArtifactsTest, WhatTakesNoDiskCountsForTheLimitsTooBecauseItIsRead) {
  const ArtifactLimits limits{.unpacked_bytes_free = 4 << 20, .unpacked_ratio_max = 1};
  const std::string content = "a" + std::string(3 << 20, '\0') + "b";
  const auto hollow = [&](const char* name) {
    return TarEntry{.name = name, .content = content, .hole_bytes = 3 << 20, .hole_at = 1};
  };
  EXPECT_TRUE(unpack({hollow("one")}, limits));
  const auto holes = unpack({hollow("one"), hollow("two")}, limits);
  ASSERT_FALSE(holes);
  EXPECT_EQ(holes.error().code, ErrorCode::limit_exceeded);
  const auto at_end = unpack(
      {{.name = "end", .content = std::string(5 << 20, '\0'), .hole_bytes = 5 << 20}}, limits);
  ASSERT_FALSE(at_end);
  EXPECT_EQ(at_end.error().code, ErrorCode::limit_exceeded);
  const auto names = unpack({hollow("one"), {.name = "again", .hard_link = "one"}}, limits);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, ErrorCode::limit_exceeded);
}

TEST_F(ArtifactsTest, WhatIsNoArchiveIsRefusedWithASentence) {
  fs::create_directories(into_);
  TextReader text("this is not an archive at all");
  EXPECT_THAT(unpack_archive(text, into_, {}).error().message, HasSubstr("tar archive"));
  TextReader nothing("");
  EXPECT_THAT(unpack_archive(nothing, into_, {}).error().message, HasSubstr("tar archive"));
  std::string cut = make_tar({{.name = "a", .content = std::string(100'000, 'x') + "end"}});
  cut.resize(cut.size() / 2);
  TextReader half(cut);
  EXPECT_FALSE(unpack_archive(half, into_, {}));
}

TEST_F(ArtifactsTest, EqualContentIsFetchedOnceHoweverManyAskAtOnce) {
  source_.objects["s3://b/one/model.tar.gz"] = make_tar({{.name = "model", .content = "w"}});
  source_.objects["s3://b/two/model.tar.gz"] = source_.objects["s3://b/one/model.tar.gz"];
  std::atomic<int> done = 0;
  for (int i = 0; i < 20; ++i)
    cache_.fetch({.uri = i % 2 == 0 ? "s3://b/one/model.tar.gz" : "s3://b/two/model.tar.gz"},
                 [&](const FetchOutcome& result) { done += result ? 1 : 100; });
  pool_.stop();
  EXPECT_EQ(done, 20);
  EXPECT_EQ(source_.opened, 1);
}

TEST_F(ArtifactsTest, APrefixKeepsItsTreeAndAnObjectItsName) {
  source_.objects["s3://b/p/a.onnx"] = "1";
  source_.objects["s3://b/p/code/x.py"] = "2";
  source_.objects["s3://b/p/empty/"] = "";
  const auto tree = fetch({.uri = "s3://b/p/", .form = Artifact::Form::prefix});
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(read_file(tree->directory / "code/x.py"), "2");
  const auto one = fetch({.uri = "s3://b/p/a.onnx", .form = Artifact::Form::object});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(read_file(one->directory / "a.onnx"), "1");
  EXPECT_EQ(cache_.find(one->content), one->directory);
  source_.objects["s3://b/q/../../evil"] = "x";
  EXPECT_FALSE(fetch({.uri = "s3://b/q/", .form = Artifact::Form::prefix}));
  EXPECT_EQ(files_outside(), 0U);
}

TEST_F(ArtifactsTest, AFailedFetchLeavesNothingAndACollectionKeepsWhatIsUsed) {
  source_.objects["s3://b/bad"] = "no archive";
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = std::string(1000, 'x')}});
  source_.objects["s3://b/other"] = make_tar({{.name = "o", .content = std::string(1000, 'y')}});
  EXPECT_FALSE(fetch({.uri = "s3://b/bad"}));
  EXPECT_FALSE(fetch({.uri = "s3://b/missing"}));
  EXPECT_TRUE(fs::is_empty(folder_.path() / "cache"));
  const auto good = fetch({.uri = "s3://b/good"});
  const auto other = fetch({.uri = "s3://b/other"});
  cache_.collect({good->content}, 500);
  EXPECT_TRUE(cache_.find(other->content)) << "it is young";
  cache_.collect({good->content}, 500, std::chrono::seconds(0));
  EXPECT_TRUE(cache_.find(good->content));
  EXPECT_FALSE(cache_.find(other->content));
}

TEST_F(ArtifactsTest, WhatTheDiskDamagedIsFetchedAnew) {
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = "right"}});
  const auto good = fetch({.uri = "s3://b/good"});
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_TRUE(fs::exists(good->directory.string() + ".files"));
  std::ofstream(good->directory / "m") << "wrong!";
  ASSERT_TRUE(fetch({.uri = "s3://b/good"}));
  EXPECT_EQ(read_file(good->directory / "m"), "right");
  EXPECT_EQ(source_.opened, 2);
}

TEST_F(ArtifactsTest, BytesThatChangedUnderTheSameSizeAndTimeAreFoundByTheNextProcess) {
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = "right"}});
  const auto good = fetch({.uri = "s3://b/good"});
  ASSERT_TRUE(good) << good.error().message;
  const auto time = fs::last_write_time(good->directory / "m");
  std::ofstream(good->directory / "m") << "wrong";
  fs::last_write_time(good->directory / "m", time);
  WorkerPool pool(1);
  ArtifactCache next(folder_.path() / "cache", source_, pool);
  std::promise<void> done;
  next.fetch({.uri = "s3://b/good"}, [&](const FetchOutcome&) { done.set_value(); });
  done.get_future().wait();
  EXPECT_EQ(read_file(good->directory / "m"), "right");
  pool.stop();
}

TEST_F(ArtifactsTest, ADirectoryWithoutItsListIsNotTrusted) {
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = "right"}});
  const auto good = fetch({.uri = "s3://b/good"});
  ASSERT_TRUE(good) << good.error().message;
  fs::create_directories(good->directory / "__pycache__");
  std::ofstream(good->directory / "__pycache__/m.pyc") << "compiled";
  EXPECT_TRUE(cache_.find(good->content)) << "what Python keeps beside the files is its own";
  fs::remove(good->directory.string() + ".files");
  EXPECT_TRUE(fetch({.uri = "s3://b/good"}));
  EXPECT_TRUE(cache_.find(good->content));
  EXPECT_EQ(source_.opened, 2);
}

// A walk would miss the file, and find the folder gone.
TEST_F(ArtifactsTest, FindingAnswersFromMemoryAndNeverLooksAtTheDisk) {
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = "right"}});
  const auto good = fetch({.uri = "s3://b/good"});
  ASSERT_TRUE(good) << good.error().message;
  remove_tree(good->directory);
  EXPECT_EQ(cache_.find(good->content), good->directory);
  cache_.remove(good->content);
  EXPECT_FALSE(cache_.find(good->content));
}

TEST_F(ArtifactsTest, WhatAnEarlierProcessFetchedIsCheckedOnAWorkerAndNotAskedOfTheSource) {
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = "right"}});
  const auto good = fetch({.uri = "s3://b/good"});
  ASSERT_TRUE(good) << good.error().message;
  source_.objects.clear();
  WorkerPool pool(1);
  ArtifactCache next(folder_.path() / "cache", source_, pool);
  EXPECT_FALSE(next.find(good->content)) << "nobody has looked at it yet";
  const auto again = [&] {
    std::promise<FetchOutcome> done;
    next.fetch_again({.uri = "s3://b/good"}, good->content,
                     [&](FetchOutcome result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  };
  const auto found = again();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->directory, good->directory);
  EXPECT_EQ(next.find(good->content), good->directory);
  std::ofstream(good->directory / "m") << "wrong!";
  EXPECT_FALSE(again()) << "damaged, and gone where it came from";
  EXPECT_FALSE(next.find(good->content));
  pool.stop();
}

// Asks its cache to stop while it is being read, and has no end.
class EndlessSource final : public ArtifactSource {
 public:
  Result<std::vector<ArtifactEntry>> list(const Artifact&) override {
    return std::vector<ArtifactEntry>{{.uri = "endless", .name = "endless", .version = "1"}};
  }
  Result<std::unique_ptr<ArtifactReader>> open(const ArtifactEntry&) override {
    class Reader final : public ArtifactReader {
     public:
      explicit Reader(EndlessSource& source) : source_(source) {}
      Result<std::size_t> read(std::span<char> out) override {
        if (++reads_ == 3) source_.on_read();
        if (reads_ > 20) return fail(ErrorCode::internal, "It was not asked to stop.");
        out[0] = 'x';
        return 1;
      }

     private:
      EndlessSource& source_;
      int reads_ = 0;
    };
    return std::make_unique<Reader>(*this);
  }

  std::function<void()> on_read;
};

TEST_F(ArtifactsTest, AStopEndsAFetchInTheMiddleAndLeavesWhatLiesOnTheDisk) {
  source_.objects["s3://b/good"] = make_tar({{.name = "m", .content = "right"}});
  const auto good = fetch({.uri = "s3://b/good"});
  ASSERT_TRUE(good) << good.error().message;
  EndlessSource endless;
  WorkerPool pool(1);
  ArtifactCache next(folder_.path() / "cache", endless, pool);
  endless.on_read = [&] { next.stop(); };
  std::vector<FetchOutcome> outcomes;
  const auto note = [&](FetchOutcome outcome) { outcomes.push_back(std::move(outcome)); };
  next.fetch({.uri = "s3://b/endless", .form = Artifact::Form::object}, note);
  next.fetch_again({.uri = "s3://b/good"}, good->content, note);
  pool.stop();
  ASSERT_EQ(outcomes.size(), 2U);
  for (const auto& outcome : outcomes) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::unavailable);
    EXPECT_THAT(outcome.error().message, HasSubstr("the server stops"));
  }
  EXPECT_EQ(read_file(good->directory / "m"), "right");
}

TEST_F(ArtifactsTest, AStopEndsTheUnpackingOfAnArchive) {
  fs::create_directories(into_);
  TextReader archive(make_tar({{.name = "m", .content = "right"}}));
  std::stop_source stop;
  stop.request_stop();
  const auto done = unpack_archive(archive, into_, {}, stop.get_token());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(fs::exists(into_ / "m"));
}

// Each would be a wait for the disk.
TEST_F(ArtifactsTest, SealingSyncsOnceAndNamesWhatCannotBeSynced) {
  fs::create_directories(into_);
  const fs::path list = folder_.path() / "sealed.files";
  const auto refused = seal_directory(into_, list, Listed::sources, {kernel_disk(), -1});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("cannot sync"));
  EXPECT_FALSE(fs::exists(list)) << "no list of what may not be on the disk";
}

}  // namespace
}  // namespace slipway::artifacts

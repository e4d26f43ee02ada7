// Artifacts on a disk that fails: each call to it fails once, or the power goes before it. A fetch
// that said where an artifact lies gave the whole of it; one that failed can be asked for again;
// and the next start finds the artifact whole or fetches it anew.
#include <gtest/gtest.h>

#include <future>

#include "base/faulty_disk.h"
#include "base/test_folder.h"
#include "engine/artifacts/read_only.h"
#include "engine/artifacts/test_artifacts.h"

namespace slipway::artifacts {
namespace {

namespace fs = std::filesystem;

// Paths, and what is in the files or where the links lead.
using Tree = std::map<std::string, std::string>;

Tree tree_of(const fs::path& folder) {
  Tree tree;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder);
    if (entry.is_symlink())
      tree[name] = "-> " + fs::read_symlink(entry.path()).string();
    else if (entry.is_regular_file())
      tree[name] = read_file(entry.path());
  }
  return tree;
}

const Artifact archive{.uri = "archive", .form = Artifact::Form::tar_gz};
const Artifact prefix{.uri = "prefix/", .form = Artifact::Form::prefix};
const std::string weights(50'000, 'w');

class ArtifactFaultsTest : public testing::Test {
 protected:
  // One process's cache.
  class Process {
   public:
    Process(const fs::path& root, TestSource& source, Disk& disk)
        : cache_(root / "artifacts", source, pool_, {.disk = &disk}) {}
    ~Process() { pool_.stop(); }

    FetchOutcome fetch(const Artifact& artifact) {
      return wait([&](FetchDone done) { cache_.fetch(artifact, std::move(done)); });
    }
    FetchOutcome fetch_again(const Artifact& artifact, const std::string& content) {
      return wait([&](FetchDone done) { cache_.fetch_again(artifact, content, std::move(done)); });
    }

   private:
    template <typename Ask>
    static FetchOutcome wait(Ask ask) {
      std::promise<FetchOutcome> outcome;
      ask([&](FetchOutcome result) { outcome.set_value(std::move(result)); });
      return outcome.get_future().get();
    }

    WorkerPool pool_{1};
    ArtifactCache cache_;
  };

  ArtifactFaultsTest() {
    source_.objects["archive"] =
        make_tar({{.name = "model", .content = weights},
                  {.name = "code", .type = AE_IFDIR},
                  {.name = "code/run.py", .content = "run"},
                  {.name = "again", .hard_link = "model"},
                  {.name = "main.py", .type = AE_IFLNK, .link = "code/run.py"}});
    source_.objects["prefix/a"] = weights;
    source_.objects["prefix/b/c"] = "c";
  }

  const Tree& expected(const Artifact& artifact) const {
    static const Tree of_archive{{"model", weights},
                                 {"again", weights},
                                 {"code/run.py", "run"},
                                 {"main.py", "-> code/run.py"}};
    static const Tree of_prefix{{"a", weights}, {"b/c", "c"}};
    return artifact.form == Artifact::Form::tar_gz ? of_archive : of_prefix;
  }

  void fetch_in(Process& process, const Artifact& artifact, FaultyDisk& disk) {
    const auto fetched = process.fetch(artifact);
    if (!fetched) {
      EXPECT_EQ(fetched.error().code, ErrorCode::unavailable) << fetched.error().message;
      EXPECT_FALSE(disk.has_power()) << disk.failed() << ": " << fetched.error().message;
      return;
    }
    contents_[artifact.uri] = fetched->content;
    ++fetches_;
    EXPECT_EQ(tree_of(fetched->directory), expected(artifact));
  }

  // Until the power goes.
  void live(const fs::path& root, FaultyDisk& disk) {
    {
      Process process(root, source_, disk);
      fetch_in(process, archive, disk);
      fetch_in(process, prefix, disk);
    }
    if (!disk.has_power()) return;
    damage(root / "artifacts" / contents_[prefix.uri]);
    Process process(root, source_, disk);
    fetch_in(process, prefix, disk);  // anew
    disk.cut_power();
  }

  static void damage(const fs::path& directory) {
    fs::permissions(directory / "a", fs::perms::owner_all);
    std::ofstream(directory / "a") << "damaged";
  }

  void expect_sound_after(const fs::path& root) {
    Process process(root, source_, kernel_disk());
    for (const auto& entry : fs::directory_iterator(root / "artifacts"))
      EXPECT_NE(entry.path().extension(), ".new") << entry.path();
    for (const Artifact& artifact : {archive, prefix}) {
      const auto fetched = process.fetch_again(artifact, contents_[artifact.uri]);
      ASSERT_TRUE(fetched) << fetched.error().message;
      EXPECT_EQ(tree_of(fetched->directory), expected(artifact));
    }
  }

  std::uint64_t try_plan(FaultyDisk::Plan plan) {
    const fs::path root = folder_ / std::to_string(++runs_);
    fs::create_directories(root / "graves");
    FaultyDisk disk(root / "graves", plan);
    contents_ = {{archive.uri, "none"}, {prefix.uri, "none"}};
    live(root, disk);
    SCOPED_TRACE(testing::Message() << "seed " << plan.seed << ", step " << plan.failing_step
                                    << plan.dying_step << ": " << disk.failed());
    faults_ += !disk.failed().empty();
    expect_sound_after(root);
    remove_tree(root);
    return disk.steps();
  }

  TestFolder folder_;
  TestSource source_;
  std::map<std::string, std::string> contents_;
  int runs_ = 0;
  int fetches_ = 0;
  int faults_ = 0;
};

TEST_F(ArtifactFaultsTest, what_was_fetched_is_whole_and_what_failed_is_fetched_anew) {
  const std::uint64_t steps = try_plan({.fault = FaultyDisk::Fault::none});
  ASSERT_EQ(fetches_, 3);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    try_plan({.seed = step, .failing_step = step, .fault = FaultyDisk::Fault::error});
    try_plan({.seed = step, .failing_step = step, .fault = FaultyDisk::Fault::full});
    try_plan({.seed = step, .fault = FaultyDisk::Fault::none, .dying_step = step});
  }
  EXPECT_EQ(faults_, static_cast<int>(3 * steps));
}

}  // namespace
}  // namespace slipway::artifacts

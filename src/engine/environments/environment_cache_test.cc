#include "engine/environments/environment_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "base/test_folder.h"
#include "engine/artifacts/left_tree.h"
#include "engine/artifacts/read_only.h"
#include "engine/artifacts/shared_files.h"
#include "engine/environments/acting_place.h"
#include "engine/reconciler.h"

namespace slipway::environments {
namespace {

using testing::HasSubstr;

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string plan_text(const fs::path& folder, std::string_view more = {}) {
  return R"({"folder": ")" + folder.string() +
         R"(", "names_files": false, "packages": [], "requirements": "requirements.txt", )" +
         R"("python": "3", "variables": {"PIP_PRE": "1"}, "wheels": []})" + std::string(more);
}

class EnvironmentCacheTest : public testing::Test {
 protected:
  EnvironmentCacheTest() {
    write(model_ / "code/requirements.txt", "numpy\n");
    place_.plan = [this](const fs::path& directory, const place::InstanceSpec&) {
      write(directory / "plan.json", plan_text(model_ / "code"));
      return 0;
    };
    place_.install = [](const fs::path& directory, const place::InstanceSpec&) {
      write(directory / "environment/lib/numpy.py", "VALUE = 1\n");
      write(directory / "environment/lib/__pycache__/numpy.pyc", "compiled\n");
      return 0;
    };
    open();
  }
  ~EnvironmentCacheTest() override {
    close();
    artifacts::remove_tree(folder_.path() / "environments");
  }

  // As a server that starts.
  void open() {
    engine_ = std::make_unique<Engine>(*store_, place_);
    loop_ = std::make_unique<net::LoopThread>();
    workers_ = std::make_unique<WorkerPool>(2);
    cache_ = std::make_unique<EnvironmentCache>(
        root_, EnvironmentCache::Needs{.loop = loop_->loop(),
                                       .workers = *workers_,
                                       .store = *store_,
                                       .jobs = engine_->jobs,
                                       .progress = engine_->reconciler,
                                       .changes = engine_->changes,
                                       .place = place_,
                                       .random = random_,
                                       .room = room_.get(),
                                       .relieve = [this] { ++relieved_; },
                                       .programs_at_once_max = 4});
    place_.adopt();
    engine_->loop.start();
  }
  void close() {
    if (!engine_) return;
    engine_->changes.close();
    engine_->loop.stop();
    workers_->stop();
    loop_->stop();
    (void)store_->write([](store::Transaction&) -> Result<> { return {}; });
    cache_.reset();
    engine_.reset();
  }
  // The id of one of the environments' jobs.
  std::string running_job() {
    return *store_->read([this](store::Transaction& tx) -> Result<std::string> {
      return engine_->jobs.all_of(tx, "environment").back().text;
    });
  }
  // What the programs left is removed a little after they ended.
  bool nothing_is_left() {
    const fs::path instances = folder_.path() / "instances";
    return eventually([&] { return !fs::exists(instances) || fs::is_empty(instances); });
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return holds();
  }

  Need need(const fs::path& model) const {
    return {.name = "f/1/v",
            .with_contents = {.argv = {"/server", "--model-dir", model}},
            .without = {.argv = {"/server"}},
            .contents = {{.host_path = model, .inside = "/opt/ml/model"}},
            .asker = asker_};
  }
  std::future<artifacts::FetchOutcome> ask(const fs::path& model) {
    auto promise = std::make_shared<std::promise<artifacts::FetchOutcome>>();
    cache_->prepare(need(model), [promise](artifacts::FetchOutcome outcome) {
      promise->set_value(std::move(outcome));
    });
    return promise->get_future();
  }
  artifacts::FetchOutcome prepare() { return ask(model_).get(); }

  class NoArtifacts final : public artifacts::Artifacts {
   public:
    void fetch(const artifacts::Artifact&, artifacts::FetchDone) override {}
    void fetch_again(const artifacts::Artifact&, const std::string&,
                     artifacts::FetchDone) override {}
    std::optional<fs::path> find(const std::string&) override { return std::nullopt; }
  };
  // What a server has of jobs.
  struct Engine {
    Engine(store::Store& store, place::Place& place)
        : loop(store, clock, changes), reconciler({place, artifacts, loop, changes}) {}

    SystemClock clock;
    NoArtifacts artifacts;
    engine::Changes changes{clock};
    engine::ReconcilerLoop loop;
    jobs::JobReconciler reconciler;
    jobs::Jobs jobs{clock, [this](const jobs::JobId& id) { reconciler.wake(id); }};
  };
  void observe(const place::Observation& seen) {
    if (cache_) cache_->observe(seen);
    if (engine_) engine_->reconciler.observe(seen);
  }

  TestFolder folder_;
  const std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_.path() / "state.db", jobs::migrations()).value();
  const fs::path model_ = folder_.path() / "artifacts/m";
  std::shared_ptr<const int> asker_ = std::make_shared<const int>();
  SystemRandom random_;
  std::unique_ptr<DiskRoom> room_;
  fs::path root_ = folder_.path() / "environments";
  std::atomic<int> relieved_ = 0;
  ActingPlace place_{folder_.path() / "instances",
                     [this](const place::Observation& seen) { observe(seen); }};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<net::LoopThread> loop_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<EnvironmentCache> cache_;
};

TEST_F(EnvironmentCacheTest, a_content_is_installed_once_and_nobody_may_write_it) {
  const auto first = prepare();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(read(first->directory / "lib/numpy.py"), "VALUE = 1\n");
  struct stat facts{};
  ASSERT_EQ(::stat((first->directory / "lib").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0555U);
  EXPECT_EQ(cache_->find(first->content), first->directory);
  EXPECT_EQ(prepare()->content, first->content);
  EXPECT_EQ(place_.builds, 1);
  close();
  open();
  EXPECT_EQ(cache_->find(first->content), std::nullopt);
  EXPECT_EQ(prepare()->content, first->content);
  EXPECT_EQ(place_.builds, 1);
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(EnvironmentCacheTest, many_wait_for_one_installation) {
  std::vector<std::future<artifacts::FetchOutcome>> asked;
  for (int i = 0; i < 20; ++i) asked.push_back(ask(model_));
  for (auto& one : asked) EXPECT_TRUE(one.get());
  EXPECT_EQ(place_.builds, 1);
}

TEST_F(EnvironmentCacheTest, what_is_alike_is_planned_once_and_failures_are_tried_again) {
  std::vector<std::future<artifacts::FetchOutcome>> asked;
  for (int i = 0; i < 20; ++i) asked.push_back(ask(model_));
  for (auto& one : asked) EXPECT_TRUE(one.get());
  EXPECT_TRUE(prepare());
  EXPECT_EQ(place_.plans_run, 1);

  Need other = need(model_);
  other.with_contents.environment["PIP_PRE"] = "1";
  std::promise<bool> done;
  cache_->prepare(std::move(other), [&](const artifacts::FetchOutcome& outcome) {
    done.set_value(outcome.has_value());
  });
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(place_.plans_run, 2);

  place_.plan = [](const fs::path&, const place::InstanceSpec&) { return 1; };
  const fs::path broken = folder_.path() / "artifacts/broken";
  EXPECT_FALSE(ask(broken).get());
  EXPECT_FALSE(ask(broken).get());
  EXPECT_EQ(place_.plans_run, 4);
}

TEST_F(EnvironmentCacheTest, a_plan_that_nobody_waits_for_any_more_is_run_anew_for_who_comes) {
  place_.plan = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  auto asked = ask(model_);
  while (place_.plans_run == 0) std::this_thread::yield();
  asker_.reset();
  EXPECT_THAT(asked.get().error().message, HasSubstr("Nobody waits"));
  EXPECT_EQ(place_.stops, 1);

  asker_ = std::make_shared<const int>();
  auto gone = ask(model_);
  while (place_.plans_run == 1) std::this_thread::yield();
  asker_ = std::make_shared<const int>();
  auto stays = ask(model_);
  EXPECT_NE(gone.wait_for(std::chrono::milliseconds(1'200)), std::future_status::ready)
      << "another waits for the same";
  EXPECT_EQ(place_.stops, 1);
}

TEST_F(EnvironmentCacheTest, what_installs_sees_what_the_plan_names_and_nothing_else) {
  place::InstanceSpec seen;
  place_.install = [&](const fs::path& directory, const place::InstanceSpec& spec) {
    seen = spec;
    write(directory / "environment/x", "");
    return 0;
  };
  ASSERT_TRUE(prepare());
  ASSERT_EQ(seen.mounts.size(), 1U);
  EXPECT_EQ(seen.mounts[0].host_path, (model_ / "code/requirements.txt").string());
  EXPECT_EQ(seen.mounts[0].access, place::Mount::Access::read_only);
  EXPECT_EQ(seen.environment, (std::map<std::string, std::string>{{"PIP_PRE", "1"}}));
}

TEST_F(EnvironmentCacheTest, equal_requirements_of_two_models_share_and_others_do_not) {
  const fs::path other = folder_.path() / "artifacts/n";
  write(other / "code/requirements.txt", "numpy\n");
  const auto first = prepare();
  place_.plan = [&](const fs::path& directory, const place::InstanceSpec&) {
    write(directory / "plan.json", plan_text(other / "code"));
    return 0;
  };
  EXPECT_EQ(ask(other).get()->content, first->content);
  write(other / "code/requirements.txt", "numpy==1\n");
  EXPECT_NE(ask(other).get()->content, first->content);
  EXPECT_EQ(place_.builds, 2);
}

TEST_F(EnvironmentCacheTest, a_damaged_file_has_it_installed_anew) {
  for (const char* name : {"lib/numpy.py", "lib/__pycache__/numpy.pyc"}) {
    const auto first = prepare();
    ASSERT_TRUE(first);
    const fs::path file = first->directory / name;
    const auto written = fs::last_write_time(file);
    const std::string was = read(file);
    fs::permissions(file, fs::perms::owner_all);
    std::ofstream(file) << std::string(was.size(), 'x');
    fs::last_write_time(file, written);  // of the same size and time: only the sum tells
    const int builds = place_.builds;
    close();
    open();
    ASSERT_TRUE(prepare());
    EXPECT_EQ(place_.builds, builds + 1);
    EXPECT_EQ(read(file), was);
  }
}

TEST_F(EnvironmentCacheTest, files_that_two_contents_have_alike_are_one_on_the_disk) {
  const std::string large(3 * artifacts::shared_file_bytes_min, 'x');
  place_.install = [&](const fs::path& directory, const place::InstanceSpec&) {
    const std::string own = std::to_string(place_.builds.load());
    const fs::path made = directory / "environment";
    for (const char* name : {"alike.so", "closed.so", "source.py", "source.pyc", "damaged.so"})
      write(made / "lib" / name, name + large);
    write(made / "lib/own.so", large + own);
    write(made / "lib/small.so", "x");
    fs::permissions(made / "lib/closed.so", fs::perms(own == "1" ? 0755 : 0644));
    return 0;
  };
  const auto first = prepare();
  ASSERT_TRUE(first) << first.error().message;
  const fs::path damaged = first->directory / "lib/damaged.so";
  fs::permissions(damaged, fs::perms::owner_all);
  std::ofstream(damaged) << std::string(fs::file_size(damaged), 'y');
  write(model_ / "code/requirements.txt", "numpy==1\n");
  const auto second = prepare();
  ASSERT_TRUE(second) << second.error().message;
  const auto are_one = [&](const fs::path& name) {
    return fs::equivalent(first->directory / name, second->directory / name);
  };
  EXPECT_TRUE(are_one("lib/alike.so"));
  for (const char* name : {"closed.so", "source.py", "source.pyc", "damaged.so", "small.so"})
    EXPECT_FALSE(are_one(fs::path("lib") / name)) << name;
  EXPECT_EQ(read(second->directory / "lib/damaged.so"), "damaged.so" + large);
  close();
  artifacts::remove_tree(first->directory);
  open();
  ASSERT_TRUE(prepare());  // nothing of it went with the other
  EXPECT_EQ(place_.builds, 2);
  const auto shared = [&] {
    return std::distance(fs::directory_iterator(root_ / "files.shared"), {});
  };
  EXPECT_EQ(shared(), 6);  // the first one's too: closed.so that is run, and own.so
  cache_->collect({second->content}, 0);
  EXPECT_EQ(shared(), 4);
}

// Through a socket to an instance, say: neither a file's mode nor its owner is asked about again.
TEST_F(EnvironmentCacheTest, whoever_holds_a_file_that_he_installed_writes_into_no_other_content) {
  const std::string large(3 * artifacts::shared_file_bytes_min, 'x');
  Fd held;
  place_.install = [&](const fs::path& directory, const place::InstanceSpec&) {
    const fs::path file = directory / "environment/lib/alike.so";
    write(file, large);
    if (!held) held = Fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    return 0;
  };
  ASSERT_TRUE(prepare());
  write(model_ / "code/requirements.txt", "numpy==1\n");
  const auto second = prepare();
  ASSERT_TRUE(second) << second.error().message;
  ASSERT_EQ(::pwrite(held.get(), "y", 1, 0), 1);
  EXPECT_EQ(read(second->directory / "lib/alike.so"), large);
}

TEST_F(EnvironmentCacheTest, a_model_that_needs_nothing_gets_nothing) {
  place_.plan = [](const fs::path&, const place::InstanceSpec&) { return 0; };
  const auto outcome = prepare();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->content, "");
  EXPECT_EQ(place_.builds, 0);
}

TEST_F(EnvironmentCacheTest,
       a_failed_installation_says_the_programs_own_sentence_and_leaves_nothing) {
  place_.install = [](const fs::path& directory, const place::InstanceSpec&) {
    write(directory / "environment/half", "");
    return 1;
  };
  place_.log = "pip\nslipway-modelserver: The packages could not be installed: no numpy\n";
  const auto refused = prepare();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "The packages could not be installed: no numpy");
  EXPECT_TRUE(nothing_is_left());
  close();
  EXPECT_TRUE(fs::is_empty(folder_.path() / "environments"));
}

TEST_F(EnvironmentCacheTest, plans_that_name_what_is_not_the_models_are_refused) {
  write(folder_.path() / "secret/requirements.txt", "x");
  fs::create_directories(model_ / "linked");
  fs::create_symlink(folder_.path() / "secret/requirements.txt",
                     model_ / "linked/requirements.txt");
  // Another way to the same file, which leads elsewhere as soon as somebody turns it.
  const fs::path elsewhere = folder_.path() / "turned";
  fs::create_symlink(model_ / "code", elsewhere);
  const std::vector<std::string> texts = {plan_text(folder_.path() / "secret"),
                                          plan_text(model_ / "linked"),
                                          plan_text(model_ / "code/../../../secret"),
                                          plan_text(model_ / "code/../code"),
                                          plan_text(elsewhere),
                                          plan_text("/etc"),
                                          "no plan",
                                          "{}",
                                          plan_text(model_ / "code", "{}")};
  for (const std::string& text : texts) {
    place_.plan = [&](const fs::path& directory, const place::InstanceSpec&) {
      write(directory / "plan.json", text);
      return 0;
    };
    EXPECT_FALSE(prepare()) << text;
  }
  place_.plan = [&](const fs::path& directory, const place::InstanceSpec&) {
    fs::create_symlink(folder_.path() / "secret/requirements.txt", directory / "plan.json");
    return 0;
  };
  EXPECT_FALSE(prepare());
  EXPECT_EQ(place_.builds, 0);
}

TEST_F(EnvironmentCacheTest, plans_that_keep_a_worker_busy_for_hours_are_refused) {
  const fs::path large = model_ / "code/large.whl";
  write(large, "");
  fs::resize_file(large, environment_input_bytes_max + 1);
  std::string text = plan_text(model_ / "code");
  text.replace(text.find("\"wheels\": []") + 10, 2, R"(["large.whl"])");
  place_.plan = [&](const fs::path& directory, const place::InstanceSpec&) {
    write(directory / "plan.json", text);
    return 0;
  };
  const auto made = prepare();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::limit_exceeded) << made.error().message;
}

TEST_F(EnvironmentCacheTest, requirements_that_name_files_are_installed_for_their_model_alone) {
  std::string text = plan_text(model_ / "code");
  text.replace(text.find("false"), 5, "true");
  place_.plan = [&](const fs::path& directory, const place::InstanceSpec&) {
    write(directory / "plan.json", text);
    return 0;
  };
  std::vector<place::Mount> mounts;
  place_.install = [&](const fs::path& directory, const place::InstanceSpec& spec) {
    mounts = spec.mounts;
    write(directory / "environment/x", "");
    return 0;
  };
  ASSERT_TRUE(prepare());
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].host_path, model_.string());
  EXPECT_EQ(mounts[0].inside, "/opt/ml/model");
}

TEST_F(EnvironmentCacheTest, links_that_lead_out_and_what_is_no_file_are_refused) {
  const fs::path tree = folder_.path() / "tree";
  write(tree / "lib/a", "");
  fs::create_symlink("lib", tree / "lib64");
  fs::create_directories(tree / "bin");
  fs::create_symlink("/usr/bin/python3", tree / "bin/python3");
  fs::create_directories(tree / "closed");
  fs::permissions(tree / "closed", fs::perms::none);
  EXPECT_TRUE(artifacts::take_over_tree(tree));
  fs::create_symlink("../../instances", tree / "lib/out");
  EXPECT_THAT(artifacts::take_over_tree(tree).error().message,
              HasSubstr("'lib/out', which is a link"));
  fs::remove(tree / "lib/out");
  fs::create_directories(tree / "a/b/c");
  fs::create_symlink("../../../lib", tree / "a/b/c/up");
  fs::create_symlink("up/../../instances", tree / "a/b/c/out");
  EXPECT_THAT(artifacts::take_over_tree(tree).error().message,
              HasSubstr("'a/b/c/out', which is a link"));
  fs::remove(tree / "a/b/c/out");
  EXPECT_TRUE(artifacts::take_over_tree(tree));
  ASSERT_EQ(::mkfifo((tree / "lib/pipe").c_str(), 0600), 0);
  EXPECT_THAT(artifacts::take_over_tree(tree).error().message,
              HasSubstr("'lib/pipe', which is no file"));
}

// Holes take nothing of the disk, and days to read.
TEST_F(EnvironmentCacheTest, what_says_that_it_is_larger_than_any_environment_is_refused_unread) {
  const fs::path tree = folder_.path() / "tree";
  write(tree / "a", "");
  fs::resize_file(tree / "a", artifacts::left_tree_bytes_max);
  EXPECT_TRUE(artifacts::take_over_tree(tree));
  write(tree / "b", "x");
  EXPECT_EQ(artifacts::take_over_tree(tree).error().code, ErrorCode::limit_exceeded);
  fs::remove(tree / "b");
  fs::resize_file(tree / "a", artifacts::left_tree_bytes_max / 2 + 1);
  fs::create_hard_link(tree / "a", tree / "again");
  EXPECT_EQ(artifacts::take_over_tree(tree).error().message, "Its files have more than 16 GiB.");
}

// Whoever finds no place among those who wait looks now and then, and not again and again.
TEST_F(EnvironmentCacheTest, a_program_is_awaited_in_peace_where_too_many_wait) {
  place_.install = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  auto asked = ask(model_);
  ASSERT_TRUE(eventually([this] { return place_.builds == 1; }));
  for (std::size_t i = 0; i < engine::waiters_max; ++i)
    engine_->changes.wait("other", engine_->changes.sequence(), Instant::max(),
                          [](engine::WaitOutcome) {});
  engine_->changes.notify("job/" + running_job());
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const auto before = used();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(used() - before, std::chrono::milliseconds(100));
}

TEST_F(EnvironmentCacheTest, what_a_former_server_was_building_is_ended_and_used_by_nobody) {
  place_.install = [](const fs::path& directory, const place::InstanceSpec&) {
    write(directory / "environment/half", "");
    return -1;
  };
  auto asked = ask(model_);
  while (place_.builds == 0) std::this_thread::yield();
  close();
  open();
  EXPECT_TRUE(nothing_is_left());
  EXPECT_EQ(place_.stops, 1);
  EXPECT_TRUE(fs::is_empty(folder_.path() / "environments"));
}

TEST_F(EnvironmentCacheTest, what_a_release_without_jobs_was_building_is_ended_and_used_by_nobody) {
  const place::InstanceKey former{"environment/f/1/v/0"};
  write(place_.directory_of(former) / "environment/half", "");
  write(folder_.path() / "environments/0123.new/half", "");
  close();
  open();
  EXPECT_TRUE(fs::is_empty(folder_.path() / "environments"));
  cache_->observe({.kind = place::Observation::Kind::adopted, .key = former});
  ASSERT_TRUE(prepare());
  EXPECT_TRUE(nothing_is_left());
  EXPECT_EQ(place_.stops, 1);
}

TEST_F(EnvironmentCacheTest, the_reserve_of_the_disk_is_left_alone) {
  const fs::path disk = folder_.path() / "disk";
  fs::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64m") != 0)
    GTEST_SKIP() << "no file system can be mounted here";
  close();
  room_ = std::make_unique<DiskRoom>(disk);
  root_ = disk / "environments";
  open();
  place_.install = [&](const fs::path&, const place::InstanceSpec&) {
    std::ofstream(disk / "filling") << std::string(62 << 20, 'x');
    return -1;  // it goes on
  };
  EXPECT_EQ(prepare().error().kind, "disk_full") << "ended while it is installed";
  EXPECT_EQ(place_.stops, 1);
  EXPECT_EQ(relieved_, 0);
  EXPECT_EQ(prepare().error().kind, "disk_full") << "not begun at all";
  EXPECT_EQ(relieved_, 1);
  EXPECT_EQ(place_.builds, 1);
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_F(EnvironmentCacheTest, what_nobody_waits_for_any_more_is_ended_and_begun_anew_for_who_comes) {
  place_.install = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  auto asked = ask(model_);
  while (place_.builds == 0) std::this_thread::yield();
  asker_.reset();
  EXPECT_THAT(asked.get().error().message, HasSubstr("Nobody waits"));
  EXPECT_EQ(place_.stops, 1);

  asker_ = std::make_shared<const int>();
  auto gone = ask(model_);
  while (place_.builds == 1) std::this_thread::yield();
  asker_ = std::make_shared<const int>();
  auto stays = ask(model_);
  EXPECT_NE(gone.wait_for(std::chrono::milliseconds(1'200)), std::future_status::ready)
      << "another waits for the same";
  EXPECT_EQ(place_.stops, 1);
}

TEST_F(EnvironmentCacheTest, what_an_installation_does_is_told_while_it_runs_in_one_plain_line) {
  place_.install = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  place_.log = "Collecting numpy\n  Downloading\x1b numpy\n";
  EXPECT_EQ(cache_->doing("f/1/v"), "");
  auto asked = ask(model_);
  std::string said;
  while ((said = cache_->doing("f/1/v")).empty()) std::this_thread::yield();
  EXPECT_THAT(said, testing::MatchesRegex("[0-9]+ s,   Downloading. numpy"));
  EXPECT_EQ(cache_->doing("f/2/v"), "");
  asker_.reset();
  EXPECT_FALSE(asked.get());
  EXPECT_EQ(cache_->doing("f/1/v"), "");
}

TEST_F(EnvironmentCacheTest, whoever_asks_for_many_leaves_room_for_others_and_is_served_in_turn) {
  place_.install = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  place_.plan = [](const fs::path& directory, const place::InstanceSpec& spec) {
    write(directory / "plan.json", plan_text(fs::path(spec.argv[2]) / "code"));
    return 0;
  };
  const auto awaited = [](const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return holds();
  };
  const auto ask_as = [&](const std::string& owner, const std::string& what) {
    const fs::path model = folder_.path() / "artifacts" / what;
    write(model / "code/requirements.txt", what + "\n");
    Need asked = need(model);
    asked.name = what + "/1/v";
    asked.owner = owner;
    auto promise = std::make_shared<std::promise<bool>>();
    cache_->prepare(std::move(asked), [promise](const artifacts::FetchOutcome& outcome) {
      promise->set_value(outcome.has_value());
    });
    return promise->get_future();
  };
  std::vector<std::future<bool>> many;
  for (int i = 0; i < 20; ++i) many.push_back(ask_as("greedy", "many" + std::to_string(i)));
  EXPECT_TRUE(awaited([&] { return cache_->doing("many19/1/v") == "others are installed first"; }));
  EXPECT_EQ(place_.builds, 2);
  auto other = ask_as("modest", "other");
  EXPECT_TRUE(awaited([&] { return place_.builds == 3; }));
  auto same = ask_as("third", "many19");  // what stands in the line of the first: by his own share
  EXPECT_TRUE(awaited([&] { return place_.builds == 4; }));
  asker_.reset();
  for (auto& one : many) EXPECT_FALSE(one.get());
  EXPECT_FALSE(other.get());
  EXPECT_FALSE(same.get());
  EXPECT_EQ(place_.builds, 4);
}

TEST_F(EnvironmentCacheTest, a_server_that_stops_waits_for_no_installation) {
  place_.plan = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  auto asked = ask(model_);
  cache_->stop();
  EXPECT_THAT(asked.get().error().message, HasSubstr("the server stops"));
  EXPECT_FALSE(prepare());
}

}  // namespace
}  // namespace slipway::environments

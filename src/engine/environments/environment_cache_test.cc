#include "engine/environments/environment_fixture.h"

namespace slipway::environments {
namespace {

using testing::HasSubstr;

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

  EnvironmentNeed other = need(model_);
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

TEST_F(EnvironmentCacheTest,
       a_failed_installation_says_the_programs_own_sentence_and_leaves_nothing) {
  place_.install = [](const fs::path& directory, const place::InstanceSpec&) {
    write(directory / "environment/half", "");
    return 1;
  };
  place_.log = "pip\nwhy: The packages could not be installed: no numpy\n";
  const auto refused = prepare();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "The packages could not be installed: no numpy");
  EXPECT_TRUE(nothing_is_left());
  close();
  EXPECT_TRUE(fs::is_empty(folder_.path() / "environments"));
}

// The server itself waits, however many places its clients have taken.
TEST_F(EnvironmentCacheTest, a_program_is_awaited_in_peace_where_too_many_wait) {
  place_.install = [](const fs::path&, const place::InstanceSpec&) { return -1; };
  for (std::size_t i = 0; i < engine::waiters_max; ++i)
    engine_->changes.wait(
        "other", engine_->changes.sequence(), Instant::max(), [](engine::WaitOutcome) {},
        TaskOwner(1 + i % 2));
  const auto asked = ask(model_);
  ASSERT_TRUE(eventually([this] { return place_.builds == 1; }));
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
    EnvironmentNeed asked = need(model);
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

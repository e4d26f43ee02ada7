// What an environment is made of: what is shared, what is damaged, what is refused.
#include "engine/environments/environment_fixture.h"

namespace slipway::environments {
namespace {

using EnvironmentContentsTest = EnvironmentCacheTest;

using testing::HasSubstr;

TEST_F(EnvironmentContentsTest, equal_requirements_of_two_models_share_and_others_do_not) {
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

TEST_F(EnvironmentContentsTest, a_damaged_file_has_it_installed_anew) {
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

TEST_F(EnvironmentContentsTest, files_that_two_contents_have_alike_are_one_on_the_disk) {
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
TEST_F(EnvironmentContentsTest,
       whoever_holds_a_file_that_he_installed_writes_into_no_other_content) {
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

TEST_F(EnvironmentContentsTest, a_model_that_needs_nothing_gets_nothing) {
  place_.plan = [](const fs::path&, const place::InstanceSpec&) { return 0; };
  const auto outcome = prepare();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->content, "");
  EXPECT_EQ(place_.builds, 0);
}

TEST_F(EnvironmentContentsTest, plans_that_name_what_is_not_the_models_are_refused) {
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

TEST_F(EnvironmentContentsTest, plans_that_keep_a_worker_busy_for_hours_are_refused) {
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

TEST_F(EnvironmentContentsTest, requirements_that_name_files_are_installed_for_their_model_alone) {
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

}  // namespace
}  // namespace slipway::environments

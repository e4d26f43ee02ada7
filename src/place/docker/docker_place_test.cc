// What a docker place does beside what every place promises.
#include "place/docker/docker_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "base/test_folder.h"
#include "place/docker/fake_engine.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Kind = Observation::Kind;

class DockerPlaceTest : public testing::Test {
 protected:
  DockerPlaceTest() : engine_(std::in_place, FakeEngine::Kind::docker, socket()) { open(); }

  std::string socket() const { return folder_.path() / "engine.sock"; }
  void open() {
    place_ = *DockerPlace::open({.root = folder_.path() / "place", .sockets = {socket()}},
                                [this](Observation observation) {
                                  const std::lock_guard lock(mutex_);
                                  seen_.push_back(std::move(observation));
                                });
    place_->adopt();
    wait_for(Kind::adoption_done, {});
  }
  // As a server that was killed, and the next one.
  void reopen() {
    place_.reset();
    seen_.clear();
    open();
  }
  std::optional<Observation> seen(Kind kind, const InstanceKey& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(
        seen_, [&](const Observation& each) { return each.kind == kind && each.key == key; });
    return found == seen_.end() ? std::nullopt : std::optional(*found);
  }
  Observation wait_for(Kind kind, const InstanceKey& key) {
    for (int i = 0; i < 2000; ++i) {
      if (auto found = seen(kind, key)) return *std::move(found);
      std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "no '" << name_of(kind) << "' was observed of '" << key.text << "'";
    return {};
  }
  std::string reason_for(const InstanceSpec& spec) {
    place_->start(key_, spec);
    return wait_for(Kind::start_failed, key_).reason;
  }
  bool comes_to_be_empty() {
    for (int i = 0; i < 1000 && engine_->count() > 0; ++i) std::this_thread::sleep_for(5ms);
    return engine_->count() == 0;
  }

  static bool has_thread() {
    return std::ranges::any_of(std::filesystem::directory_iterator("/proc/self/task"),
                               [](const auto& task) {
                                 std::string name;
                                 std::getline(std::ifstream(task.path() / "comm"), name);
                                 return name == "containers";
                               });
  }

  TestFolder folder_;
  std::mutex mutex_;
  std::vector<Observation> seen_;
  std::optional<FakeEngine> engine_;
  std::unique_ptr<DockerPlace> place_;
  const InstanceKey key_{"test/a/1/main/1"};
};

TEST_F(DockerPlaceTest, ItHasNoThreadUntilThereIsAContainerOrNotesOfOne) {
  place_->stop(key_, 0ms);
  place_->forget(key_);
  bool pushed = false;
  place_->push_logs([&] { pushed = true; });
  EXPECT_TRUE(pushed);
  EXPECT_FALSE(has_thread());
  place_->start(key_, {.image = "quits:1"});
  wait_for(Kind::exited, key_);
  EXPECT_TRUE(has_thread());
  reopen();
  EXPECT_TRUE(has_thread());
  EXPECT_TRUE(seen(Kind::exited, key_));
  place_->forget(key_);
  reopen();
  EXPECT_FALSE(has_thread());
}

TEST_F(DockerPlaceTest, OneThatEndsUnusedHasEndedAndBeginsNothingMore) {
  EXPECT_EQ(place_->end(0ms).wait_for(0s), std::future_status::ready);
  place_->start(key_, {.image = "runs:1"});
  EXPECT_FALSE(has_thread());
}

TEST_F(DockerPlaceTest, WithoutAnEngineItSaysWhatToInstall) {
  engine_.reset();
  const std::string reason = reason_for({.image = "runs:1"});
  EXPECT_THAT(reason, HasSubstr(socket()));
  EXPECT_THAT(reason, HasSubstr("apt install docker.io"));
}

TEST_F(DockerPlaceTest, AnImageThatNobodyHasIsNamedWithTheEnginesReason) {
  const std::string reason = reason_for({.image = "nowhere:1"});
  EXPECT_THAT(reason, HasSubstr("'nowhere:1'"));
  EXPECT_THAT(reason, HasSubstr("manifest unknown"));
}

TEST_F(DockerPlaceTest, AnImageForAnotherMachineIsRefused) {
  EXPECT_EQ(reason_for({.image = "foreign:1"}),
            "The image 'foreign:1' is made for arm64, and this machine is amd64.");
  EXPECT_EQ(engine_->count(), 0U);
}

TEST_F(DockerPlaceTest, AProgramThatIsNotInItsImageIsNamedAndItsContainerRemoved) {
  EXPECT_THAT(reason_for({.image = "broken:1"}), HasSubstr("executable file not found"));
  EXPECT_TRUE(comes_to_be_empty());
}

TEST_F(DockerPlaceTest, TheEndForMemoryIsToldBeforeTheEnd) {
  place_->start(key_, {.image = "greedy:1", .memory_bytes_max = 64ULL << 20});
  EXPECT_EQ(wait_for(Kind::exited, key_).exit.signal, 9);
  const auto excess = seen(Kind::over_memory, key_);
  ASSERT_TRUE(excess);
  EXPECT_THAT(excess->reason, HasSubstr("limit of 64 MiB"));
}

TEST_F(DockerPlaceTest, WhatHasEndedIsRemovedFromTheEngine) {
  place_->start(key_, {.image = "quits:1"});
  const Observation end = wait_for(Kind::exited, key_);
  EXPECT_EQ(end.exit.status, 7);
  EXPECT_EQ(end.tail, "runs\n");
  EXPECT_TRUE(comes_to_be_empty());
}

TEST_F(DockerPlaceTest, AContainerIsGivenWhatItsSpecSaysAndNoMoreThanTheMachineHas) {
  place_->start(key_, {.argv = {"serve"},
                       .image = "runs:1",
                       .environment = {{"A", "b"}},
                       .mounts = {{.host_path = "/m", .inside = "/opt/ml/model"}},
                       .ports = {{.inside = 8080}},
                       .memory_bytes_max = 64ULL << 30,
                       .cpu_millis_max = 64'000});
  const Addresses addresses = wait_for(Kind::started, key_).addresses;
  EXPECT_EQ(addresses.http, addresses.ports.at(8080));
  EXPECT_THAT(addresses.http, HasSubstr(":8080"));
  const boost::json::value made = engine_->created();
  EXPECT_EQ(made.at("Cmd"), boost::json::value(boost::json::array{"serve"}));
  EXPECT_EQ(made.at("Env"), boost::json::value(boost::json::array{"A=b"}));
  const boost::json::value& host = made.at("HostConfig");
  EXPECT_EQ(host.at("Memory").to_number<std::uint64_t>(), 8ULL << 30);
  EXPECT_EQ(host.at("NanoCpus").to_number<std::uint64_t>(), 2'000'000'000ULL);
  const boost::json::value& mount = host.at("Mounts").at(0);
  EXPECT_EQ(mount.at("Target"), "/opt/ml/model");
  EXPECT_EQ(mount.at("ReadOnly"), true);
  EXPECT_FALSE(host.as_object().contains("PortBindings"));
}

TEST_F(DockerPlaceTest, AStartWhoseAnswerWasLostMakesOneContainer) {
  engine_->lose_answer_to("POST /containers/create");
  place_->start(key_, {.image = "runs:1"});
  wait_for(Kind::started, key_);
  EXPECT_EQ(engine_->count(), 1U);
}

TEST_F(DockerPlaceTest, WhatSomebodyElseRemovedHasEnded) {
  place_->start(key_, {.image = "runs:1"});
  wait_for(Kind::started, key_);
  std::string owner;
  std::ifstream(folder_.path() / "place/owner") >> owner;
  engine_->remove(ContainerNames{.owner = owner}.container(key_));
  wait_for(Kind::exited, key_);
}

TEST_F(DockerPlaceTest, AContainerWhoseKeyIsForgottenIsRemovedByALaterServer) {
  place_->start(key_, {.image = "runs:1"});
  wait_for(Kind::started, key_);
  const InstanceKey other{"test/a/1/main/2"};
  place_->start(other, {.image = "runs:1"});
  wait_for(Kind::started, other);
  place_.reset();
  std::filesystem::remove(folder_.path() / "place/notes" / (key_.file_name() + ".json"));
  seen_.clear();
  open();
  EXPECT_TRUE(seen(Kind::adopted, other));
  EXPECT_FALSE(seen(Kind::adopted, key_));
  for (int i = 0; i < 1000 && engine_->count() > 1; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(engine_->count(), 1U);
}

TEST_F(DockerPlaceTest, ItsEndLeavesNothingInTheEngine) {
  for (int i = 0; i < 50; ++i)
    place_->start({"test/many/1/main/" + std::to_string(i)}, {.image = "runs:1"});
  wait_for(Kind::started, {"test/many/1/main/0"});  // others are on their way
  place_->end(1s).wait();
  EXPECT_EQ(engine_->count(), 0U);
  EXPECT_THAT(engine_->asked().back(), HasSubstr("DELETE /networks/"));
}

}  // namespace
}  // namespace slipway::place

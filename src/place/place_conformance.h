// What every place promises, as tests. A place's own test file derives a PlaceHarness and says
//
//   INSTANTIATE_TEST_SUITE_P(Process, PlaceConformance, testing::Values(make_process_harness));
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "place/place.h"

namespace slipway::place {

// One place under test, and how to let it live on.
class PlaceHarness {
 public:
  virtual ~PlaceHarness() = default;

  // A server process's view. Destroying it is that server's sudden end.
  virtual std::unique_ptr<Place> open(ObservationSink sink) = 0;

  virtual InstanceSpec runs_until_stopped() = 0;
  virtual InstanceSpec ignores_polite_stop() = 0;
  virtual InstanceSpec cannot_start() = 0;

  // Makes the instance end with `status` by itself.
  virtual void end(const InstanceKey& key, int status) = 0;
  // Lets a little time pass and deliver what happened.
  virtual void breathe() = 0;
};

using HarnessFactory = std::function<std::unique_ptr<PlaceHarness>()>;

class PlaceConformance : public testing::TestWithParam<HarnessFactory> {
 protected:
  using Kind = Observation::Kind;

  void SetUp() override {
    harness_ = GetParam()();
    restart_server();
    wait_for(Kind::adoption_done, {});
  }
  void TearDown() override {
    if (place_)
      for (const InstanceKey& key : used_) place_->stop(key, std::chrono::milliseconds(0));
    for (int i = 0; i < 20; ++i) harness_->breathe();
    place_.reset();
  }

  void restart_server() {
    place_.reset();
    {
      const std::lock_guard lock(mutex_);
      seen_.clear();
    }
    place_ = harness_->open([this](Observation observation) {
      const std::lock_guard lock(mutex_);
      seen_.push_back(std::move(observation));
    });
    place_->adopt();
  }

  void start(const InstanceKey& key, const InstanceSpec& spec) {
    used_.push_back(key);
    place_->start(key, spec);
  }

  std::vector<Observation> seen(const InstanceKey& key) {
    const std::lock_guard lock(mutex_);
    std::vector<Observation> mine;
    for (const Observation& observation : seen_)
      if (observation.key == key) mine.push_back(observation);
    return mine;
  }
  std::size_t count(Kind kind, const InstanceKey& key) {
    std::size_t count = 0;
    for (const Observation& observation : seen(key)) count += observation.kind == kind ? 1 : 0;
    return count;
  }
  // The first such observation; fails the test after ten seconds without.
  Observation wait_for(Kind kind, const InstanceKey& key) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < patience) {
      for (const Observation& observation : seen(key))
        if (observation.kind == kind) return observation;
      harness_->breathe();
    }
    ADD_FAILURE() << "no '" << name_of(kind) << "' was observed of '" << key.text << "'";
    return {};
  }

  std::unique_ptr<PlaceHarness> harness_;
  std::unique_ptr<Place> place_;
  const InstanceKey a_{"test/a/1/main/1"};
  const InstanceKey b_{"test/a/1/main/2"};

 private:
  std::mutex mutex_;
  std::vector<Observation> seen_;
  std::vector<InstanceKey> used_;
};

TEST_P(PlaceConformance, AnInstanceStartsAndEndsWhenStopped) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  place_->stop(a_, std::chrono::seconds(10));
  wait_for(Kind::exited, a_);
}

TEST_P(PlaceConformance, TheSameKeyNeverStartsASecondInstance) {
  start(a_, harness_->runs_until_stopped());
  place_->start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  place_->stop(a_, std::chrono::seconds(10));
  wait_for(Kind::exited, a_);
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_EQ(count(Kind::exited, a_), 1U);
}

TEST_P(PlaceConformance, AKeyThatEndedReportsItsEndAgainAndIsNotStarted) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  harness_->end(a_, 3);
  EXPECT_EQ(wait_for(Kind::exited, a_).exit.status, 3);
  restart_server();
  start(a_, harness_->runs_until_stopped());
  EXPECT_EQ(wait_for(Kind::exited, a_).exit.status, 3);
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_EQ(count(Kind::started, a_), 0U);
}

TEST_P(PlaceConformance, WhatCannotStartIsReportedWithAReason) {
  start(a_, harness_->cannot_start());
  EXPECT_FALSE(wait_for(Kind::start_failed, a_).reason.empty());
}

TEST_P(PlaceConformance, AnInstanceThatIgnoresTheRequestIsForcedAfterTheGrace) {
  start(a_, harness_->ignores_polite_stop());
  wait_for(Kind::started, a_);
  for (int i = 0; i < 50; ++i) harness_->breathe();
  place_->stop(a_, std::chrono::milliseconds(100));
  EXPECT_EQ(wait_for(Kind::exited, a_).exit.signal, 9);
}

TEST_P(PlaceConformance, StoppingWhatNeverWasOrHasEndedIsFine) {
  place_->stop(b_, std::chrono::seconds(1));
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  harness_->end(a_, 0);
  wait_for(Kind::exited, a_);
  place_->stop(a_, std::chrono::seconds(1));
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_TRUE(seen(b_).empty());
}

TEST_P(PlaceConformance, AfterACrashOfTheServerRunningInstancesAreAdoptedOnce) {
  if (!place_->capabilities().survives_server) GTEST_SKIP() << "instances end with the server here";
  start(a_, harness_->runs_until_stopped());
  start(b_, harness_->runs_until_stopped());
  const Addresses before = wait_for(Kind::started, a_).addresses;
  wait_for(Kind::started, b_);
  restart_server();
  EXPECT_EQ(wait_for(Kind::adopted, a_).addresses, before);
  wait_for(Kind::adopted, b_);
  wait_for(Kind::adoption_done, {});
  EXPECT_EQ(seen(a_).size(), 1U);
  harness_->end(b_, 1);
  wait_for(Kind::exited, b_);
  place_->stop(a_, std::chrono::seconds(10));
  wait_for(Kind::exited, a_);
}

TEST_P(PlaceConformance, AForgottenKeyIsNotReportedAfterARestart) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  place_->forget(a_);  // it runs: nothing happens
  harness_->end(a_, 0);
  wait_for(Kind::exited, a_);
  place_->forget(a_);
  for (int i = 0; i < 5; ++i) harness_->breathe();
  restart_server();
  wait_for(Kind::adoption_done, {});
  EXPECT_TRUE(seen(a_).empty());
  EXPECT_FALSE(place_->read_log(a_, 0));
}

}  // namespace slipway::place

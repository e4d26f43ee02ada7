#include "engine/fleet/prober.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "base/test_folder.h"
#include "engine/routing/test_instance.h"

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;

class ProberTest : public testing::Test {
 protected:
  ProberTest() {
    loop_.run_and_wait([this] {
      instance_ = std::make_unique<routing::TestInstance>(loop_.loop(), "a", path_, "");
      prober_ = std::make_unique<NetworkProber>(
          loop_.loop(), [this](const HealthReport& report) { take(report); });
    });
  }
  ~ProberTest() override {
    loop_.run_and_wait([this] {
      prober_.reset();
      instance_.reset();
    });
  }

  void watch(const Probe& probe, const std::string& http) {
    prober_->watch(key_, {{.http = http}, probe});
  }
  void set_healthy(bool healthy) {
    loop_.run_and_wait([&] { instance_->healthy = healthy; });
  }
  // Whether a report came within that time.
  bool reported(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, patience, [this] { return !reports_.empty(); });
  }
  HealthReport::Health first() {
    reported(10s);
    const std::lock_guard lock(mutex_);
    return reports_.at(0).health;
  }

  const TestFolder folder_;
  const std::string path_ = (folder_.path() / "http.sock").string();
  const place::InstanceKey key_{"fleet/a/1/main/1"};
  net::LoopThread loop_;
  std::unique_ptr<routing::TestInstance> instance_;
  std::unique_ptr<NetworkProber> prober_;

 private:
  void take(const HealthReport& report) {
    const std::lock_guard lock(mutex_);
    reports_.push_back(report);
    came_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<HealthReport> reports_;  // guarded by mutex_
};

TEST_F(ProberTest, AnInstanceIsHealthyOnceItsPathAnswersWith200) {
  set_healthy(false);
  watch(HttpProbe{.path = std::string(routing::test_health_path)}, "unix:" + path_);
  EXPECT_FALSE(reported(50ms)) << "it answers 503";
  set_healthy(true);
  EXPECT_EQ(first(), HealthReport::Health::healthy);
}

TEST_F(ProberTest, AnInstanceIsHealthyOnceItAcceptsAConnection) {
  set_healthy(false);  // which nobody asks
  watch(TcpProbe(), "unix:" + path_);
  EXPECT_EQ(first(), HealthReport::Health::healthy);
}

TEST_F(ProberTest, NobodyIsHealthyWhereNobodyListens) {
  watch(TcpProbe(), "127.0.0.1:1");
  EXPECT_FALSE(reported(50ms));
}

TEST_F(ProberTest, AnInstanceWithoutAProbeIsHealthyAtOnceAlsoWithoutAnAddress) {
  watch(NoProbe(), "");
  EXPECT_EQ(first(), HealthReport::Health::healthy);
}

}  // namespace
}  // namespace slipway::fleet

#include "engine/fleet/elastic_aim.h"

#include <gtest/gtest.h>

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;

class FollowTest : public testing::Test {
 protected:
  std::optional<ServerTime> look(std::uint32_t now, std::uint32_t peak) {
    if (now > 0 || peak > 0) used_ = clock_.server_time();
    return follow(aim_, elastic_, {.now = now, .peak = peak, .last_used = used_}, 60s,
                  clock_.server_time());
  }

  ManualClock clock_;
  ServerTime used_ = clock_.server_time();
  ElasticAim aim_;
  const routing::Elastic elastic_{.concurrency_max = 40, .requests_per_instance = 4};
};

TEST_F(FollowTest, InstancesRiseAtOnceWithTheDemandAndNeverPastTheConcurrency) {
  look(1, 1);
  EXPECT_EQ(aim_.instances, 1U);
  look(5, 5);
  EXPECT_EQ(aim_.instances, 2U);
  look(400, 400);
  EXPECT_EQ(aim_.instances, 10U);
}

TEST_F(FollowTest, TheyGoToZeroExactlyAnIdleTimeAfterTheLastRequest) {
  look(1, 1);
  clock_.advance(10s);
  const auto again = look(0, 1);
  EXPECT_EQ(again, used_ + 60s);
  clock_.advance(59s);
  EXPECT_TRUE(look(0, 0));
  EXPECT_EQ(aim_.instances, 1U);
  clock_.advance(1s);
  EXPECT_FALSE(look(0, 0));
  EXPECT_EQ(aim_.instances, 0U);
}

TEST_F(FollowTest, TheyFallToTheBusiestMomentOfTheLastIdleTime) {
  look(20, 20);
  clock_.advance(30s);
  look(1, 20);
  clock_.advance(59s);
  look(1, 6);
  EXPECT_EQ(aim_.instances, 5U);
  clock_.advance(1s);
  look(1, 6);
  EXPECT_EQ(aim_.instances, 2U);
}

}  // namespace
}  // namespace slipway::fleet

#include "service/hold.h"

#include <gtest/gtest.h>

namespace slipway::service {
namespace {

TEST(Hold, a_waiter_of_boto3_is_known_by_the_feature_list_of_its_user_agent) {
  EXPECT_TRUE(
      is_waiter("Boto3/1.43.67 md/Botocore#1.43.67 ua/2.1 os/linux m/b,B,Z cfg/retry-mode#legacy"));
}

TEST(Hold, the_sdk_for_javascript_does_not_mark_its_waiters_and_is_held) {
  EXPECT_TRUE(is_waiter("aws-sdk-js/3.958.0 ua/2.1 os/linux lang/js api/sagemaker#3.958.0 m/E,g"));
}

TEST(Hold, another_call_is_not_a_waiter) {
  EXPECT_FALSE(is_waiter("Boto3/1.43.67 md/Botocore#1.43.67 ua/2.1 os/linux m/b,Z,BB cfg/B"));
  EXPECT_FALSE(is_waiter("curl/7.88"));
  EXPECT_FALSE(is_waiter(""));
}

TEST(Hold, the_sagemaker_sdk_polls_unmarked_and_is_held_too) {
  EXPECT_TRUE(is_waiter("AWS-SageMaker-Python-SDK/2.150.0 Python/3.11 Boto3/1.43 m/b"));
  EXPECT_TRUE(
      is_waiter("Boto3/1.44.5 md/Botocore#1.44.5 m/b lib/AWS-SageMaker-Python-SDK#2.257.7"));
  EXPECT_TRUE(is_waiter("Boto3/1.44.5 md/Botocore#1.44.5 m/b lib/AWS-SageMakerCore#2.27.0"));
  EXPECT_FALSE(is_waiter("tool/1.0 for-AWS-SageMaker-Python-SDK"));
}

}  // namespace
}  // namespace slipway::service

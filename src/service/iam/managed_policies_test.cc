#include "service/iam/managed_policies.h"

#include <gtest/gtest.h>

#include "engine/identity/policy.h"

namespace slipway::iam {
namespace {

using identity::Policy;
using identity::PolicyUse;

TEST(ManagedPolicies, EveryDocumentIsAPolicy) {
  for (const ManagedPolicy& policy : managed_policies()) {
    const auto parsed = Policy::parse(policy.document, PolicyUse::permissions);
    EXPECT_TRUE(parsed) << policy.name << ": " << parsed.error().message;
  }
}

TEST(ManagedPolicies, AreFoundByPathAndName) {
  EXPECT_NE(managed_policy("/service-role/AWSLambdaBasicExecutionRole"), nullptr);
  EXPECT_EQ(managed_policy("/AWSLambdaBasicExecutionRole"), nullptr);
  EXPECT_EQ(managed_policy("/service-role/AdministratorAccess"), nullptr);
}

TEST(ManagedPolicies, FullAccessAllowsWhatItSays) {
  const ManagedPolicy* const found = managed_policy("/AmazonSageMakerFullAccess");
  ASSERT_NE(found, nullptr);
  const auto policy = Policy::parse(found->document, PolicyUse::permissions);
  ASSERT_TRUE(policy);
  const identity::AttachedPolicy attached[] = {{"p", &*policy}};
  EXPECT_EQ(identity::evaluate(attached, {"sagemaker:CreateEndpoint",
                                          "arn:aws:sagemaker:us-east-1:000000000000:endpoint/x",
                                          {}})
                .decision,
            identity::Decision::allowed);
}

}  // namespace
}  // namespace slipway::iam

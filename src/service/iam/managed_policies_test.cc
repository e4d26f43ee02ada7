#include "service/iam/managed_policies.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/identity/access.h"

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

TEST(ManagedPolicies, AreEachThereOnce) {
  std::set<std::string> seen;
  for (const ManagedPolicy& policy : managed_policies()) {
    EXPECT_TRUE(seen.insert(std::string(policy.name)).second) << policy.name;
    EXPECT_LE(policy.created, policy.updated) << policy.name;
  }
  EXPECT_EQ(seen.size(), 87U);
}

TEST(ManagedPolicies, FullAccessAllowsWhatItSays) {
  const ManagedPolicy* const found = managed_policy("/AmazonSageMakerFullAccess");
  ASSERT_NE(found, nullptr);
  auto policy = Policy::parse(found->document, PolicyUse::permissions);
  ASSERT_TRUE(policy);
  const identity::PrincipalPolicies policies{
      .own = {std::make_shared<const Policy>(*std::move(policy))}, .boundary = {}, .session = {}};
  const identity::Principal user{identity::Principal::Kind::user, "000000000000",
                                 "arn:aws:iam::000000000000:user/u", "AIDAU"};
  EXPECT_TRUE(
      decide(
          user, policies,
          {"sagemaker:CreateEndpoint", "arn:aws:sagemaker:us-east-1:000000000000:endpoint/x", {}},
          {})
          .allowed());
}

}  // namespace
}  // namespace slipway::iam

#include "engine/identity/policy.h"

#include <gtest/gtest.h>

#include "engine/identity/access.h"

namespace slipway::identity {
namespace {

std::shared_ptr<const Policy> parsed(std::string_view document,
                                     PolicyUse use = PolicyUse::permissions) {
  auto policy = Policy::parse(document, use);
  EXPECT_TRUE(policy) << policy.error().message;
  return std::make_shared<const Policy>(std::move(policy).value_or(Policy::closed()));
}

const Principal user{Principal::Kind::user, "1", "arn:aws:iam::1:user/u", "AIDAU"};

PolicyDecision decide(std::string_view document, std::string_view action, std::string_view resource,
                      const std::vector<ContextEntry>& context = {}) {
  const PrincipalPolicies policies{.own = {parsed(document)}, .boundary = {}, .session = {}};
  return decide(user, policies, {action, resource, context}, {}).decision;
}

// A document with one statement that allows s3:* under a condition.
PolicyDecision under(std::string_view condition, const std::vector<ContextEntry>& context) {
  return decide(std::string(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",)"
                            R"("Condition":)") +
                    std::string(condition) + "}}",
                "s3:GetObject", "arn:aws:s3:::b/k", context);
}

std::string refusal(std::string_view document, PolicyUse use = PolicyUse::permissions) {
  const auto policy = Policy::parse(document, use);
  return policy ? "accepted" : policy.error().message;
}

constexpr auto allowed = PolicyDecision::allowed;
constexpr auto denied = PolicyDecision::explicitly_denied;
constexpr auto nothing = PolicyDecision::implicitly_denied;

TEST(PolicyEvaluation, WhatNothingAllowsIsDenied) {
  constexpr std::string_view document =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","sts:*"],
          "Resource":"arn:aws:s3:::bucket/*"}]})";
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::bucket/key"), allowed);
  EXPECT_EQ(decide(document, "S3:getobject", "arn:aws:s3:::bucket/a/b"), allowed);
  EXPECT_EQ(decide(document, "s3:PutObject", "arn:aws:s3:::bucket/key"), nothing);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::other/key"), nothing);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::Bucket/key"), nothing);
}

TEST(PolicyEvaluation, DenyWinsOverAllow) {
  constexpr std::string_view document =
      R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
          {"Effect":"Deny","Action":"s3:Delete?ucket","Resource":"*"}]})";
  EXPECT_EQ(decide(document, "s3:DeleteBucket", "arn:aws:s3:::b"), denied);
  EXPECT_EQ(decide(document, "s3:DeleteObject", "arn:aws:s3:::b/k"), allowed);
}

TEST(PolicyEvaluation, NotActionAndNotResourceTakeTheOthers) {
  constexpr std::string_view document =
      R"({"Statement":{"Effect":"Allow","NotAction":"iam:*",
          "NotResource":"arn:aws:s3:::secret/*"}})";
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::b/k"), allowed);
  EXPECT_EQ(decide(document, "iam:GetRole", "arn:aws:s3:::b/k"), nothing);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::secret/k"), nothing);
}

TEST(PolicyEvaluation, ConditionsCompareAsTheirOperatorSays) {
  const std::vector<ContextEntry> context = {{"aws:username", {"ann"}},
                                             {"s3:max-keys", {"10"}},
                                             {"aws:SecureTransport", {"TRUE"}},
                                             {"aws:SourceIp", {"203.0.113.77"}},
                                             {"aws:CurrentTime", {"2024-05-01T12:00:00Z"}},
                                             {"aws:SourceArn", {"arn:aws:sns:us-east-1:1:topic"}}};
  EXPECT_EQ(under(R"({"StringEquals":{"AWS:UserName":["bob","ann"]}})", context), allowed);
  EXPECT_EQ(under(R"({"StringNotEquals":{"aws:username":["bob","ann"]}})", context), nothing);
  EXPECT_EQ(under(R"({"StringLike":{"aws:username":"a*"}})", context), allowed);
  EXPECT_EQ(under(R"({"StringEqualsIgnoreCase":{"aws:username":"ANN"}})", context), allowed);
  EXPECT_EQ(under(R"({"NumericLessThanEquals":{"s3:max-keys":10}})", context), allowed);
  EXPECT_EQ(under(R"({"NumericLessThan":{"s3:max-keys":"10"}})", context), nothing);
  EXPECT_EQ(under(R"({"Bool":{"aws:SecureTransport":true}})", context), allowed);
  EXPECT_EQ(under(R"({"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}})", context), allowed);
  EXPECT_EQ(under(R"({"NotIpAddress":{"aws:SourceIp":"203.0.113.64/26"}})", context), nothing);
  EXPECT_EQ(under(R"({"IpAddress":{"aws:SourceIp":"2001:db8::/32"}})", context), nothing);
  EXPECT_EQ(under(R"({"DateGreaterThan":{"aws:CurrentTime":"2024-01-01T00:00:00Z"}})", context),
            allowed);
  EXPECT_EQ(under(R"({"DateLessThan":{"aws:CurrentTime":"2009-06-30T12:00Z"}})", context), nothing);
  for (const std::string_view same : {"1714564800", "2024-05-01t14:00:00.000+02", "2024-05-1T12Z"})
    EXPECT_EQ(under(fmt::format(R"({{"DateEquals":{{"aws:CurrentTime":"{}"}}}})", same), context),
              allowed)
        << same;
  EXPECT_EQ(under(R"({"DateGreaterThan":{"aws:CurrentTime":"01T"}})", context), allowed);
  EXPECT_EQ(under(R"({"DateLessThan":{"aws:CurrentTime":"-44-3-15"}})", context), nothing);
  EXPECT_EQ(under(R"({"DateGreaterThan":{"aws:CurrentTime":"2009-06-30T12:00+02:00"}})", context),
            allowed);
  EXPECT_EQ(under(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:top*"}})", context), allowed);
  EXPECT_EQ(under(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:topic"}})", context), nothing);
  EXPECT_EQ(
      under(R"({"StringEquals":{"aws:username":"ann"},"Bool":{"aws:SecureTransport":"false"}})",
            context),
      nothing);
}

TEST(PolicyEvaluation, AnAbsentKeyFailsUnlessTheOperatorSaysOtherwise) {
  EXPECT_EQ(under(R"({"StringEquals":{"aws:username":"ann"}})", {}), nothing);
  EXPECT_EQ(under(R"({"StringEqualsIfExists":{"aws:username":"ann"}})", {}), allowed);
  EXPECT_EQ(under(R"({"StringNotEquals":{"aws:username":"ann"}})", {}), allowed);
  EXPECT_EQ(under(R"({"Null":{"aws:username":"true"}})", {}), allowed);
  EXPECT_EQ(under(R"({"Null":{"aws:username":"true"}})", {{"aws:username", {"ann"}}}), nothing);
  EXPECT_EQ(under(R"({"ForAllValues:StringEquals":{"aws:TagKeys":"a"}})", {}), allowed);
  EXPECT_EQ(under(R"({"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}})", {}), nothing);
}

TEST(PolicyEvaluation, SetOperatorsAskForAnyOrForAllValues) {
  const std::vector<ContextEntry> tags = {{"aws:TagKeys", {"team", "cost"}}};
  EXPECT_EQ(under(R"({"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","x"]}})", tags),
            allowed);
  EXPECT_EQ(under(R"({"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}})", tags), nothing);
  EXPECT_EQ(under(R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["team"]}})", tags), allowed);
}

TEST(PolicyEvaluation, VariablesStandForTheContextsValueAndNeverForAWildcard) {
  constexpr std::string_view document =
      R"({"Statement":{"Effect":"Allow","Action":"s3:*",
          "Resource":["arn:aws:s3:::home/${aws:username}/*","arn:aws:s3:::odd/${*}"]},
          "Version":"2012-10-17"})";
  EXPECT_EQ(
      decide(document, "s3:GetObject", "arn:aws:s3:::home/ann/k", {{"aws:username", {"ann"}}}),
      allowed);
  EXPECT_EQ(
      decide(document, "s3:GetObject", "arn:aws:s3:::home/bob/k", {{"aws:username", {"ann"}}}),
      nothing);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::home/bob/k", {{"aws:username", {"*"}}}),
            nothing);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::home/ann/k"), nothing);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::odd/*"), allowed);
  EXPECT_EQ(decide(document, "s3:GetObject", "arn:aws:s3:::odd/x"), nothing);
}

TEST(PolicyEvaluation, OnlyConditionsAndVariablesAskForTheContext) {
  const auto asks = [](std::string_view statement_rest, std::string_view version = "2012-10-17") {
    return parsed(std::string(R"({"Version":")") + std::string(version) +
                  R"(","Statement":{"Effect":"Allow","Action":"s3:*",)" +
                  std::string(statement_rest) + "}}")
        ->asks_context();
  };
  EXPECT_FALSE(asks(R"("Resource":"arn:aws:s3:::b/*")"));
  EXPECT_TRUE(asks(R"("Resource":"arn:aws:s3:::b/${aws:username}/*")"));
  EXPECT_FALSE(asks(R"("Resource":"arn:aws:s3:::b/${aws:username}/*")", "2008-10-17"));
  EXPECT_TRUE(asks(R"("NotResource":["arn:aws:s3:::c","arn:aws:s3:::${aws:username}"])"));
  EXPECT_TRUE(asks(R"("Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}})"));
}

TEST(PolicyEvaluation, TheAnswerNamesWhatDecidedAndWhatWasMissing) {
  const auto one = parsed(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})");
  const auto two = parsed(
      R"({"Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*",
          "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
          {"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}]})");
  const PrincipalPolicies policies{.own = {one, two}, .boundary = {}, .session = {}};
  Explanation why;
  EXPECT_EQ(identity::decide(user, policies, {"s3:GetObject", "*", {}}, {}, why).decision, denied);
  ASSERT_EQ(why.matched.size(), 1U);
  EXPECT_EQ(why.matched[0].policy, two.get());
  EXPECT_EQ(why.matched[0].statement, 1U);
  EXPECT_EQ(why.missing_context, std::vector<std::string>{"aws:MultiFactorAuthPresent"});
}

TEST(PolicyEvaluation, AWildcardMatchTakesNoExponentialTime) {
  const std::string text(20'000, 'a');
  EXPECT_FALSE(matches_wildcard("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
  // Nor the product of two long texts, where the pieces are plain.
  const std::string almost = "*" + std::string(10'000, 'a') + "b*" + std::string(9'000, 'a') + "b";
  EXPECT_FALSE(matches_wildcard(almost, text));
  EXPECT_FALSE(matches_wildcard(std::string(30'000, '*') + "b", text));
  EXPECT_TRUE(matches_wildcard("a*a", text));
  EXPECT_TRUE(matches_wildcard("**", ""));
  EXPECT_FALSE(matches_wildcard("?", ""));
}

TEST(PolicyDocument, WhatIsNoPolicyIsRefusedWithAReason) {
  EXPECT_EQ(refusal("{"), "This policy contains invalid Json");
  EXPECT_EQ(refusal("[]"), "This policy contains invalid Json");
  EXPECT_EQ(refusal(R"({"Version":"2013-01-01","Statement":[]})"), "Syntax errors in policy.");
  EXPECT_EQ(refusal(R"({"Version":"2012-10-17"})"), "Syntax errors in policy.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Maybe","Action":"s3:*","Resource":"*"}})"),
            "Syntax errors in policy.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Resource":"*"}})"),
            "Policy statement must contain actions.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Action":"s3:*"}})"),
            "Policy statement must contain resources.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Action":"s3","Resource":"*"}})"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}})"),
            "Resource bucket must be in ARN format or \"*\".");
  EXPECT_EQ(
      refusal(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}})"),
      "Policy document should not specify a principal.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",
                        "Condition":{"Sounds":{"a":"b"}}}})"),
            "Invalid Condition type : Sounds.");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",
                        "Condition":{"NullIfExists":{"aws:username":"true"}}}})"),
            "Invalid Condition type : NullIfExists.");
  EXPECT_EQ(refusal(std::string(200'000, ' ')), "The policy document is longer than 131072 bytes.");
  EXPECT_EQ(refusal(R"({"Statement":)" + std::string(1000, '[') + std::string(1000, ']') + "}"),
            "This policy contains invalid Json");
}

TEST(PolicyDocument, ATrustPolicyNamesPrincipalsAndNoResources) {
  EXPECT_EQ(refusal(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":
                        {"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})",
                    PolicyUse::trust),
            "accepted");
  EXPECT_EQ(
      refusal(R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]})", PolicyUse::trust),
      "Missing required field Principal");
  EXPECT_EQ(refusal(R"({"Statement":[{"Effect":"Allow","Principal":"*","Resource":"*",
                        "Action":"sts:AssumeRole"}]})",
                    PolicyUse::trust),
            "Has prohibited field Resource");
  EXPECT_EQ(refusal(R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*"}]})",
                    PolicyUse::trust),
            "AssumeRole policy may only specify STS AssumeRole actions.");
}

}  // namespace
}  // namespace slipway::identity

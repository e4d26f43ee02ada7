// The words in which the provider refuses documents, one document for each.
#include "engine/identity/policy_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace slipway::identity {
namespace {

std::string refusal(std::string_view document, DocumentKind kind) {
  const Result<> checked = check_document(document, kind);
  return checked ? "accepted" : checked.error().message;
}

std::string managed(std::string_view statement) {
  return refusal(fmt::format(R"({{"Version":"2012-10-17","Statement":[{}]}})", statement),
                 DocumentKind::managed);
}
// A statement that allows everything, but for one element.
std::string with_resource(std::string_view resource) {
  return managed(fmt::format(R"({{"Effect":"Allow","Action":"s3:*","Resource":"{}"}})", resource));
}
std::string with_action(std::string_view action) {
  return managed(fmt::format(R"({{"Effect":"Allow","Action":"{}","Resource":"*"}})", action));
}
std::string trust(std::string_view statement) {
  return refusal(fmt::format(R"({{"Version":"2012-10-17","Statement":[{}]}})", statement),
                 DocumentKind::trust);
}

TEST(IdentityDocuments, TheFrameIsCheckedFirst) {
  constexpr std::string_view syntax = "Syntax errors in policy.";
  EXPECT_EQ(refusal("", DocumentKind::managed), syntax);
  EXPECT_EQ(refusal("[]", DocumentKind::managed), syntax);
  EXPECT_EQ(refusal(R"({"Version":"2012-10-17"})", DocumentKind::managed), syntax);
  EXPECT_EQ(refusal(R"({"Version":"2012-10-17","Statement":[]})", DocumentKind::managed), syntax);
  EXPECT_EQ(refusal(R"({"Version":"2013-10-17","Statement":{}})", DocumentKind::managed), syntax);
  EXPECT_EQ(managed(R"({"Effect":"Maybe","Action":"s3:*","Resource":"*"})"), syntax);
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":{},"Resource":"*"})"), syntax);
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"})"),
            syntax);
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3:*","Resource":"*","Extra":"*"})"), syntax);
  EXPECT_EQ(managed(R"({"Effect":"Deny","Effect":"Allow","Action":"s3:*","Resource":"*"})"), syntax)
      << "the second of two would be believed";
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":)"
                    R"({"StringEquals":{"a:b":"a:b"},"StringLike":{"a:b":"\\\""}}})"),
            "accepted");
  constexpr std::string_view old =
      R"({"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})";
  EXPECT_EQ(refusal(old, DocumentKind::managed),
            "Policy document must be version 2012-10-17 or greater.");
  EXPECT_EQ(refusal(old, DocumentKind::inline_policy), "accepted");
}

TEST(IdentityDocuments, ThenTheStatementsInTheProvidersOrder) {
  EXPECT_EQ(managed(R"({"Effect":"allow","Action":"s3:*","Resource":"*"})"),
            "The policy failed legacy parsing");
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":)"
                    R"({"DateGreaterThan":{"aws:CurrentTime":"soon"}}})"),
            "The policy failed legacy parsing");
  EXPECT_EQ(managed(R"({"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},
                       {"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"})"),
            "Statement IDs (SID) in a single policy must be unique.");
  EXPECT_EQ(managed(R"({"Effect":"Allow","Resource":"*"})"),
            "Policy statement must contain actions.");
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":[],"Resource":"*"})"),
            "Policy statement must contain actions.");
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3:*"})"),
            "Policy statement must contain resources.");
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"})"),
            "Policy document should not specify a principal.");
}

TEST(IdentityDocuments, ConditionsMustBeTestsThatThereAre) {
  const auto with_condition = [](std::string_view condition) {
    return managed(fmt::format(
        R"({{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{}}})", condition));
  };
  constexpr std::string_view syntax = "Syntax errors in policy.";
  for (const std::string_view bad :
       {R"("a")", R"({"a":"b"})", R"({"x":{"a":"1"}})", R"({"DateGreaterThan":{"a":{}}})",
        R"({"ForAnyValue::StringEqualsIfExists":{"a":"b"}})", R"({"StringEquals":{"a":null}})"})
    EXPECT_EQ(with_condition(bad), syntax) << bad;
  EXPECT_EQ(managed(R"({"Effect":"Allow","Resource":"*","Condition":{"x":{"a":"1"}}})"), syntax)
      << "whatever is missing";
  for (const std::string_view good :
       {"{}", R"({"x":{},"y":{}})", R"({"StringEquals":{"a":[]}})", R"({"Bool":{"a":true}})"})
    EXPECT_EQ(with_condition(good), "accepted") << good;
}

TEST(IdentityDocuments, DatesMayBeShortButNotWrong) {
  const auto with_date = [](std::string_view date) {
    return managed(fmt::format(
        R"({{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"DateLessThan":)"
        R"({{"a":"{}"}}}}}})",
        date));
  };
  for (const std::string_view good :
       {"2019-07-01T13:20:15Z", "2016-12-13T21:20:37.593194+00:00", "2016-12-13t2:00:00.593194+23",
        "01T", "2016-12", "-292275054", "1700000000", "9223372036854775807"})
    EXPECT_EQ(with_date(good), "accepted") << good;
  for (const std::string_view bad :
       {"soon", "234-13", "2016-12-13t2:00:00.593194+1", "2016-12-13t2:00:00.1999999999+10:59",
        "9223372036854775808", "2016-01-01-01", "2016-01-01T24:00"})
    EXPECT_EQ(with_date(bad), "The policy failed legacy parsing") << bad;
  EXPECT_EQ(managed(R"({"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":)"
                    R"({"ForAnyValue:DateLessThanIfExists":{"a":"soon"}}})"),
            "The policy failed legacy parsing")
      << "a denial that would never hold";
}

TEST(IdentityDocuments, AWrongNameHidesWhatAnOlderParserDoesNotRead) {
  EXPECT_EQ(with_resource("aws:s3:::b"),
            "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\".");
  EXPECT_EQ(with_resource("a:b:c:d:e:f:g:h"),
            "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\".");
  for (const std::string_view bad :
       {"arn:aws::::b", "arn:aws::b", "arn:aws:s3::b", "arn:aws:s3::*"})
    EXPECT_EQ(with_resource(bad), "The policy failed legacy parsing") << bad;
  EXPECT_EQ(managed(R"({"Effect":"Allow","Resource":"arn:x:s3:::b"})"),
            "Policy statement must contain actions.");
  EXPECT_EQ(managed(R"({"Effect":"Allow","Action":"s3"})"),
            "Policy statement must contain resources.");
}

TEST(IdentityDocuments, NamesOfResourcesMustBeNames) {
  EXPECT_EQ(with_resource("bucket"), "Resource bucket must be in ARN format or \"*\".");
  EXPECT_EQ(with_resource("arn:xyz:s3:::b"),
            "Partition \"xyz\" is not valid for resource \"arn:xyz:s3:::b\".");
  EXPECT_EQ(with_resource("s3::b/*"),
            "Partition \"\" is not valid for resource \"arn::b/*:*:*:*\".");
  EXPECT_EQ(with_resource("one:two"),
            "Partition \"two\" is not valid for resource \"arn:two:*:*:*:*\".");
  EXPECT_EQ(with_resource("one:aws:s3:::b"),
            "Resource one:aws:s3:::b must be in ARN format or \"*\".");
  EXPECT_EQ(with_resource("arn:aws"),
            "Resource vendor must be fully qualified and cannot contain regexes.");
  EXPECT_EQ(with_resource("arn:aws:s3:us-east-1::b"),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.");
  EXPECT_EQ(with_resource("arn:aws:iam:us-east-1:000000000000:role/r"),
            "IAM resource arn:aws:iam:us-east-1:000000000000:role/r cannot contain region "
            "information.");
  EXPECT_TRUE(
      with_resource("arn:aws:iam::000000000000:thing/r")
          .starts_with("IAM resource path must either be \"*\", root, or start with user/, "));
  for (const std::string_view good :
       {"*", "arn:aws:s3:::b/*", "arn:aws:s3:*", "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::000000000000:role/*", "arn:aws:sqs:*:*:q",
        "arn:aws:ec2:region:account-id:instance/*",
        "arn:aws:s3:us-east-1:000000000000:accesspoint/a", "arn:aws:iam::*:user/${aws:username}"})
    EXPECT_EQ(with_resource(good), "accepted") << good;
}

TEST(IdentityDocuments, ActionsHaveAVendorAndOneColon) {
  EXPECT_EQ(with_action("s3"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  EXPECT_EQ(with_action("s3:Get:Object"), "Actions/Condition can contain only one colon.");
  EXPECT_EQ(with_action("s_3:GetObject"), "Vendor s_3 is not valid");
  EXPECT_EQ(with_action(":GetObject"), "Vendor  is not valid");
  EXPECT_EQ(with_action("*"), "accepted");
  EXPECT_EQ(with_action("s3:Get*"), "accepted");
}

TEST(TrustDocuments, AreRefusedInWordsOfTheirOwn) {
  constexpr std::string_view by = R"("Effect":"Allow","Principal":{"AWS":"*"})";
  EXPECT_EQ(refusal("{", DocumentKind::trust), "This policy contains invalid Json");
  EXPECT_EQ(refusal(R"({"Version":"2012-10-17"})", DocumentKind::trust),
            "Missing required field Statement");
  EXPECT_EQ(refusal(R"({"Version":"x","Statement":[]})", DocumentKind::trust),
            "The policy must contain a valid version string");
  EXPECT_EQ(trust(""), "Could not parse the policy: Statement is empty!");
  EXPECT_EQ(trust(R"({"Effect":"Allow","Action":"sts:AssumeRole"})"),
            "Missing required field Principal");
  EXPECT_EQ(trust(R"({"Principal":{"AWS":"*"},"Action":"sts:AssumeRole"})"),
            "Missing required field Effect");
  EXPECT_EQ(trust(fmt::format("{{{}}}", by)), "Missing required field Action");
  EXPECT_EQ(trust(R"({"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"})"),
            "Principal must be a JSON object.");
  EXPECT_EQ(trust(fmt::format(R"({{{},"Action":"sts:AssumeRole","Resource":"*"}})", by)),
            "Has prohibited field Resource");
  EXPECT_EQ(trust(R"({"Effect":"Deny","NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"})"),
            "AssumeRole policy must not contain NotPrincipal field.");
  for (const std::string_view action : {"*", "s3:GetObject", "sts:GetCallerIdentity"})
    EXPECT_EQ(trust(fmt::format(R"({{{},"Action":"{}"}})", by, action)),
              "AssumeRole policy may only specify STS AssumeRole actions.")
        << action;
  EXPECT_EQ(trust(fmt::format(R"({{{},"Action":["sts:AssumeRole","sts:TagSession"]}})", by)),
            "accepted");
  EXPECT_EQ(trust(fmt::format(R"({{{},"NotAction":"sts:AssumeRole"}})", by)), "accepted");
  EXPECT_EQ(trust(fmt::format(R"({{{},"NotAction":"s3:GetObject"}})", by)),
            "AssumeRole policy may only specify STS AssumeRole actions.");
  const std::string twice = fmt::format(R"({{"Sid":"a",{},"Action":"sts:AssumeRole"}})", by);
  EXPECT_EQ(trust(twice + "," + twice), "The Statement Ids in the policy are not unique");
  const std::string external(trust_policy_bytes_max, 'x');
  EXPECT_EQ(trust(fmt::format(
                R"({{{},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"a:b":"{}"}}}}}})",
                by, external)),
            "Cannot exceed quota for ACLSizePerRole: 2048");
}

}  // namespace
}  // namespace slipway::identity

#include "wire/validate.h"

#include <string>

#include <gtest/gtest.h>

#include "gen/iam.h"
#include "gen/s3.h"
#include "gen/sagemaker.h"
#include "gen/services.h"
#include "wire/codec.h"
#include "wire/pattern.h"

namespace slipway::wire {
namespace {

namespace sm = aws::sagemaker;

template <typename Op>
std::string message(std::string_view json) {
  Arena arena;
  const HttpRequestView request{
      .method = "POST", .path = "/", .query = "", .headers = {}, .body = json};
  const auto node = decode_request(Op::operation(), Protocol::json11, {}, request, arena);
  if (!node) return "unreadable: " + node.error().message;
  const auto valid = validate(Op::operation(), *node);
  if (valid) return "";
  EXPECT_EQ(valid.error().kind, "ValidationException");
  return valid.error().message;
}

TEST(Validate, AcceptsWhatAwsAccepts) {
  EXPECT_EQ(message<sm::op::CreateEndpoint>(
                R"({"EndpointName": "my-endpoint-1", "EndpointConfigName": "c"})"),
            "");
}

TEST(Validate, NamesAMissingMemberInAwsWords) {
  EXPECT_EQ(message<sm::op::CreateEndpoint>(R"({"EndpointName": "e"})"),
            "1 validation error detected: Value null at 'endpointConfigName' failed to satisfy "
            "constraint: "
            "Member must not be null");
}

TEST(Validate, CollectsAllViolations) {
  const std::string found = message<sm::op::CreateEndpoint>(R"({"EndpointName": "-bad"})");
  EXPECT_TRUE(found.starts_with(
      "2 validation errors detected: Value '-bad' at 'endpointName' failed to satisfy "
      "constraint: Member must satisfy regular expression pattern: "))
      << found;
  EXPECT_TRUE(found.contains("; Value null at 'endpointConfigName'")) << found;
}

TEST(Validate, CountsCharactersNotBytesAndSaysTheLimit) {
  const std::string name(64, 'a');
  const std::string found = message<sm::op::CreateEndpoint>(
      R"({"EndpointConfigName": "c", "EndpointName": ")" + name + R"("})");
  EXPECT_TRUE(found.contains("Member must have length less than or equal to 63")) << found;
}

TEST(Validate, WritesPathsAsAwsDoes) {
  const std::string found = message<sm::op::CreateEndpointConfig>(
      R"({"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "v",
          "ModelName": "bad name",
          "InitialVariantWeight": -1}]})");
  EXPECT_TRUE(found.contains(
      "Value 'bad name' at 'productionVariants.1.member.modelName' failed to satisfy"))
      << found;
  EXPECT_TRUE(found.contains(
      "Value '-1.0' at 'productionVariants.1.member.initialVariantWeight' failed to satisfy "
      "constraint: Member must have value greater than or equal to 0"))
      << found;
}

TEST(Validate, ListsTheValuesOfAnEnum) {
  const std::string found = message<sm::op::ListEndpoints>(R"({"SortOrder": "Sideways"})");
  EXPECT_EQ(
      found,
      "1 validation error detected: Value 'Sideways' at 'sortOrder' failed to satisfy constraint: "
      "Member must satisfy enum value set: [Ascending, Descending]");
  EXPECT_TRUE(message<sm::op::CreateEndpointConfig>(
                  R"({"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "v",
          "ModelName": "m", "InstanceType": "ml.z9.gigantic"}]})")
                  .starts_with("1 validation error detected: Value 'ml.z9.gigantic' at "
                               "'productionVariants.1.member.instanceType' failed to satisfy "
                               "constraint: Member must satisfy enum value set: [ml."));
}

TEST(Validate, SaysOfItemsAndEntriesEveryConstraintTheyHave) {
  const std::string found = message<sm::op::DeleteTags>(
      R"({"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
          "TagKeys": ["<>"]})");
  EXPECT_TRUE(found.starts_with(
      "1 validation error detected: Value '[<>]' at 'tagKeys' failed to satisfy constraint: "
      "Member must satisfy constraint: [Member must have length less than or equal to 128, "
      "Member must have length greater than or equal to 1, Member must satisfy regular"))
      << found;
}

TEST(Validate, RefusesNullItems) {
  EXPECT_EQ(
      message<sm::op::CreateEndpoint>(
          R"({"EndpointName": "e", "EndpointConfigName": "c", "Tags": [null]})"),
      "1 validation error detected: Value null at 'tags.1.member' failed to satisfy constraint: "
      "Member must not be null");
}

TEST(Validate, CallsAnS3BodyThatLacksSomethingMalformed) {
  Arena arena;
  PathLabels labels;
  labels.add("Bucket", "b");
  const HttpRequestView request{
      .method = "POST", .path = "/b", .query = "delete", .headers = {}, .body = "<Delete/>"};
  const Operation& operation = aws::s3::op::DeleteObjects::operation();
  const auto node = decode_request(operation, Protocol::rest_xml, labels, request, arena);
  ASSERT_TRUE(node) << node.error().message;
  aws::s3::DeleteObjectsRequest in(*node, &arena);
  in.Delete(aws::s3::Delete(arena));
  const auto valid = validate(operation, in.node());
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().kind, "MalformedXML");
}

TEST(Validate, LeavesSensitiveValuesOut) {
  static const Shape secret{.name = "Secret",
                            .kind = ShapeKind::text,
                            .flags = static_cast<std::uint16_t>(ShapeFlag::sensitive),
                            .max = 3};
  static const Member members[] = {{"Password", "Password", &secret}};
  const Shape shape{.name = "Input", .members = members};
  Arena arena;
  Node node = make_structure(1, arena);
  node.items[0] = make_text("hunter2");
  const auto result = validate(node, shape, Service{});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "1 validation error detected: Value at 'password' failed to satisfy constraint: "
            "Member must have length less than or equal to 3");
}

TEST(Pattern, MatchesTheWholeTextOnly) {
  const Pattern pattern("[a-z]+");
  EXPECT_TRUE(pattern.matches("abc"));
  EXPECT_FALSE(pattern.matches("abc\n"));
  EXPECT_FALSE(pattern.matches("1abc"));
  EXPECT_FALSE(pattern.matches(""));
  const Pattern planes("[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF]*");
  EXPECT_TRUE(planes.compiled());
  EXPECT_FALSE(planes.matches("a\x01"));
  EXPECT_TRUE(Pattern("[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF]*")
                  .matches("a\xF0\x9F\x98\x80"));
}

TEST(Pattern, GivesUpOnTextsThatTakeForever) {
  const Pattern pattern("(a+)+b");
  EXPECT_FALSE(pattern.matches(std::string(5000, 'a')));
}

TEST(Pattern, EveryPatternOfEveryServiceCompiles) {
  for (const Schema* schema : aws::schemas()) {
    for (const Shape& shape : schema->shapes) {
      if (!shape.pattern.empty())
        EXPECT_TRUE(Pattern(shape.pattern).compiled()) << shape.name << ' ' << shape.pattern;
    }
  }
}

// ---- IAM ----------------------------------------------------------------------------------------

template <typename Op>
std::string iam_message(std::string_view form) {
  Arena arena;
  const HttpRequestView request{
      .method = "POST", .path = "/", .query = "", .headers = {}, .body = form};
  const auto node = decode_request(Op::operation(), Protocol::query, {}, request, arena);
  if (!node) return node.error().kind + ": " + node.error().message;
  const auto valid = validate(Op::operation(), *node);
  return valid ? "" : valid.error().kind + ": " + valid.error().message;
}

namespace iam = aws::iam::op;

TEST(ValidateIam, ShowsNoValueButThatOfAnEnum) {
  EXPECT_EQ(iam_message<iam::CreateUser>("UserName=" + std::string(65, 'a')),
            "ValidationError: 1 validation error detected: Value at 'userName' failed to satisfy "
            "constraint: Member must have length less than or equal to 64");
  EXPECT_EQ(iam_message<iam::CreateUser>("UserName=u&Tags.member.1.Key=k"),
            "ValidationError: 1 validation error detected: Value at 'tags.1.member.value' failed "
            "to satisfy constraint: Member must not be null");
  EXPECT_EQ(iam_message<iam::ListUsers>("MaxItems=-1"),
            "ValidationError: 1 validation error detected: Value at 'maxItems' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1");
  EXPECT_TRUE(iam_message<iam::ListPolicies>("Scope=Mine")
                  .contains("Value 'Mine' at 'scope' failed to satisfy constraint: Member must "
                            "satisfy enum value set: "));
}

TEST(ValidateIam, TellsOfOneConstraintOfAValue) {
  EXPECT_EQ(iam_message<iam::CreateUser>("UserName=u&Tags.member.1.Key=&Tags.member.1.Value=v"),
            "ValidationError: 1 validation error detected: Value at 'tags.1.member.key' failed to "
            "satisfy constraint: Member must have length greater than or equal to 1");
}

TEST(ValidateIam, SaysInSentencesWhatNamesConsistOf) {
  EXPECT_EQ(iam_message<iam::CreateUser>("UserName=a%2Fb"),
            "ValidationError: The specified value for userName is invalid. It must contain only "
            "alphanumeric characters and/or the following: +=,.@_-");
  EXPECT_TRUE(iam_message<iam::CreateAccessKey>("UserName=").contains("value for userName is"));
  EXPECT_EQ(iam_message<iam::CreateUser>("UserName=u&Path=x"),
            "ValidationError: The specified value for path is invalid. It must begin and end with "
            "/ and contain only alphanumeric characters and/or / characters.");
  EXPECT_EQ(iam_message<iam::ListRoles>("PathPrefix=x"),
            "ValidationError: The specified value for pathPrefix is invalid. It must begin with "
            "the / character and contain only alphanumeric characters and/or / characters.");
  EXPECT_EQ(iam_message<iam::PutUserPolicy>("UserName=u&PolicyName=p&PolicyDocument=%E2%82%AC"),
            "ValidationError: The specified value for policyDocument is invalid. It must contain "
            "only printable ASCII characters.");
}

TEST(ValidateIam, SaysOfItemsThatTheyMustNotBeNull) {
  const std::string found = iam_message<iam::UntagUser>("UserName=u&TagKeys.member.1=a*b");
  EXPECT_TRUE(
      found.contains(": Value at 'tagKeys' failed to satisfy constraint: Member must "
                     "satisfy constraint: [Member must have length"))
      << found;
  EXPECT_TRUE(found.ends_with(", Member must not be null]")) << found;
}

TEST(ValidateIam, AsksForAMissingParameterWhereIamDoes) {
  EXPECT_EQ(iam_message<iam::GetRole>(""),
            "MissingParameter: The request must contain the parameter RoleName.");
  EXPECT_EQ(iam_message<iam::CreateRole>("RoleName=r"),
            "ValidationError: 1 validation error detected: Value at 'assumeRolePolicyDocument' "
            "failed to satisfy constraint: Member must not be null");
}

TEST(ValidateIam, SaysNothingOfANumberThatIsNone) {
  EXPECT_EQ(iam_message<iam::ListUsers>("MaxItems=ten"), "MalformedInput: ");
}

}  // namespace
}  // namespace slipway::wire

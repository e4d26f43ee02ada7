#include "wire/route.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gen/services.h"

namespace slipway::wire {
namespace {

using Pairs = std::vector<HeaderView>;

std::string label(const Route& route, std::string_view name) {
  for (std::size_t i = 0; i < route.labels.count; ++i) {
    if (route.labels.items[i].name == name) return std::string(route.labels.items[i].value);
  }
  return "-";
}

class RouteTest : public ::testing::Test {
 protected:
  Route find(std::string_view method, std::string_view target, const Pairs& headers,
             std::string_view body = "") {
    const auto mark = target.find('?');
    const std::string_view query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    return router_.find({method, target.substr(0, mark), query, headers, body});
  }
  std::string name(std::string_view method, std::string_view target, const Pairs& headers,
                   std::string_view body = "") {
    const Route route = find(method, target, headers, body);
    if (!route.found()) return "nobody";
    const std::string service(route.schema->service.name);
    return service + "." + (route.operation == nullptr ? "?" : std::string(route.operation->name));
  }
  std::string s3(std::string_view method, std::string_view target, Pairs more = {}) {
    more.push_back({"Authorization",
                    "AWS4-HMAC-SHA256 Credential=AK/20240101/us-east-1/s3/aws4_request, "
                    "SignedHeaders=host, Signature=0"});
    return name(method, target, more);
  }

  OperationRouter router_{aws::schemas()};
};

TEST_F(RouteTest, TheTargetNamesTheOperationWhateverTheScopeSays) {
  const Pairs headers = {
      {"x-amz-target", "SageMaker.CreateModel"},
      {"content-type", "application/x-amz-json-1.1"},
      {"authorization",
       "AWS4-HMAC-SHA256 Credential=AK/1/r/s3/aws4_request, SignedHeaders=host, Signature=0"}};
  EXPECT_EQ(name("POST", "/", headers), "sagemaker.CreateModel");
  EXPECT_EQ(find("POST", "/", headers).protocol, Protocol::json11);
}

TEST_F(RouteTest, TheInferenceDataPathIsFoundSignedAndUnsigned) {
  const Pairs headers = {{"Authorization",
                          "AWS4-HMAC-SHA256 Credential=A/K/1/r/sagemaker/aws4_request, "
                          "SignedHeaders=host, Signature=0"}};
  EXPECT_EQ(name("POST", "/endpoints/my%2Fe/invocations", headers),
            "sagemaker-runtime.InvokeEndpoint");
  const Route route = find("POST", "/endpoints/my%2Fe/invocations", {});
  EXPECT_EQ(route.operation->name, "InvokeEndpoint");
  EXPECT_EQ(label(route, "EndpointName"), "my%2Fe");
  EXPECT_EQ(name("POST", "/endpoints/e/invocations-response-stream", {}),
            "sagemaker-runtime.InvokeEndpointWithResponseStream");
  EXPECT_EQ(name("POST", "/endpoints/e/async-invocations", headers),
            "sagemaker-runtime.InvokeEndpointAsync");
}

TEST_F(RouteTest, FormRequestsAreFoundByScopeOrByVersion) {
  const Pairs form = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  EXPECT_EQ(name("POST", "/", form, "Action=GetCallerIdentity&Version=2011-06-15"),
            "sts.GetCallerIdentity");
  EXPECT_EQ(name("POST", "/", form, "Version=2010-05-08&RoleName=x&Action=GetRole"), "iam.GetRole");
  EXPECT_EQ(name("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}),
            "sts.GetCallerIdentity");
  // A link in a message says no version; an action of two services is nobody's.
  EXPECT_EQ(name("GET", "/?Action=Unsubscribe&SubscriptionArn=x", {}), "sns.Unsubscribe");
  EXPECT_NE(name("GET", "/?Action=AddPermission", {}), "sns.AddPermission");
  const Pairs scoped = {
      form[0],
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=AK/1/r/iam/aws4_request, SignedHeaders=host, Signature=0"}};
  EXPECT_EQ(name("POST", "/", scoped, "Action=CreateSandwich&Version=2010-05-08"), "iam.?");
}

TEST_F(RouteTest, S3OperationsOfOnePathAreToldApart) {
  EXPECT_EQ(s3("GET", "/"), "s3.ListBuckets");
  EXPECT_EQ(s3("GET", "/b"), "s3.ListObjects");
  EXPECT_EQ(s3("GET", "/b/?x-id=ListObjects"), "s3.ListObjects");
  EXPECT_EQ(s3("GET", "/b?list-type=2&prefix=x"), "s3.ListObjectsV2");
  EXPECT_EQ(s3("GET", "/b?location"), "s3.GetBucketLocation");
  EXPECT_EQ(s3("GET", "/b?location="), "s3.GetBucketLocation");
  EXPECT_EQ(s3("GET", "/b?lifecycle"), "s3.GetBucketLifecycleConfiguration");
  EXPECT_EQ(s3("PUT", "/b?notification"), "s3.PutBucketNotificationConfiguration");
  EXPECT_EQ(s3("PUT", "/b"), "s3.CreateBucket");
  EXPECT_EQ(s3("PUT", "/b/k"), "s3.PutObject");
  EXPECT_EQ(s3("PUT", "/b/k?x-id=PutObject"), "s3.PutObject");
  EXPECT_EQ(s3("PUT", "/b/k", {{"x-amz-copy-source", "/c/d"}}), "s3.CopyObject");
  EXPECT_EQ(s3("PUT", "/b/k?partNumber=1&uploadId=u"), "s3.UploadPart");
  EXPECT_EQ(s3("PUT", "/b/k?partNumber=1&uploadId=u", {{"X-Amz-Copy-Source", "/c/d"}}),
            "s3.UploadPartCopy");
  EXPECT_EQ(s3("POST", "/b/k?uploads"), "s3.CreateMultipartUpload");
  EXPECT_EQ(s3("POST", "/b/k?uploadId=u"), "s3.CompleteMultipartUpload");
  EXPECT_EQ(s3("DELETE", "/b/k?uploadId=u"), "s3.AbortMultipartUpload");
  EXPECT_EQ(s3("DELETE", "/b/k?versionId=v"), "s3.DeleteObject");
  EXPECT_EQ(s3("GET", "/b/k?uploadId=u"), "s3.ListParts");
  EXPECT_EQ(s3("GET", "/b?uploads"), "s3.ListMultipartUploads");
  EXPECT_EQ(s3("GET", "/b/k?attributes"), "s3.GetObjectAttributes");
  EXPECT_EQ(s3("POST", "/b?delete"), "s3.DeleteObjects");
  EXPECT_EQ(s3("GET", "/b?versions"), "s3.ListObjectVersions");
  EXPECT_EQ(s3("HEAD", "/b"), "s3.HeadBucket");
  EXPECT_EQ(s3("HEAD", "/b/k"), "s3.HeadObject");
  EXPECT_EQ(s3("PATCH", "/b/k"), "s3.?");
}

TEST_F(RouteTest, S3PassesOverNothingThatChoosesAnotherOperation) {
  for (const std::string_view target :
       {"/b/k?acl", "/b/k?attributes", "/b/k?uploads", "/b/k?partNumber=1", "/b/k?%61cl",
        "/b/k?x=1&retention=", "/b?acl", "/b?versions", "/b?uploadId=u", "/b?versionId=v"})
    EXPECT_EQ(s3("DELETE", target), "s3.?") << target;
  for (const std::string_view target : {"/b/k?uploadId=u", "/b/k?delete", "/b/k?versionId=v",
                                        "/b/k?attributes", "/b?location", "/b?uploads"})
    EXPECT_EQ(s3("PUT", target), "s3.?") << target;
  EXPECT_EQ(s3("DELETE", "/b/k?id=1&tagging-set"), "s3.DeleteObject");
  EXPECT_EQ(s3("GET", "/b/k?partNumber=1&versionId=v"), "s3.GetObject");
  EXPECT_EQ(s3("GET", "/b/k?legal-hold&versionId=v"), "s3.GetObjectLegalHold");
}

TEST_F(RouteTest, S3TakesWhatItIsToldByFromAPresignedUrl) {
  EXPECT_EQ(s3("PUT", "/b/k?X-Amz-Copy-Source=c%2Fd&X-Amz-Signature=1"), "s3.CopyObject");
  EXPECT_EQ(s3("PUT", "/b/k?x-amz-copy-source=c%2Fd&Signature=1"), "s3.CopyObject");
  EXPECT_EQ(s3("PUT", "/b/k?x-amz-copy-source=c%2Fd"), "s3.PutObject");
}

TEST_F(RouteTest, KeysKeepTheirSlashesAndEscapes) {
  const Route route = find("GET", "/b//a%20b/..//c/", {});
  ASSERT_TRUE(route.found());
  EXPECT_EQ(label(route, "Bucket"), "b");
  EXPECT_EQ(label(route, "Key"), "/a%20b/..//c/");
}

TEST_F(RouteTest, TheBucketMayStandInTheHost) {
  for (const std::string_view host :
       {"my.bucket.s3.localhost:4566", "my.bucket.localhost", "my.bucket.s3.amazonaws.com",
        "my.bucket.s3.eu-west-1.amazonaws.com", "my.bucket.s3-eu-west-1.amazonaws.com",
        "my.bucket.s3.localhost.localstack.cloud:4566",
        "my.bucket.s3.eu-west-1.localhost.localstack.cloud"}) {
    const Route route = find("GET", "/a/b", {{"Host", host}});
    ASSERT_TRUE(route.found()) << host;
    EXPECT_EQ(route.operation->name, "GetObject") << host;
    EXPECT_EQ(label(route, "Bucket"), "my.bucket") << host;
    EXPECT_EQ(label(route, "Key"), "a/b") << host;
    EXPECT_EQ(find("GET", "/", {{"Host", host}}).operation->name, "ListObjects") << host;
  }
  for (const std::string_view host :
       {"localhost:4566", "127.0.0.1:4566", "[::1]:4566", "s3.localhost", "s3.amazonaws.com",
        "s3.eu-west-1.amazonaws.com", "localhost.localstack.cloud:4566",
        "s3.localhost.localstack.cloud", "s3.eu-west-1.localhost.localstack.cloud",
        "mys3.localhost.localstack.cloud"}) {
    const Route route = find("GET", "/a/b", {{"Host", host}});
    EXPECT_EQ(label(route, "Bucket"), "a") << host;
  }
}

TEST_F(RouteTest, PresignedRequestsAreFoundByTheirQuery) {
  EXPECT_EQ(
      name("GET",
           "/b/k?X-Amz-Credential=AK%2F20240101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0",
           {}),
      "s3.GetObject");
  EXPECT_EQ(name("PUT", "/endpoints/k?AWSAccessKeyId=AK&Signature=x&Expires=1", {}),
            "s3.PutObject");
  EXPECT_EQ(name("GET", "/b/k", {{"Authorization", "AWS AK:sig"}}), "s3.GetObject");
}

TEST_F(RouteTest, WhatNamesAnotherServiceNeverFallsThroughToS3) {
  const Pairs other = {{"Authorization",
                        "AWS4-HMAC-SHA256 Credential=AK/1/r/dynamodb/aws4_request, "
                        "SignedHeaders=host, Signature=0"}};
  EXPECT_EQ(name("GET", "/", other), "nobody");
  EXPECT_EQ(name("POST", "/", {{"X-Amz-Target", "DynamoDB_20120810.ListTables"}}), "nobody");
}

TEST_F(RouteTest, UnknownAndUnbuiltOperationsAreAnsweredByNameInTheirProtocol) {
  const Pairs headers = {{"x-amz-target", "SageMaker.CreateSandwich"},
                         {"content-type", "application/x-amz-json-1.1"}};
  const Route unknown = find("POST", "/", headers);
  const auto answer = unknown_operation(unknown, "id");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.body.contains("UnknownOperationException")) << answer.body;
  const Route unbuilt = find("POST", "/", {{"x-amz-target", "SageMaker.CreateNotebookInstance"}});
  const auto not_yet = not_implemented(unbuilt, "id");
  EXPECT_EQ(not_yet.status, 501);
  EXPECT_TRUE(not_yet.body.contains("CreateNotebookInstance")) << not_yet.body;
}

TEST_F(RouteTest, AnActionThatThereIsNotIsSaidInTheNamespaceOfWhatStandsBeforeTheServices) {
  const Pairs headers = {{"content-type", "application/x-www-form-urlencoded"}};
  const Route route = find("POST", "/", headers, "Action=GetCallerIdentity&Version=2010-05-08");
  const auto answer = unknown_operation(route, "id");
  EXPECT_TRUE(answer.body.contains("http://webservices.amazon.com/AWSFault/2005-15-09"));
  EXPECT_TRUE(
      answer.body.contains("Could not find operation GetCallerIdentity for version 2010-05-08"));
}

TEST(RouteOfOthers, AServiceThatIsNotHereAnswersByNameInItsProtocol) {
  const OperationRouter router(aws::schemas(), {.others = aws::others()});
  const auto scope = [](std::string_view service) {
    return "AWS4-HMAC-SHA256 Credential=AK/1/r/" + std::string(service) +
           "/aws4_request, SignedHeaders=host, Signature=0";
  };
  const std::string_view form = "application/x-www-form-urlencoded";
  struct Row {
    std::string scope, path, target, body;
    std::string_view service, said;
  };
  const Row rows[] = {
      {"cloudformation", "/", "", "Action=ListStacks&Version=2010-05-15", "cloudformation",
       "<Code>"},
      {"", "/", "", "Action=ListStacks&Version=2010-05-15", "cloudformation", "ListStacks"},
      {"ec2", "/", "", "Action=DescribeVpcs&Version=2016-11-15", "ec2", "ec2 DescribeVpcs"},
      {"rds", "/", "", "Action=DescribeDBClusters&Version=2014-10-31", "rds", "DescribeDBClusters"},
      {"dynamodb", "/", "DynamoDB_20120810.ListTables", "{}", "dynamodb", "dynamodb ListTables"},
      {"", "/", "DynamoDB_20120810.ListTables", "{}", "dynamodb", "NotImplementedException"},
      {"kms", "/", "TrentService.ListKeys", "{}", "kms", "__type"},
      {"lambda", "/2015-03-31/functions/", "", "", "lambda",
       "Slipway does not implement lambda yet"}};
  for (const Row& row : rows) {
    Pairs headers;
    const std::string signature = scope(row.scope);
    if (!row.scope.empty()) headers.push_back({"Authorization", signature});
    if (!row.target.empty()) headers.push_back({"X-Amz-Target", row.target});
    if (row.body.starts_with("Action")) headers.push_back({"Content-Type", form});
    const Route route = router.find({"POST", row.path, "", headers, row.body});
    ASSERT_TRUE(route.found()) << row.service;
    EXPECT_EQ(route.schema->service.name, row.service);
    EXPECT_EQ(route.operation, nullptr);
    const auto answer = unknown_operation(route, "id");
    EXPECT_EQ(answer.status, 501);
    EXPECT_TRUE(answer.body.contains(row.said)) << answer.body;
  }
}

// What names no service is S3's, whose operations have no other name; a service that a request
// names by what there is not has nothing for it.
TEST_F(RouteTest, OddRequestsFallToS3OrToNobody) {
  struct Case {
    std::string_view target, read, wrote;
  };
  for (const Case& odd :
       {Case{"", "s3.ListBuckets", "s3.?"}, Case{"/", "s3.ListBuckets", "s3.?"},
        Case{"//", "s3.?", "s3.?"}, Case{"///", "s3.?", "s3.?"},
        Case{"/?", "s3.ListBuckets", "s3.?"}, Case{"/?&&=&", "s3.ListBuckets", "s3.?"},
        Case{"/%", "s3.ListObjects", "s3.?"}, Case{"*", "s3.?", "s3.?"},
        Case{"/b?%zz", "s3.ListObjects", "s3.?"}}) {
    SCOPED_TRACE(odd.target);
    const Pairs no_scope = {{"Authorization", "AWS4-"}, {"Host", ":"}};
    EXPECT_EQ(name("GET", odd.target, no_scope), odd.read);
    const Pairs no_target = {{"Authorization", "AWS4-HMAC-SHA256 Credential="},
                             {"X-Amz-Target", "."}};
    EXPECT_EQ(name("GET", odd.target, no_target), "nobody");
    const Pairs no_host = {{"Smithy-Protocol", "rpc-v2-cbor"}, {"Host", "."}};
    EXPECT_EQ(name("POST", odd.target, no_host), odd.wrote);
  }
}

}  // namespace
}  // namespace slipway::wire

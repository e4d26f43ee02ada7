#include "wire/auth/sigv2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/auth/auth_test_support.h"
#include "wire/auth/sigv4.h"

namespace slipway::wire {
namespace {

using testing::at;
using testing::OwnedRequest;
using ::testing::StartsWith;

// AWS's own examples ("Signing and authenticating REST requests").
class SigV2 : public ::testing::Test {
 protected:
  SigV2() { keys_.secrets["AKIAIOSFODNN7EXAMPLE"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"; }

  testing::FakeKeys keys_;
};

TEST_F(SigV2, TheDocumentedObjectGetIsAccepted) {
  OwnedRequest request{.method = "GET", .path = "/photos/puppy.jpg"};
  request.add("Host", "awsexamplebucket1.us-west-1.s3.amazonaws.com");
  request.add("Date", "Tue, 27 Mar 2007 19:36:42 +0000");
  request.add("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=");
  EXPECT_EQ(
      string_to_sign_v2(request.view(), "Tue, 27 Mar 2007 19:36:42 +0000", {"awsexamplebucket1"}),
      "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/awsexamplebucket1/photos/puppy.jpg");
}

TEST_F(SigV2, TheDocumentedUploadLinesAreJoinedAndSorted) {
  OwnedRequest request{.method = "PUT", .path = "/db-backup.dat.gz"};
  request.add("content-type", "application/x-download");
  request.add("Content-MD5", "4gJE4saaMU4BqNR0kLY+lw==");
  request.add("X-Amz-Meta-ReviewedBy", "joe@example.com");
  request.add("X-Amz-Meta-ReviewedBy", "jane@example.com");
  request.add("X-Amz-Meta-FileChecksum", "0x02661779");
  request.add("x-amz-acl", "public-read");
  EXPECT_EQ(string_to_sign_v2(request.view(), "D", {"static.example.com"}),
            "PUT\n4gJE4saaMU4BqNR0kLY+lw==\napplication/x-download\nD\nx-amz-acl:public-read\n"
            "x-amz-meta-filechecksum:0x02661779\n"
            "x-amz-meta-reviewedby:joe@example.com,jane@example.com\n"
            "/static.example.com/db-backup.dat.gz");
}

TEST_F(SigV2, SubResourcesAreSignedDecodedAndOtherParametersAreNot) {
  OwnedRequest request{.method = "GET",
                       .path = "/b/k",
                       .query = "x=1&uploads&response-content-type=text%2Fplain&acl="};
  EXPECT_EQ(string_to_sign_v2(request.view(), "9"),
            "GET\n\n\n9\n/b/k?acl&response-content-type=text/plain&uploads");
}

TEST_F(SigV2, ASubResourceIsSignedHoweverItsNameIsWritten) {
  OwnedRequest request{.method = "GET", .path = "/b/k", .query = "%76ersion%49d=old"};
  EXPECT_EQ(string_to_sign_v2(request.view(), "9"), "GET\n\n\n9\n/b/k?versionId=old");
}

TEST_F(SigV2, ARequestThatIsSignedTwiceIsRefused) {
  OwnedRequest request{.query = "AWSAccessKeyId=a&Signature=b&Expires=1714565100"};
  request.add("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:abc");
  EXPECT_THAT(verify_v2(request.view(), keys_, at("20240501T120000Z")).error().message,
              StartsWith("Only one auth mechanism allowed"));
}

TEST_F(SigV2, APresignedUrlFromBoto3HoldsUntilItExpires) {
  OwnedRequest request{
      .method = "GET",
      .path = "/bucket/key",
      .query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=SIGNATURE&Expires=1714565100"};
  EXPECT_EQ(auth_form(request.view()), AuthForm::v2_presigned);
  EXPECT_EQ(verify_v2(request.view(), keys_, at("20240501T120000Z")).error().kind,
            "SignatureDoesNotMatch");
  request.query.replace(request.query.find("SIGNATURE"), 9, "koMQFwZzXySpvgLvozUqwv%2Feg%2Fo%3D");
  EXPECT_TRUE(verify_v2(request.view(), keys_, at("20240501T120000Z")));
  EXPECT_EQ(verify_v2(request.view(), keys_, at("20240501T120501Z")).error().message,
            "Request has expired");
}

TEST_F(SigV2, NonsenseIsRefusedInS3sWords) {
  OwnedRequest request;
  request.add("Authorization", "AWS nothing");
  EXPECT_EQ(verify_v2(request.view(), keys_, at("20240501T120000Z")).error().kind,
            "InvalidArgument");
  request.header("Authorization") = "AWS AKIAIOSFODNN7EXAMPLE:abc";
  EXPECT_THAT(verify_v2(request.view(), keys_, at("20240501T120000Z")).error().message,
              StartsWith("AWS authentication requires a valid Date"));
}

}  // namespace
}  // namespace slipway::wire

// What a client sees of signature checks: what is let in, and in whose words the rest is refused.
#include "wire/auth/sigv4.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/auth/auth_test_support.h"

namespace slipway::wire {
namespace {

using namespace std::chrono_literals;
using testing::at;
using ::testing::HasSubstr;
using testing::OwnedRequest;
using ::testing::StartsWith;

const Timestamp noon = at("20240501T120000Z");

class SigV4 : public ::testing::Test {
 protected:
  OwnedRequest signed_request(std::string_view service, std::string body = "{}") {
    asked_ = service;
    OwnedRequest request{.method = "POST", .path = "/", .body = std::move(body)};
    request.add("Host", "127.0.0.1:4566");
    request.add("Content-Type", "application/x-amz-json-1.1");
    request.add("X-Amz-Target", "SageMaker.ListModels");
    request.add_all(sign(request.view(), credentials_, {"us-east-1", service}, noon));
    return request;
  }

  OwnedRequest presigned(std::string_view service, std::string_view path, std::string_view query) {
    asked_ = service;
    OwnedRequest request{
        .path = std::string(path), .query = std::string(query), .body = std::nullopt};
    request.add("Host", "127.0.0.1:4566");
    request.query = presign(request.view(), credentials_, {"us-east-1", service}, noon, 60s);
    return request;
  }

  Result<Verified> check(const OwnedRequest& request, AuthDialect dialect = AuthDialect::json,
                         Timestamp now = noon) {
    return verify(request.view(), {asked_, dialect}, keys_, cache_, now);
  }

  // "Code status message"
  std::string refusal(const OwnedRequest& request, AuthDialect dialect, Timestamp now = noon) {
    const auto verified = check(request, dialect, now);
    if (verified) return "accepted";
    return fmt::format("{} {} {}", verified.error().kind, auth_status(verified.error(), dialect),
                       verified.error().message);
  }

  std::string_view asked_ = "sagemaker";  // what the request is checked for
  Credentials credentials_{std::string(testing::example_key_id),
                           std::string(testing::example_secret)};
  testing::FakeKeys keys_;
  SigningKeyCache cache_;
};

TEST_F(SigV4, ARequestSignedHereIsAcceptedHere) {
  const auto verified = check(signed_request("sagemaker"));
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(verified->region, "us-east-1");
  EXPECT_EQ(verified->service, "sagemaker");
  EXPECT_TRUE(verified->content_sha256.empty());
}

TEST_F(SigV4, TheSecondRequestUsesTheCachedKeyAndIsAcceptedToo) {
  EXPECT_TRUE(check(signed_request("sagemaker")));
  EXPECT_TRUE(check(signed_request("sagemaker", "other")));
  EXPECT_TRUE(check(signed_request("sts")));
}

TEST_F(SigV4, AChangedBodyPathQueryMethodOrHeaderIsRefused) {
  const auto changed = [&](auto change) {
    OwnedRequest request = signed_request("sagemaker");
    change(request);
    return refusal(request, AuthDialect::json);
  };
  const auto mismatch = StartsWith("InvalidSignatureException 400 The request signature we");
  EXPECT_THAT(changed([](OwnedRequest& r) { r.body = "{ }"; }), mismatch);
  EXPECT_THAT(changed([](OwnedRequest& r) { r.path = "/x"; }), mismatch);
  EXPECT_THAT(changed([](OwnedRequest& r) { r.query = "x"; }), mismatch);
  EXPECT_THAT(changed([](OwnedRequest& r) { r.method = "PUT"; }), mismatch);
  EXPECT_THAT(changed([](OwnedRequest& r) { r.header("X-Amz-Target") = "SageMaker.DeleteModel"; }),
              mismatch);
  EXPECT_THAT(changed([](OwnedRequest& r) { r.header("Authorization").back() = 'g'; }), mismatch);
}

TEST_F(SigV4, AWrongSecretIsRefusedInTheWordsOfEachProtocol) {
  keys_.secrets["AKIDEXAMPLE"] = "another";
  const OwnedRequest request = signed_request("sagemaker");
  EXPECT_THAT(refusal(request, AuthDialect::query), StartsWith("SignatureDoesNotMatch 403 "));
  EXPECT_THAT(refusal(request, AuthDialect::json), StartsWith("InvalidSignatureException 400 "));
  EXPECT_THAT(refusal(request, AuthDialect::rest_json),
              StartsWith("InvalidSignatureException 403 "));
}

TEST_F(SigV4, AnUnknownKeyIsRefusedInTheWordsOfEachProtocol) {
  keys_.secrets.clear();
  const OwnedRequest request = signed_request("s3");
  EXPECT_EQ(refusal(request, AuthDialect::query),
            "InvalidClientTokenId 403 The security token included in the request is invalid.");
  EXPECT_EQ(
      refusal(request, AuthDialect::json),
      "UnrecognizedClientException 400 The security token included in the request is invalid.");
  EXPECT_EQ(
      refusal(request, AuthDialect::s3),
      "InvalidAccessKeyId 403 The AWS Access Key Id you provided does not exist in our records.");
}

TEST_F(SigV4, ARequestWithoutSignatureIsRefused) {
  OwnedRequest request;
  EXPECT_EQ(refusal(request, AuthDialect::query),
            "MissingAuthenticationToken 403 Request is missing Authentication Token");
  EXPECT_THAT(refusal(request, AuthDialect::json),
              StartsWith("MissingAuthenticationTokenException 400 "));
  EXPECT_EQ(refusal(request, AuthDialect::s3), "AccessDenied 403 Access Denied");
}

TEST_F(SigV4, FifteenMinutesOfSkewAreAllowedAndNotMore) {
  const OwnedRequest request = signed_request("sagemaker");
  EXPECT_EQ(refusal(request, AuthDialect::query, noon + 15min), "accepted");
  EXPECT_EQ(refusal(request, AuthDialect::query, noon - 15min), "accepted");
  EXPECT_EQ(refusal(request, AuthDialect::query, noon + 15min + 1s),
            "SignatureDoesNotMatch 403 Signature expired: 20240501T120000Z is now earlier than "
            "20240501T120001Z (20240501T121501Z - 15 min.)");
  EXPECT_THAT(refusal(request, AuthDialect::query, noon - 16min),
              HasSubstr("Signature not yet current: 20240501T120000Z is still later than"));
  EXPECT_EQ(refusal(signed_request("s3"), AuthDialect::s3, noon + 16min),
            "RequestTimeTooSkewed 403 The difference between the request time and the current time "
            "is too large.");
}

TEST_F(SigV4, ASignatureForAnotherServiceIsRefusedInTheWordsOfEachProtocol) {
  const OwnedRequest request = signed_request("s3");
  asked_ = "sagemaker";
  const std::string_view words = " Credential should be scoped to correct service: 'sagemaker'. ";
  EXPECT_EQ(refusal(request, AuthDialect::query),
            fmt::format("SignatureDoesNotMatch 403{}", words));
  EXPECT_EQ(refusal(request, AuthDialect::json),
            fmt::format("InvalidSignatureException 400{}", words));
  EXPECT_EQ(refusal(request, AuthDialect::rest_json),
            fmt::format("InvalidSignatureException 403{}", words));
  const OwnedRequest other = signed_request("sts");
  asked_ = "s3";
  EXPECT_EQ(refusal(other, AuthDialect::s3),
            "AuthorizationHeaderMalformed 400 The authorization header is malformed; incorrect "
            "service \"sts\". This endpoint belongs to \"s3\".");
  const OwnedRequest url = presigned("sts", "/b/k", "");
  asked_ = "s3";
  EXPECT_EQ(refusal(url, AuthDialect::s3),
            "AuthorizationQueryParametersError 400 Error parsing the X-Amz-Credential parameter; "
            "incorrect service \"sts\". This endpoint belongs to \"s3\".");
}

TEST_F(SigV4, EverythingThatIsWrongWithAScopeIsSaidButByS3) {
  OwnedRequest request = signed_request("s3");
  std::string& header = request.header("Authorization");
  header.replace(header.find("aws4_request"), 12, "aws5");
  header.replace(header.find("20240501/"), 8, "20240502");
  EXPECT_EQ(refusal(request, AuthDialect::s3),
            "AuthorizationHeaderMalformed 400 The authorization header is malformed; incorrect "
            "terminal \"aws5\". This endpoint uses \"aws4_request\".");
  asked_ = "sts";
  EXPECT_EQ(refusal(request, AuthDialect::query),
            "SignatureDoesNotMatch 403 Credential should be scoped to correct service: 'sts'. "
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. "
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '20240502' != '20240501', from '20240501T120000Z'.");
}

TEST_F(SigV4, AWrongScopeIsSaidBeforeAnUnknownKeyAndAWrongSignature) {
  OwnedRequest request = signed_request("sts");
  asked_ = "iam";
  keys_.secrets.clear();
  request.header("Authorization").back() = 'g';
  EXPECT_THAT(refusal(request, AuthDialect::query), HasSubstr("correct service: 'iam'"));
}

TEST_F(SigV4, ABodyThatIsNotSignedIsTakenByS3Alone) {
  OwnedRequest request{.method = "POST", .body = "{}"};
  request.add("Host", "h");
  SignedRequest without_body = request.view();
  without_body.body.reset();
  const auto claim = sign(without_body, credentials_, {"us-east-1", "sagemaker"}, noon);
  request.add_all(claim);
  EXPECT_EQ(request.header("X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_THAT(refusal(request, AuthDialect::json),
              StartsWith("InvalidSignatureException 400 The request signature we calculated"));
}

TEST_F(SigV4, WhatIsAnnouncedAndNoHashCountsForNothingBesideS3) {
  for (const std::string_view word : {"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                                      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "nonsense"}) {
    OwnedRequest request{.method = "POST", .body = "{}"};
    request.add("Host", "h");
    request.add("X-Amz-Content-Sha256", word);
    const auto claim = sign(request.view(), credentials_, {"us-east-1", "sagemaker"}, noon);
    request.add_all(claim);
    EXPECT_EQ(refusal(request, AuthDialect::json), "accepted") << word;
    request.body = "{ }";
    EXPECT_THAT(refusal(request, AuthDialect::json), StartsWith("InvalidSignatureException 400 "));
  }
}

TEST_F(SigV4, OnlyS3ShowsTheKeyThatItDoesNotKnow) {
  keys_.secrets.clear();
  const OwnedRequest request = signed_request("s3");
  EXPECT_TRUE(check(request, AuthDialect::query).error().details.empty());
  EXPECT_FALSE(check(request, AuthDialect::s3).error().details.empty());
}

TEST_F(SigV4, ARequestThatIsSignedTwiceIsRefused) {
  OwnedRequest request = signed_request("s3");
  request.query = presigned("s3", "/", "").query;
  EXPECT_THAT(refusal(request, AuthDialect::s3),
              StartsWith("InvalidArgument 400 Only one auth mechanism allowed; only the "));
  EXPECT_THAT(refusal(request, AuthDialect::json), StartsWith("IncompleteSignatureException 400 "));
}

TEST_F(SigV4, AHeaderThatDecidesAndStandsThereTwiceIsRefused) {
  for (const std::string_view name : {"Authorization", "X-Amz-Date", "Date", "X-Amz-Target",
                                      "X-Amz-Security-Token", "X-Amz-Content-Sha256"}) {
    OwnedRequest request = signed_request("sagemaker");
    request.add("date", "x");
    request.add("x-amz-security-token", "x");
    request.add("x-amz-content-sha256", "x");
    request.headers.insert(request.headers.begin(), {std::string(name), ""});
    EXPECT_THAT(refusal(request, AuthDialect::json), HasSubstr("more than once")) << name;
  }
}

TEST_F(SigV4, TheScopesDateMustBeThatOfTheRequest) {
  OwnedRequest request = signed_request("sagemaker");
  request.header("X-Amz-Date") = "20240502T000000Z";
  EXPECT_THAT(refusal(request, AuthDialect::query, noon + 12h),
              HasSubstr("Date in Credential scope does not match YYYYMMDD from ISO-8601"));
}

TEST_F(SigV4, S3SaysWhatItWouldHaveSigned) {
  keys_.secrets["AKIDEXAMPLE"] = "another";
  const auto verified = check(signed_request("s3"), AuthDialect::s3);
  ASSERT_FALSE(verified);
  std::map<std::string, std::string> details(verified.error().details.begin(),
                                             verified.error().details.end());
  EXPECT_EQ(details["AWSAccessKeyId"], "AKIDEXAMPLE");
  EXPECT_THAT(details["StringToSign"], StartsWith("AWS4-HMAC-SHA256\n20240501T120000Z\n"));
  EXPECT_THAT(details["CanonicalRequest"], StartsWith("POST\n/\n\ncontent-type:application/"));
  EXPECT_THAT(details["CanonicalRequestBytes"], StartsWith("50 4f 53 54 0a 2f"));
  EXPECT_EQ(details["SignatureProvided"].size(), 64U);
}

TEST_F(SigV4, S3RefusesAmazonHeadersThatAreNotSigned) {
  OwnedRequest request = signed_request("s3");
  request.add("X-Amz-Acl", "public-read");
  EXPECT_EQ(refusal(request, AuthDialect::s3),
            "AccessDenied 403 There were headers present in the request which were not signed");
  EXPECT_EQ(check(request, AuthDialect::s3).error().details[0].second, "x-amz-acl");
}

TEST_F(SigV4, TheHeaderThatChoosesTheOperationMustBeSigned) {
  OwnedRequest request{.method = "POST", .body = "{}"};
  request.add("Host", "h");
  request.add_all(sign(request.view(), credentials_, {"us-east-1", "sagemaker"}, noon));
  request.add("X-Amz-Target", "SageMaker.DeleteModel");
  EXPECT_THAT(refusal(request, AuthDialect::json),
              HasSubstr("'x-amz-target' must be a 'SignedHeader'"));
}

TEST_F(SigV4, HostMustBeSigned) {
  OwnedRequest request{.method = "POST", .body = ""};
  request.add_all(sign(request.view(), credentials_, {"us-east-1", "sts"}, noon));
  EXPECT_THAT(refusal(request, AuthDialect::query), HasSubstr("'Host' or ':authority' must be"));
}

TEST_F(SigV4, AnAnnouncedHashMustBeThatOfTheBody) {
  OwnedRequest request = signed_request("s3", "hello");
  EXPECT_EQ(refusal(request, AuthDialect::s3), "accepted");
  request.body = "jello";
  EXPECT_THAT(refusal(request, AuthDialect::s3), StartsWith("XAmzContentSHA256Mismatch 400 "));
}

TEST_F(SigV4, ABodyThatStillStreamsIsLeftToTheCallerToCompare) {
  OwnedRequest request = signed_request("s3", "hello");
  request.body = std::nullopt;
  const auto verified = check(request, AuthDialect::s3);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->content_sha256, sha256_hex("hello"));
}

TEST_F(SigV4, S3WantsTheHashAnnouncedAndReadable) {
  OwnedRequest request = signed_request("s3");
  request.header("X-Amz-Content-Sha256") = "nonsense";
  EXPECT_THAT(refusal(request, AuthDialect::s3),
              StartsWith("InvalidArgument 400 x-amz-content-sha256"));
  std::erase_if(request.headers, [](auto& h) { return h.first == "X-Amz-Content-Sha256"; });
  EXPECT_EQ(refusal(request, AuthDialect::s3),
            "InvalidRequest 400 Missing required header for this request: x-amz-content-sha256");
}

TEST_F(SigV4, AnUnsignedPayloadIsAccepted) {
  OwnedRequest request{.method = "PUT", .path = "/b/k", .body = std::nullopt};
  request.add("Host", "h");
  request.add_all(sign(request.view(), credentials_, {"us-east-1", "s3"}, noon));
  request.body = "anything";
  asked_ = "s3";
  const auto verified = check(request, AuthDialect::s3);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->payload, PayloadMode::unsigned_payload);
}

TEST_F(SigV4, ASessionTokenReachesTheKeyLookup) {
  credentials_.session_token = "token//+==";
  EXPECT_TRUE(check(signed_request("sagemaker")));
  EXPECT_EQ(keys_.last_token, "token//+==");
  EXPECT_TRUE(check(presigned("s3", "/b/k", ""), AuthDialect::s3));
  EXPECT_EQ(keys_.last_token, "token//+==");
  credentials_.session_token = "over";
  EXPECT_EQ(refusal(signed_request("sts"), AuthDialect::query),
            "ExpiredToken 403 The security token included in the request is expired");
  EXPECT_EQ(refusal(signed_request("s3"), AuthDialect::s3),
            "ExpiredToken 400 The provided token has expired.");
}

TEST_F(SigV4, AnAccessKeyIdMayHoldSlashes) {
  credentials_.access_key_id = "team/one";
  keys_.secrets["team/one"] = testing::example_secret;
  const auto verified = check(signed_request("sagemaker"));
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->access_key_id, "team/one");
}

TEST_F(SigV4, APresignedRequestHoldsUntilItExpires) {
  const OwnedRequest request = presigned("s3", "/bucket/a%20b", "response-content-type=a%2Fb");
  EXPECT_EQ(refusal(request, AuthDialect::s3, noon + 60s), "accepted");
  EXPECT_EQ(refusal(request, AuthDialect::s3, noon + 61s), "AccessDenied 403 Request has expired");
  EXPECT_EQ(refusal(request, AuthDialect::s3, noon - 16min),
            "AccessDenied 403 Request is not yet valid");
}

TEST_F(SigV4, APresignedStsUrlIsAcceptedAsClusterTokensNeedIt) {
  OwnedRequest request = presigned("sts", "/", "Action=GetCallerIdentity&Version=2011-06-15");
  request.body = "";
  EXPECT_EQ(refusal(request, AuthDialect::query), "accepted");
  OwnedRequest changed = request;
  changed.query.replace(changed.query.find("GetCallerIdentity"), 3, "Set");
  EXPECT_THAT(refusal(changed, AuthDialect::query), StartsWith("SignatureDoesNotMatch 403"));
}

TEST_F(SigV4, APresignedLifeOverAWeekIsRefused) {
  OwnedRequest request = presigned("s3", "/b/k", "");
  const auto with = [&](std::string_view expires) {
    OwnedRequest changed = request;
    changed.query.replace(changed.query.find("X-Amz-Expires=60"), 16,
                          fmt::format("X-Amz-Expires={}", expires));
    return refusal(changed, AuthDialect::s3);
  };
  EXPECT_THAT(with("604801"), StartsWith("AuthorizationQueryParametersError 400 X-Amz-Expires must "
                                         "be less than a week"));
  EXPECT_THAT(with("-1"), HasSubstr("must be non-negative"));
  EXPECT_THAT(with("soon"), HasSubstr("should be a number"));
  EXPECT_THAT(with("604800"), StartsWith("SignatureDoesNotMatch 403"));
}

TEST_F(SigV4, BrokenAuthorizationHeadersAreRefusedWithWhatIsMissing) {
  const auto with = [&](std::string header) {
    OwnedRequest request = signed_request("sts");
    request.header("Authorization") = std::move(header);
    return refusal(request, AuthDialect::query);
  };
  EXPECT_EQ(with("AWS4-HMAC-SHA256 Credential=a/20240501/r/s/aws4_request"),
            "IncompleteSignature 400 Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and "
            "encoded with Base64) Authorization=q8APsy7yWLUb3hTv8OM6K0TWiVVuZrPbtJLLZpgn118=");
  EXPECT_THAT(with("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0"),
              HasSubstr("Credential must have exactly 5 slash-delimited elements"));
  for (const std::string_view region :
       {"us east", "us:1", "..", "-", "us\n1", "us\x1b[1m", "\xc3\x89"})
    EXPECT_THAT(with(fmt::format("AWS4-HMAC-SHA256 Credential=a/20240501/{}/sts/aws4_request, "
                                 "SignedHeaders=host, Signature=0",
                                 region)),
                StartsWith("IncompleteSignature 400 Credential must have exactly 5"));
  EXPECT_THAT(with("AWS4-HMAC-SHA256"), StartsWith("IncompleteSignature 400"));
  EXPECT_THAT(with("AWS4-HMAC-SHA256 a=b"), StartsWith("IncompleteSignature 400"));
  EXPECT_THAT(with("AWS4-ECDSA-P256-SHA256 Credential=a"), StartsWith("NotImplemented 501"));
  EXPECT_THAT(with("AWS4-NONSENSE"), StartsWith("IncompleteSignature 400"));
  EXPECT_THAT(with("Basic abc"), StartsWith("MissingAuthenticationToken 403"));
}

TEST_F(SigV4, S3SaysOfABrokenAuthorizationHeaderWhatItMisses) {
  const auto with = [&](std::string header) {
    OwnedRequest request = signed_request("s3");
    request.header("Authorization") = std::move(header);
    return refusal(request, AuthDialect::s3);
  };
  const auto malformed = [](std::string_view what) {
    return fmt::format("AuthorizationHeaderMalformed 400 The authorization header is malformed; {}",
                       what);
  };
  const std::string scope = "Credential=a/20240501/us-east-1/s3/aws4_request";
  EXPECT_EQ(with(fmt::format("AWS4-HMAC-SHA256 {}, Signature=0", scope)),
            malformed("the authorization header requires three components: Credential, "
                      "SignedHeaders, and Signature."));
  EXPECT_EQ(with(fmt::format("AWS4-HMAC-SHA256 {}, SignedHeaders=host, Signature=0, x=y", scope)),
            malformed("the authorization header requires three components: Credential, "
                      "SignedHeaders, and Signature."));
  EXPECT_EQ(with(fmt::format("AWS4-HMAC-SHA256 {}, SignedHeaders-host, Signature=0", scope)),
            malformed("the authorization component \"SignedHeaders-host\" is malformed."));
  EXPECT_EQ(with("AWS4-HMAC-SHA256 x=y, SignedHeaders=host, Signature=0"),
            malformed("missing Credential."));
  EXPECT_EQ(with(fmt::format("AWS4-HMAC-SHA256 {}, x=y, Signature=0", scope)),
            malformed("missing SignedHeaders."));
  EXPECT_EQ(with(fmt::format("AWS4-HMAC-SHA256 {}, SignedHeaders=host, x=y", scope)),
            malformed("missing Signature."));
  EXPECT_THAT(with("AWS4-HMAC-SHA256 Credential=a/1/us-east-1/s3/more/things, SignedHeaders=host, "
                   "Signature=0"),
              HasSubstr("the Credential is mal-formed"));
  EXPECT_EQ(with("Bearer abc"), "InvalidArgument 400 Unsupported Authorization Type");
  EXPECT_EQ(with("AWS2-HMAC-SHA1 x=y"), "InvalidArgument 400 Unsupported Authorization Type");
  EXPECT_EQ(with("nonsense"),
            "InvalidArgument 400 Authorization header is invalid -- one and only one ' ' (space) "
            "required");
}

TEST_F(SigV4, S3WantsADateThatItCanRead) {
  OwnedRequest request = signed_request("s3");
  for (const char* const date : {"", "03032006"}) {
    request.header("X-Amz-Date") = date;
    EXPECT_EQ(refusal(request, AuthDialect::s3),
              "AccessDenied 403 AWS authentication requires a valid Date or x-amz-date header");
  }
}

TEST_F(SigV4, TooManySignedHeadersAreRefusedBeforeAnyWork) {
  OwnedRequest request = signed_request("sts");
  std::string names = "host";
  for (std::size_t i = 0; i < signed_headers_max; ++i) names += ";x";
  request.header("Authorization") = fmt::format(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240501/r/sts/aws4_request, SignedHeaders={}, "
      "Signature=0",
      names);
  EXPECT_THAT(refusal(request, AuthDialect::query), HasSubstr("too many signed headers"));
}

TEST_F(SigV4, S3PathsAreSignedAsTheyStand) {
  OwnedRequest request{.path = "/my-bucket/a%20b/%C3%BC%2Bx%3D1/..//z.txt"};
  request.add("Host", "h");
  const auto signed_headers = sign(request.view(), credentials_, {"us-east-1", "s3"}, noon);
  request.add_all(signed_headers);
  const auto claim = parse_authorization(request.view(), AuthDialect::s3);
  ASSERT_TRUE(claim);
  EXPECT_THAT(canonical_request(request.view(), *claim, "x"),
              StartsWith("GET\n/my-bucket/a%20b/%C3%BC%2Bx%3D1/..//z.txt\n"));
}

}  // namespace
}  // namespace slipway::wire

#include "wire/auth/form_signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "wire/auth/auth_test_support.h"

namespace slipway::wire {
namespace {

using Fields = std::vector<HeaderPair>;

// "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)".
constexpr std::string_view documented_policy =
    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7Im"
    "J1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2Vy"
    "MS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaH"
    "R0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAg"
    "ICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOi"
    "AiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQog"
    "ICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOi"
    "AiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1h"
    "bXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMD"
    "AwWiIgfQ0KICBdDQp9";

class FormSignatureTest : public ::testing::Test {
 protected:
  FormSignatureTest() {
    keys_.secrets["AKIAIOSFODNN7EXAMPLE"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  }

  Fields documented() const {
    return {
        {"key", "user/user1/${filename}"},
        {"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
        {"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
        {"X-Amz-Date", "20151229T000000Z"},
        {"Policy", documented_policy},
        {"X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"}};
  }
  static Fields without(Fields fields, std::string_view name) {
    std::erase_if(fields, [&](const HeaderPair& field) { return field.first == name; });
    return fields;
  }
  static Fields with(Fields fields, std::string_view name, std::string_view value) {
    fields = without(std::move(fields), name);
    fields.emplace_back(name, value);
    return fields;
  }
  std::string failure(const Fields& fields) {
    const auto verified = verify_form(fields, FormSignature::v4, keys_);
    return verified ? "" : verified.error().kind;
  }
  static std::string named(const Result<FormSignature>& signature) {
    return signature ? "" : signature.error().details.front().second;
  }

  testing::FakeKeys keys_;
};

TEST_F(FormSignatureTest, TheDocumentedFormHolds) {
  const Fields fields = documented();
  ASSERT_EQ(form_signature(fields), FormSignature::v4);
  const auto verified = verify_form(fields, FormSignature::v4, keys_);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->access_key_id, "AKIAIOSFODNN7EXAMPLE");
  EXPECT_EQ(verified->region, "us-east-1");
}

TEST_F(FormSignatureTest, AnythingElseDoesNot) {
  const std::string cut(documented_policy.substr(0, documented_policy.size() - 2));
  const auto verified = verify_form(with(documented(), "Policy", cut), FormSignature::v4, keys_);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().kind, "SignatureDoesNotMatch");
  EXPECT_EQ(verified.error().details[1].second, cut);
  const std::string scope = "/20151229/us-east-1/s3/aws4_request";
  const auto credential = [&](std::string text) {
    return failure(with(documented(), "X-Amz-Credential", text));
  };
  EXPECT_EQ(credential("AKIAIOSFODNN7EXAMPLE/20151228/us-east-1/s3/aws4_request"),
            "SignatureDoesNotMatch");
  EXPECT_EQ(credential("AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/sts/aws4_request"),
            "InvalidArgument");
  EXPECT_EQ(credential("NOBODY" + scope), "InvalidAccessKeyId");
  EXPECT_EQ(credential("no scope"), "InvalidArgument");
  EXPECT_EQ(failure(with(documented(), "X-Amz-Date", "yesterday")), "InvalidArgument");
  EXPECT_EQ(failure(with(documented(), "X-Amz-Algorithm", "none")), "InvalidArgument");
  EXPECT_EQ(failure(with(documented(), "X-Amz-Security-Token", "over")), "ExpiredToken");
}

TEST_F(FormSignatureTest, VersionTwoSignsThePolicyTooWithSha1) {
  Fields fields = {{"key", "k"},
                   {"AWSAccessKeyId", testing::example_key_id},
                   {"policy", "cG9saWN5"},
                   {"signature", "sD9ql2xibTw2wIgIHuifpjuQpAo="}};
  ASSERT_EQ(form_signature(fields), FormSignature::v2);
  EXPECT_TRUE(verify_form(fields, FormSignature::v2, keys_));
  fields[2].second = "cG9saWN6";
  EXPECT_FALSE(verify_form(fields, FormSignature::v2, keys_));
}

TEST_F(FormSignatureTest, NamesTheFirstFieldThatIsMissing) {
  EXPECT_EQ(named(form_signature(without(documented(), "key"))), "key");
  EXPECT_EQ(named(form_signature(without(documented(), "X-Amz-Signature"))), "X-Amz-Signature");
  EXPECT_EQ(
      named(form_signature(without(without(documented(), "X-Amz-Credential"), "X-Amz-Algorithm"))),
      "X-Amz-Algorithm");
  const Fields v2 = {{"key", "k"}, {"Signature", "s"}, {"policy", "p"}};
  EXPECT_EQ(named(form_signature(v2)), "AWSAccessKeyId");
  const Fields nobody = {{"key", "k"}, {"policy", "p"}};
  EXPECT_EQ(form_signature(nobody), FormSignature::none);
}

}  // namespace
}  // namespace slipway::wire

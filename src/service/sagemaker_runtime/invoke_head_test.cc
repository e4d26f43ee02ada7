#include "service/sagemaker_runtime/invoke_head.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <span>
#include <string>

namespace slipway::sagemaker_runtime {
namespace {

// What the refusal says; empty where the head is taken.
std::string said(const net::Header& field, const HeadRules& rules = invoke_rules) {
  InvokeHead head;
  const Result<> result = read_head(net::Headers(std::span(&field, 1)), rules, {}, head);
  return result ? std::string() : result.error().message;
}

std::string at_member(std::string_view value, std::string_view member, std::string_view rest) {
  return fmt::format(
      "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: "
      "Member must {}",
      value, member, rest);
}

TEST(InvokeHead, names_are_held_to_their_pattern) {
  const std::string pattern = "satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*";
  for (const std::string_view good : {"a", "A-1", "a--b", "0"})
    EXPECT_EQ(said({"X-Amzn-SageMaker-Target-Variant", good}), "") << good;
  for (const std::string_view bad : {"", "-a", "a-", "a_b", "a b", "a\xC3\xA9", "a/b"}) {
    EXPECT_EQ(said({"x-amzn-sagemaker-target-variant", bad}),
              at_member(bad, "targetVariant", pattern));
    EXPECT_EQ(said({"X-Amzn-SageMaker-Target-Container-Hostname", bad}),
              at_member(bad, "targetContainerHostname", pattern));
    EXPECT_EQ(said({"X-Amzn-SageMaker-Inference-Component", bad}),
              at_member(bad, "inferenceComponentName",
                        R"(satisfy regular expression pattern: ^[a-zA-Z0-9]([\-a-zA-Z0-9]*)"
                        "[a-zA-Z0-9])?$"));
  }
}

TEST(InvokeHead, texts_that_are_forwarded_hold_what_can_be_printed) {
  const std::string pattern = R"(satisfy regular expression pattern: \A\S[\p{Print}]*\z)";
  EXPECT_EQ(said({"X-Amzn-SageMaker-Inference-Id", "any thing ~ {1}"}), "");
  EXPECT_EQ(said({"X-Amzn-SageMaker-Target-Model", "/a b/model.tar.gz"}), "");
  for (const std::string_view bad : {"a\tb", "a\x7F", "a\xC3\xA9", " a"}) {
    EXPECT_EQ(said({"X-Amzn-SageMaker-Inference-Id", bad}), at_member(bad, "inferenceId", pattern));
    EXPECT_EQ(said({"X-Amzn-SageMaker-Target-Model", bad}), at_member(bad, "targetModel", pattern));
  }
}

TEST(InvokeHead, media_types_and_attributes_are_ascii_and_what_is_secret_is_not_repeated) {
  EXPECT_EQ(said({"Content-Type", "text/csv; header=\"a\tb\""}), "");
  EXPECT_EQ(
      said({"Content-Type", "text/\xFF"}),
      at_member("text/\xFF", "contentType", R"(satisfy regular expression pattern: \p{ASCII}*)"));
  EXPECT_EQ(said({"X-Amzn-SageMaker-Accept", "\xC3\xA9"}, stream_rules),
            at_member("\xC3\xA9", "accept", R"(satisfy regular expression pattern: \p{ASCII}*)"));
  EXPECT_EQ(said({"X-Amzn-SageMaker-Custom-Attributes", "\xC3\xA9"}),
            "1 validation error detected: Value at 'customAttributes' failed to satisfy "
            R"(constraint: Member must satisfy regular expression pattern: \p{ASCII}*)");
}

TEST(InvokeHead, lengths_have_two_ends) {
  const std::string long_id(65, 'x');
  EXPECT_EQ(said({"X-Amzn-SageMaker-Inference-Id", long_id}),
            at_member(long_id, "inferenceId", "have length less than or equal to 64"));
  EXPECT_EQ(said({"X-Amzn-SageMaker-Enable-Explanations", ""}),
            at_member("", "enableExplanations", "have length greater than or equal to 1"));
  EXPECT_EQ(said({"X-Amzn-SageMaker-Enable-Explanations", "`[0]`"}), "");
}

TEST(InvokeHead, a_session_is_begun_by_a_word_and_not_by_a_stream) {
  EXPECT_EQ(said({"X-Amzn-SageMaker-Session-Id", "NEW_SESSION"}), "");
  EXPECT_EQ(said({"X-Amzn-SageMaker-Session-Id", "a-1"}, stream_rules), "");
  EXPECT_EQ(said({"X-Amzn-SageMaker-Session-Id", "NEW_SESSION"}, stream_rules),
            at_member("NEW_SESSION", "sessionId",
                      "satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"));
  EXPECT_EQ(said({"X-Amzn-SageMaker-Session-Id", "a_b"}),
            at_member("a_b", "sessionId",
                      "satisfy regular expression pattern: "
                      "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"));
}

TEST(InvokeHead, everything_that_is_wrong_is_said_at_once) {
  const std::string text(65, '\t');
  const net::Header fields[] = {{"X-Amzn-SageMaker-Inference-Id", text},
                                {"X-Amzn-SageMaker-Target-Variant", "a_b"}};
  InvokeHead head;
  const Result<> result = read_head(net::Headers(fields), invoke_rules, {}, head);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, "ValidationError");
  EXPECT_EQ(result.error().message,
            fmt::format("3 validation errors detected: Value '{0}' at 'inferenceId' failed to "
                        "satisfy constraint: Member must have length less than or equal to 64; "
                        "Value '{0}' at 'inferenceId' failed to satisfy constraint: Member must "
                        "satisfy regular expression pattern: \\A\\S[\\p{{Print}}]*\\z; Value 'a_b' "
                        "at 'targetVariant' failed to satisfy constraint: Member must satisfy "
                        "regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*",
                        text));
}

TEST(InvokeHead, fields_of_other_names_are_nobodys_business) {
  EXPECT_EQ(said({"X-Amzn-SageMaker-Something-Else", "\xFF"}), "");
  EXPECT_EQ(said({"X-Amzn-SageMaker-Target-Model", "\xFF"}, stream_rules), "");
  EXPECT_EQ(said({"User-Agent", "\xFF"}), "");
}

}  // namespace
}  // namespace slipway::sagemaker_runtime

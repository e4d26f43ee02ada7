// aws-chunked bodies: AWS's two published examples, what other clients really send, and what must
// be refused.
#include "wire/auth/chunked.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wire/auth/auth_test_support.h"

namespace slipway::wire {
namespace {

using testing::OwnedRequest;

constexpr std::string_view secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

// "code" of the failure or the content; `step` bytes at a time.
struct Outcome {
  std::string content;
  std::string error;
  std::vector<Trailer> trailers;
};

Outcome decode(ChunkedOptions options, std::string_view body, std::size_t step) {
  ChunkedDecoder decoder(std::move(options));
  Outcome outcome;
  std::vector<std::string_view> pieces;
  for (; !body.empty(); body.remove_prefix(std::min(step, body.size()))) {
    pieces.clear();
    const auto pushed = decoder.push(body.substr(0, step), pieces);
    for (const std::string_view piece : pieces) outcome.content += piece;
    if (!pushed) return {outcome.content, pushed.error().kind, {}};
  }
  auto trailers = decoder.finish();
  if (!trailers) return {outcome.content, trailers.error().kind, {}};
  outcome.trailers = *trailers;
  return outcome;
}

Outcome decode_at_every_step(const ChunkedOptions& options, std::string_view body) {
  const Outcome whole = decode(options, body, body.size());
  for (const std::size_t step : {1UL, 7UL, 4096UL}) {
    const Outcome split = decode(options, body, step);
    EXPECT_EQ(split.error, whole.error) << step;
    EXPECT_EQ(split.trailers, whole.trailers) << step;
    if (whole.error.empty()) {
      EXPECT_EQ(split.content, whole.content) << step;
    }
  }
  return whole;
}

OwnedRequest published_head(std::string_view hash_word, std::string_view signed_headers,
                            std::string_view signature) {
  OwnedRequest request{.method = "PUT", .path = "/examplebucket/chunkObject.txt"};
  request.body = std::nullopt;
  request.add("Host", "s3.amazonaws.com");
  request.add("x-amz-date", "20130524T000000Z");
  request.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  request.add("x-amz-content-sha256", hash_word);
  request.add("Content-Encoding", "aws-chunked");
  request.add("x-amz-decoded-content-length", "66560");
  request.add("Authorization",
              fmt::format("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                          "aws4_request,SignedHeaders={},Signature={}",
                          signed_headers, signature));
  return request;
}

Result<ChunkedOptions> options_of(const OwnedRequest& request) {
  testing::FakeKeys keys;
  keys.secrets["AKIAIOSFODNN7EXAMPLE"] = secret;
  SigningKeyCache cache;
  TRY(const Verified verified, verify(request.view(), {"s3", AuthDialect::s3}, keys, cache,
                                      testing::at("20130524T000000Z")));
  return chunked_options(request.view(), verified);
}

std::string published_chunk(std::size_t bytes, std::string_view signature) {
  return fmt::format("{:x};chunk-signature={}\r\n{}\r\n", bytes, signature,
                     std::string(bytes, 'a'));
}

std::string published_body() {
  return published_chunk(65536,
                         "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648") +
         published_chunk(1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497") +
         "0;chunk-signature="
         "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
}

ChunkedOptions published_options() {
  OwnedRequest head =
      published_head("STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                     "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                     "x-amz-decoded-content-length;x-amz-storage-class",
                     "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  head.add("Content-Length", "66824");
  const auto options = options_of(head);
  EXPECT_TRUE(options) << options.error().message;
  return options.value_or(ChunkedOptions{});
}

TEST(AwsChunked, ThePublishedSignedExampleIsAccepted) {
  const Outcome outcome = decode_at_every_step(published_options(), published_body());
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.content, std::string(66560, 'a'));
}

constexpr std::string_view trailer_line = "x-amz-checksum-crc32c:sOO8/Q==";
constexpr std::string_view trailer_signature =
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";

std::string published_trailer_chunks() {
  return published_chunk(65536,
                         "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2") +
         published_chunk(1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7") +
         "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n";
}

ChunkedOptions published_trailer_options() {
  OwnedRequest head = published_head(
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
      "x-amz-storage-class;x-amz-trailer",
      "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  head.add("x-amz-trailer", "x-amz-checksum-crc32c");
  const auto options = options_of(head);
  EXPECT_TRUE(options) << options.error().message;
  return options.value_or(ChunkedOptions{});
}

TEST(AwsChunked, ThePublishedExampleWithATrailerIsAccepted) {
  const Outcome outcome = decode_at_every_step(
      published_trailer_options(), fmt::format("{}{}\r\n{}\r\n\r\n", published_trailer_chunks(),
                                               trailer_line, trailer_signature));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.content.size(), 66560U);
  ASSERT_EQ(outcome.trailers.size(), 1U);
  EXPECT_EQ(outcome.trailers[0], Trailer("x-amz-checksum-crc32c", "sOO8/Q=="));
}

TEST(AwsChunked, TheBlankLineThatMinioWritesBeforeTheTrailersSignatureIsAccepted) {
  const Outcome outcome = decode_at_every_step(
      published_trailer_options(), fmt::format("{}{}\n\r\n{}\r\n\r\n", published_trailer_chunks(),
                                               trailer_line, trailer_signature));
  EXPECT_EQ(outcome.error, "");
}

TEST(AwsChunked, AChangedByteOfContentTrailerOrSignatureIsRefused) {
  std::string body = published_body();
  body[5000] = 'b';
  EXPECT_EQ(decode(published_options(), body, 4096).error, "SignatureDoesNotMatch");
  const std::string trailer = fmt::format("{}x-amz-checksum-crc32c:AAAAAA==\r\n{}\r\n\r\n",
                                          published_trailer_chunks(), trailer_signature);
  EXPECT_EQ(decode(published_trailer_options(), trailer, 4096).error, "SignatureDoesNotMatch");
  const std::string without =
      fmt::format("{}{}\r\n\r\n\r\n", published_trailer_chunks(), trailer_line);
  EXPECT_EQ(decode(published_trailer_options(), without, 4096).error, "SignatureDoesNotMatch");
}

TEST(AwsChunked, AMissingLastChunkIsAnIncompleteBody) {
  std::string body = published_body();
  for (const std::size_t cut : {1UL, 2UL, 50UL, 86UL, 200UL, 2000UL})
    EXPECT_EQ(decode(published_options(), body.substr(0, body.size() - cut), 4096).error,
              "IncompleteBody")
        << cut;
  EXPECT_EQ(decode(published_options(), "", 1).error, "IncompleteBody");
}

ChunkedOptions unsigned_options(std::uint64_t length, std::string trailers) {
  return {.mode = PayloadMode::chunks_trailer,
          .decoded_length = length,
          .announced_trailers = std::move(trailers)};
}

TEST(AwsChunked, AnUnsignedBodyWithAChecksumTrailerIsAccepted) {
  const Outcome outcome =
      decode_at_every_step(unsigned_options(5, "x-amz-checksum-crc32"),
                           "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n");
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.content, "hello");
  EXPECT_EQ(outcome.trailers.at(0).second, "NhCmhg==");
}

TEST(AwsChunked, SignaturesThatNobodyChecksArePassedOverInEveryMode) {
  const std::string chunks = "5;chunk-signature=aa\r\nhello\r\n0;chunk-signature=bb\r\n";
  const std::string trailer = "x-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:cc\r\n\r\n";
  for (const auto mode : {PayloadMode::chunks_signed, PayloadMode::chunks_signed_trailer,
                          PayloadMode::chunks_trailer}) {
    const bool plain = mode == PayloadMode::chunks_signed;
    ChunkedOptions options = unsigned_options(5, plain ? "" : "x-amz-checksum-crc32");
    options.mode = mode;
    options.signatures = ChunkSignatures::passed_over;
    const Outcome outcome = decode_at_every_step(options, chunks + (plain ? "\r\n" : trailer));
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.content, "hello");
    EXPECT_EQ(outcome.trailers.size(), plain ? 0U : 1U);
  }
}

TEST(AwsChunked, RefusalsAreThoseOfS3) {
  const auto error = [](std::string_view body, std::uint64_t length = 5,
                        std::string trailers = "x-amz-checksum-crc32") {
    return decode_at_every_step(unsigned_options(length, std::move(trailers)), body).error;
  };
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"), "BadDigest");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:what\r\n\r\n"), "InvalidRequest");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-sha1:NhCmhg==\r\n\r\n"),
            "MalformedTrailerError");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nnonsense\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, ""),
            "MalformedTrailerError");
  EXPECT_EQ(error("1\r\nh\r\n4\r\nello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"),
            "InvalidChunkSizeError");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 6), "IncompleteBody");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 4), "IncompleteBody");
  EXPECT_EQ(error("5\r\nhelloX\r\n0\r\n\r\n"), "IncompleteBody");
  EXPECT_EQ(error("5\nhello\r\n0\r\n\r\n"), "IncompleteBody");
  EXPECT_EQ(error("zz\r\nhello\r\n0\r\n\r\n"), "IncompleteBody");
  EXPECT_EQ(error("-5\r\nhello\r\n0\r\n\r\n"), "IncompleteBody");
  EXPECT_EQ(error("5;chunk-signature=1\r\nhello\r\n0\r\n\r\n"), "IncompleteBody");
  EXPECT_EQ(error("fffffffffffffffff\r\n"), "IncompleteBody");
  EXPECT_EQ(error("ffffffffffffffff\r\n"), "IncompleteBody");
  EXPECT_EQ(error("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\nmore\r\n"),
            "IncompleteBody");
  EXPECT_EQ(error(std::string(5000, '0')), "IncompleteBody");
}

TEST(AwsChunked, WhatIsNoSignatureMakesNoFrame) {
  ChunkedOptions options = unsigned_options(5, "");
  options.mode = PayloadMode::chunks_signed;
  const auto error = [&](const std::string& signature) {
    return decode_at_every_step(options, "5;chunk-signature=" + signature + "\r\nhello\r\n").error;
  };
  EXPECT_EQ(error(std::string(64, 'a')), "SignatureDoesNotMatch");
  for (const auto& none : {std::string(), std::string(63, 'a'), std::string(65, 'a'),
                           std::string(64, 'g'), std::string(64, 'A')})
    EXPECT_EQ(error(none), "IncompleteBody") << none;
}

TEST(AwsChunked, HeadersThatContradictTheBodyAreRefused) {
  OwnedRequest request{.method = "PUT"};
  const Verified verified{.payload = PayloadMode::chunks_trailer};
  EXPECT_EQ(chunked_options(request.view(), verified).error().kind, "MissingContentLength");
  request.add("x-amz-decoded-content-length", "5");
  EXPECT_TRUE(chunked_options(request.view(), verified));
  request.add("x-amz-trailer", "x-amz-checksum-md4");
  EXPECT_EQ(chunked_options(request.view(), verified).error().kind, "InvalidRequest");
  request.header("x-amz-trailer") = "x-amz-checksum-crc32";
  EXPECT_TRUE(chunked_options(request.view(), verified));
  request.add("x-amz-checksum-crc32", "AAAAAA==");
  EXPECT_EQ(chunked_options(request.view(), verified).error().message,
            "Expecting a single x-amz-checksum- header");
}

}  // namespace
}  // namespace slipway::wire

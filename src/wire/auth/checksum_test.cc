#include "wire/auth/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/encoding.h"
#include "wire/auth/crc.h"

namespace slipway::wire {
namespace {

using Algorithm = Checksum::Algorithm;

std::string random_bytes(std::size_t count) {
  std::mt19937 engine(7);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(engine());
  return bytes;
}

TEST(Checksum, KnownAnswersOfTheNineDigits) {
  const auto hex = [](Algorithm algorithm) {
    Checksum sum(algorithm);
    sum.update("12345");
    sum.update("6789");
    return to_hex(sum.digest());
  };
  EXPECT_EQ(hex(Algorithm::crc32), "cbf43926");
  EXPECT_EQ(hex(Algorithm::crc32c), "e3069283");
  EXPECT_EQ(hex(Algorithm::crc64nvme), "ae8b14860a799888");
  EXPECT_EQ(hex(Algorithm::sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
  EXPECT_EQ(hex(Algorithm::sha256),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  EXPECT_EQ(
      hex(Algorithm::sha512),
      "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55e"
      "c02d73d499c95455b6b5bb503acf574fba8ffe85");
  EXPECT_EQ(hex(Algorithm::md5), "25f9e794323b453885f5181f1b624d0b");
}

// As AWS's SDK for Java has them in its own tests.
TEST(Checksum, KnownAnswersOfXxHash) {
  EXPECT_EQ(checksum_base64(Algorithm::xxhash64, "Hello world"), "xQCwyRKzdtg=");
  EXPECT_EQ(checksum_base64(Algorithm::xxhash3, "Hello world"), "tqy52Eo4/3Q=");
  EXPECT_EQ(checksum_base64(Algorithm::xxhash128, "Hello world"), "c1H4mBL5c4K5HQWzHgTdfw==");
  EXPECT_EQ(checksum_base64(Algorithm::xxhash3, "{}"), "E0nN4SdwXBY=");
}

TEST(Checksum, XxHashIsTheSameHoweverItsBytesCome) {
  const std::string bytes = random_bytes(5'000);
  for (const Algorithm algorithm :
       {Algorithm::xxhash64, Algorithm::xxhash3, Algorithm::xxhash128}) {
    Checksum pieces(algorithm);
    std::vector<Checksum> moved;  // grows: the state is copied to other places
    for (std::size_t at = 0; at < bytes.size(); at += 333) {
      pieces.update(std::string_view(bytes).substr(at, 333));
      moved.push_back(pieces);
    }
    EXPECT_EQ(pieces.base64(), checksum_base64(algorithm, bytes));
    EXPECT_EQ(moved.back().base64(), checksum_base64(algorithm, bytes));
  }
}

TEST(Checksum, OfNothingIsWhatClientsBakeIntoEmptyUploads) {
  EXPECT_EQ(checksum_base64(Algorithm::crc32, ""), "AAAAAA==");
  EXPECT_EQ(checksum_base64(Algorithm::crc64nvme, ""), "AAAAAAAAAAA=");
}

TEST(Checksum, TheMachinesOwnAndTheTablesAgreeAtEveryLengthAndSplit) {
  const std::string bytes = random_bytes(1200);
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    const std::string_view text = std::string_view(bytes).substr(3, length);
    ASSERT_EQ(crc32c(text), crc32c_portable(text)) << length;
    ASSERT_EQ(crc64nvme(text), crc64nvme_portable(text)) << length;
    const std::string_view head = text.substr(0, length / 3);
    const std::string_view tail = text.substr(head.size());
    ASSERT_EQ(crc64nvme(tail, crc64nvme(head)), crc64nvme(text)) << length;
    ASSERT_EQ(crc32c(tail, crc32c(head)), crc32c(text)) << length;
  }
}

TEST(Checksum, MayBeReadAndCopiedWhileItRuns) {
  Checksum sum(Algorithm::sha256);
  sum.update("ab");
  Checksum copy = sum;
  EXPECT_EQ(sum.base64(), checksum_base64(Algorithm::sha256, "ab"));
  sum.update("c");
  EXPECT_EQ(sum.base64(), checksum_base64(Algorithm::sha256, "abc"));
  EXPECT_EQ(copy.base64(), checksum_base64(Algorithm::sha256, "ab"));
}

TEST(Checksum, PartsPutTogetherGiveTheChecksumOfTheWhole) {
  const std::string bytes = random_bytes(100'000);
  const std::string_view all = bytes;
  for (const Algorithm algorithm : {Algorithm::crc32, Algorithm::crc32c, Algorithm::crc64nvme}) {
    const std::string a = checksum_base64(algorithm, all.substr(0, 40'000));
    const std::string b = checksum_base64(algorithm, all.substr(40'000, 0));
    const std::string c = checksum_base64(algorithm, all.substr(40'000));
    const PartChecksum parts[] = {{a, 40'000}, {b, 0}, {c, 60'000}};
    EXPECT_EQ(combine_full_object(algorithm, parts).value(), checksum_base64(algorithm, all));
  }
}

TEST(Checksum, CompositeIsTheChecksumOfTheDigestsAndTheirNumber) {
  const std::string a = checksum_base64(Algorithm::sha256, "a");
  const std::string b = checksum_base64(Algorithm::sha256, "b");
  const PartChecksum parts[] = {{a, 1}, {b, 1}};
  Checksum sum(Algorithm::sha256);
  sum.update(from_base64(a).value() + from_base64(b).value());
  EXPECT_EQ(combine_composite(Algorithm::sha256, parts).value(), sum.base64() + "-2");
}

TEST(Checksum, WhatCannotBeCombinedIsRefused) {
  const PartChecksum parts[] = {{"AAAA", 1}};
  EXPECT_EQ(combine_full_object(Algorithm::sha1, parts).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(combine_full_object(Algorithm::crc32, parts).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(combine_composite(Algorithm::crc32, parts).error().code, ErrorCode::invalid_argument);
}

TEST(Checksum, NamesAndHeadersGoBothWays) {
  EXPECT_EQ(checksum_algorithm("crc64nvme"), Algorithm::crc64nvme);
  EXPECT_EQ(checksum_algorithm("xxhash64"), Algorithm::xxhash64);
  EXPECT_EQ(checksum_algorithm("XXHASH32"), std::nullopt);
  EXPECT_EQ(checksum_of_header("X-Amz-Checksum-SHA1"), Algorithm::sha1);
  EXPECT_EQ(checksum_of_header("x-amz-checksum-mode"), std::nullopt);
  EXPECT_EQ(checksum_of_header("x-amz-checksum-md5"), Algorithm::md5);
  EXPECT_EQ(checksum_of_header("x-amz-checksum-xxhash128"), Algorithm::xxhash128);
  EXPECT_EQ(checksum_header(Algorithm::crc32c), "x-amz-checksum-crc32c");
}

}  // namespace
}  // namespace slipway::wire

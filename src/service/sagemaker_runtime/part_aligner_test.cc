#include "service/sagemaker_runtime/part_aligner.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace slipway::sagemaker_runtime {
namespace {

using routing::PartBorder;
using Parts = std::vector<std::string>;

// `text` in pieces of `size` bytes.
Parts cut(PartBorder border, std::string_view text, std::size_t size) {
  PartAligner aligner(border);
  Parts parts;
  const auto keep = [&](std::string_view part) { parts.emplace_back(part); };
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size())))
    aligner.take(text.substr(0, size), keep);
  aligner.finish(keep);
  return parts;
}

void expect_parts(PartBorder border, std::string_view text, const Parts& right) {
  for (std::size_t size = 1; size <= text.size(); ++size)
    EXPECT_EQ(cut(border, text, size), right) << "in pieces of " << size;
}

TEST(PartAligner, WithoutABorderPartsAreWhatCame) {
  EXPECT_EQ(cut(PartBorder::none, "a\nbc\n", 2), (Parts{"a\n", "bc", "\n"}));
}

TEST(PartAligner, ALineIsAPartHoweverItCame) {
  expect_parts(PartBorder::line, "one\r\ntwo\n\nthree", {"one\r\n", "two\n", "\n", "three"});
}

TEST(PartAligner, AnEventEndsWithItsBlankLineWhateverEndsALine) {
  expect_parts(PartBorder::event, "data: 1\n\ndata: 2\ndata: 3\n\ndata: 4",
               {"data: 1\n\n", "data: 2\ndata: 3\n\n", "data: 4"});
  expect_parts(PartBorder::event, "data: 1\r\n\r\ndata: 2\r\ndata: 3\r\n\r\n",
               {"data: 1\r\n\r\n", "data: 2\r\ndata: 3\r\n\r\n"});
  expect_parts(PartBorder::event, "data: 1\r\rdata: 2\r\r", {"data: 1\r\r", "data: 2\r\r"});
  expect_parts(PartBorder::event, "a\n\rb\n\n", {"a\n\r", "b\n\n"});
}

TEST(PartAligner, WhatIsLongerThanTheLimitIsPassedOnCutAndNothingIsLost) {
  const std::string text(3 * aligned_part_bytes_max + 5, 'x');
  const Parts parts = cut(PartBorder::line, text, 100'000);
  std::string joined;
  for (const std::string& part : parts) {
    joined += part;
    EXPECT_LE(part.size(), aligned_part_bytes_max + 100'000);
  }
  EXPECT_TRUE(joined == text);
  EXPECT_EQ(parts.size(), 3U);
}

TEST(PartAligner, AnEventThatEndsJustAtTheLimitLeavesNoEmptyPart) {
  const std::string first = std::string(aligned_part_bytes_max - 3, 'x') + "\r\n\r";
  EXPECT_EQ(cut(PartBorder::event, first + "y", first.size()), (Parts{first, "y"}));
}

TEST(PartAligner, PartsJoinedAreTheStreamForAnyBytes) {
  SeededRandom random(7);
  constexpr std::string_view letters = "ab\n\r";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::uint64_t i = random.next() % 40; i > 0; --i) text += letters[random.next() % 4];
    for (const PartBorder border : {PartBorder::line, PartBorder::event}) {
      std::string joined;
      for (const std::string& part : cut(border, text, 1 + random.next() % 5)) {
        EXPECT_FALSE(part.empty());
        joined += part;
      }
      EXPECT_EQ(joined, text);
    }
  }
}

}  // namespace
}  // namespace slipway::sagemaker_runtime

#include "base/text.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(TextTest, case_is_folded_for_ascii_letters_alone) {
  EXPECT_TRUE(equal_ignoring_case("Content-TYPE", "content-type"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("[", "{")) << "they differ by the bit that letters differ by";
  EXPECT_FALSE(equal_ignoring_case("\xc4", "\xe4"));
  EXPECT_EQ(to_lower("X-Amz-\xc4Z["), "x-amz-\xc4z[");
}

TEST(TextTest, a_prefix_longer_than_the_text_is_none) {
  EXPECT_TRUE(starts_with_ignoring_case("X-Amz-Date", "x-amz-"));
  EXPECT_FALSE(starts_with_ignoring_case("x-a", "x-amz-"));
}

TEST(TextTest, spaces_and_tabs_are_trimmed_and_nothing_else) {
  EXPECT_EQ(trimmed(" \t a b\t "), "a b");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed("\na\r"), "\na\r");
}

TEST(TextTest, parts_are_taken_one_after_the_other) {
  std::string_view rest = "a;;b";
  EXPECT_EQ(take_until(rest, ';'), "a");
  EXPECT_EQ(take_until(rest, ';'), "");
  EXPECT_EQ(take_until(rest, ';'), "b");
  EXPECT_EQ(take_until(rest, ';'), "");
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace slipway

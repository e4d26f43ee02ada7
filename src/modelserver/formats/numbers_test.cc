#include "modelserver/formats/numbers.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/random.h"

namespace slipway::modelserver {
namespace {

float read(std::string_view text) {
  float value = -1234;
  EXPECT_EQ(read_float(text.data(), text.data() + text.size(), value), text.data() + text.size())
      << text;
  return value;
}

std::size_t taken(std::string_view text) {
  float value = 0;
  return static_cast<std::size_t>(read_float(text.data(), text.data() + text.size(), value) -
                                  text.data());
}

TEST(Numbers, AreReadAsTheCLibraryReadsThem) {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "-1.5",
                           "+2.25",
                           "0.1",
                           ".5",
                           "5.",
                           "1e3",
                           "1.5E-3",
                           "3.4028235e38",
                           "1e39",
                           "-1e39",
                           "1e-46",
                           "1e-40",
                           "16777217",
                           "0.000000000000000000000000000000000000001401298464324817",
                           "123456789012345678901234567890",
                           "7.0385307e-26",
                           "1.00000005960464477539",
                           "8388609.5",
                           "0.30000001192092896",
                           "179769313486231570000e300"})
    EXPECT_EQ(std::bit_cast<std::uint32_t>(read(text)),
              std::bit_cast<std::uint32_t>(std::strtof(text, nullptr)))
        << text;
  EXPECT_TRUE(std::isnan(read("nan")));
  EXPECT_TRUE(std::isnan(read("NaN")));
  EXPECT_EQ(read("-Infinity"), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(read("inf"), std::numeric_limits<float>::infinity());
}

TEST(Numbers, ThatAreNoneAreLeftAlone) {
  EXPECT_EQ(taken(""), 0U);
  EXPECT_EQ(taken("abc"), 0U);
  EXPECT_EQ(taken("-"), 0U);
  EXPECT_EQ(taken("+"), 0U);
  EXPECT_EQ(taken("+-1"), 0U);
  EXPECT_EQ(taken("."), 0U);
  EXPECT_EQ(taken(" 1"), 0U);
  EXPECT_EQ(taken("1,2"), 1U);
  EXPECT_EQ(taken("1.5abc"), 3U);
}

TEST(Numbers, AnyFloatSurvivesTheWayThroughItsShortestText) {
  SeededRandom random(7);
  for (int i = 0; i < 200'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
    if (std::isnan(value)) continue;
    std::string text;
    append_float(text, value);
    if (std::isinf(value)) text = value < 0 ? "-inf" : "inf";
    EXPECT_EQ(std::bit_cast<std::uint32_t>(read(text)), std::bit_cast<std::uint32_t>(value))
        << text;
  }
}

TEST(Numbers, DecimalsOfAnyLengthAreRoundedLikeTheLibrarys) {
  SeededRandom random(11);
  for (int i = 0; i < 200'000; ++i) {
    const auto whole = random.next() >> (random.next() % 64);
    std::string text = std::to_string(whole);
    text.insert(random.next() % (text.size() + 1), ".");
    if (text == ".") continue;
    float library = 0;
    std::from_chars(text.data(), text.data() + text.size(), library);
    EXPECT_EQ(read(text), library) << text;
    double wide = 0;
    double expected = 0;
    read_double(text.data(), text.data() + text.size(), wide);
    std::from_chars(text.data(), text.data() + text.size(), expected);
    EXPECT_EQ(wide, expected) << text;
  }
}

TEST(Numbers, HaveNoWordsThatOnlyCKnows) {
  EXPECT_EQ(taken("nan(1)"), 0U);
  EXPECT_EQ(taken("-nan(ind)"), 0U);
  EXPECT_EQ(taken("nan)"), 3U);
}

TEST(Numbers, BeyondAllFloatsAreInfiniteAndBelowThemZero) {
  const std::string zeros(400, '0');
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(read("0." + zeros + "1"), 0.0F);
  EXPECT_EQ(read("0." + zeros + "1e+10"), 0.0F);
  EXPECT_EQ(read("-0." + zeros + "1e5"), 0.0F);
  EXPECT_EQ(read("0." + zeros + "1e+900"), infinity);
  EXPECT_EQ(read("1" + zeros), infinity);
  EXPECT_EQ(read("-1" + zeros + ".5e-10"), -infinity);
  EXPECT_EQ(read("1" + zeros + "e-900"), 0.0F);
  EXPECT_EQ(read("1e-99999999999999999999"), 0.0F);
  EXPECT_EQ(read("1e99999999999999999999"), infinity);
}

TEST(Numbers, AreWrittenSoThatTheyStayFloats) {
  const auto text_of = [](float value) {
    std::string text;
    append_float(text, value);
    return text;
  };
  EXPECT_EQ(text_of(1), "1.0");
  EXPECT_EQ(text_of(-0.0F), "-0.0");
  EXPECT_EQ(text_of(0.1F), "0.1");
  EXPECT_EQ(text_of(1e-5F), "1e-05");
  EXPECT_EQ(text_of(std::nanf("")), "NaN");
  EXPECT_EQ(text_of(-std::numeric_limits<float>::infinity()), "-Infinity");
}

}  // namespace
}  // namespace slipway::modelserver

#include "modelserver/backends/xgboost_binary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace slipway::modelserver {
namespace {

using testing::HasSubstr;

template <typename T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string text(std::string_view chars) {
  return raw<std::uint64_t>(chars.size()) + std::string(chars);
}

// A linear model of two features, with one attribute.
std::string linear_model(std::string_view booster = "gblinear") {
  std::string file = "binf" + raw(0.25F);
  for (const int field : {2, 0, 1, 0, 1, 7, 1}) file += raw<std::int32_t>(field);
  file += std::string(136 - 8 * 4, '\0');
  file += text("reg:squarederror") + text(booster);
  file += std::string(136, '\0') + raw<std::uint64_t>(3) + raw(1.5F) + raw(-2.0F) + raw(0.1F);
  return file + raw<std::uint64_t>(1) + text("say \"x\"") + text("1");
}

TEST(XgboostBinaryTest, BecomesTheJsonOfTheSameModel) {
  const auto json = json_of_binary(linear_model());
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_THAT(*json, HasSubstr(R"("weights": [1.5,-2.0,0.1])"));
  EXPECT_THAT(*json, HasSubstr(R"("base_score": "0.25")"));
  EXPECT_THAT(*json, HasSubstr(R"("num_feature": "2")"));
  EXPECT_THAT(*json, HasSubstr(R"("attributes": {"say \"x\"":"1"})"));
  EXPECT_THAT(*json, HasSubstr(R"("name": "reg:squarederror")"));
}

TEST(XgboostBinaryTest, WhatEndsTooEarlyIsRefusedWhereverItEnds) {
  const std::string whole = linear_model();
  for (std::size_t end = 4; end < whole.size(); ++end)
    EXPECT_FALSE(json_of_binary(std::string_view(whole).substr(0, end))) << end;
}

TEST(XgboostBinaryTest, CountsBeyondTheFileAreRefused) {
  std::string file = linear_model();
  const auto at = file.find(raw<std::uint64_t>(3) + raw(1.5F));
  file.replace(at, 8, raw<std::uint64_t>(std::uint64_t{1} << 62));
  EXPECT_FALSE(json_of_binary(file));
  file.replace(at, 8, raw<std::int64_t>(-1));
  EXPECT_FALSE(json_of_binary(file));
  EXPECT_THAT(json_of_binary(linear_model("gbforest")).error().message,
              HasSubstr("none of gbtree"));
}

}  // namespace
}  // namespace slipway::modelserver

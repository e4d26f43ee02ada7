// Filter policies by table: AWS's own examples of what matches and what does not
// (docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html).
#include "engine/events/filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

namespace slipway::events {
namespace {

struct Row {
  const char* policy;
  const char* body;
  bool matches;
};

class FilterOfBodies : public ::testing::TestWithParam<Row> {};

TEST_P(FilterOfBodies, LetsThroughWhatItSays) {
  const auto filter = Filter::parse(GetParam().policy, FilterScope::body);
  ASSERT_TRUE(filter) << filter.error().message;
  EXPECT_EQ(filter->matches({}, GetParam().body), GetParam().matches)
      << GetParam().policy << " of " << GetParam().body;
}

constexpr Row rows[] = {
    {R"({"a":["x"]})", R"({"a":"x"})", true},
    {R"({"a":["x"]})", R"({"a":"X"})", false},
    {R"({"a":["x","y"]})", R"({"a":"y"})", true},
    {R"({"a":["x"]})", R"({"a":["z","x"]})", true},
    {R"({"a":["x"]})", R"({"b":"x"})", false},
    {R"({"a":["x"],"b":["y"]})", R"({"a":"x"})", false},
    {R"({"a":["x"],"b":["y"]})", R"({"a":"x","b":"y","c":1})", true},
    {R"({"a":[1]})", R"({"a":1.0})", true},
    {R"({"a":[1]})", R"({"a":"1"})", false},
    {R"({"a":[true,null]})", R"({"a":null})", true},
    {R"({"a":[true]})", R"({"a":false})", false},
    {R"({"a":[{"prefix":"bas"}]})", R"({"a":"baseball"})", true},
    {R"({"a":[{"prefix":"bas"}]})", R"({"a":"rugby"})", false},
    {R"({"a":[{"suffix":"ball"}]})", R"({"a":"baseball"})", true},
    {R"({"a":[{"suffix":"ball"}]})", R"({"a":"ballet"})", false},
    {R"({"a":[{"wildcard":"b*e*l"}]})", R"({"a":"baseball"})", true},
    {R"({"a":[{"wildcard":"b*x"}]})", R"({"a":"baseball"})", false},
    {R"({"a":[{"wildcard":"*"}]})", R"({"a":""})", true},
    {R"({"a":[{"wildcard":"*b**ll"}]})", R"({"a":"baseball"})", true},
    {R"({"a":[{"wildcard":"baseball"}]})", R"({"a":"baseball"})", true},
    {R"({"a":[{"wildcard":"base"}]})", R"({"a":"baseball"})", false},
    {R"({"a":[{"wildcard":"aba*aba"}]})", R"({"a":"ababa"})", false},
    {R"({"a":[{"wildcard":"ab*ab*ba"}]})", R"({"a":"ababba"})", true},
    {R"({"a":[{"wildcard":"*ll*ll"}]})", R"({"a":"baseball"})", false},
    {R"({"a":[{"equals-ignore-case":"Tennis"}]})", R"({"a":"TENNIS"})", true},
    {R"({"a":[{"equals-ignore-case":"Tennis"}]})", R"({"a":"tenni"})", false},
    {R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":"z"})", true},
    {R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":"x"})", false},
    {R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":["x","z"]})", true},
    {R"({"a":[{"anything-but":["x"]}]})", R"({"b":"z"})", false},
    {R"({"a":[{"anything-but":[100,500]}]})", R"({"a":101})", true},
    {R"({"a":[{"anything-but":[100,500]}]})", R"({"a":100.0})", false},
    {R"({"a":[{"anything-but":{"prefix":"order-"}}]})", R"({"a":"order-1"})", false},
    {R"({"a":[{"anything-but":{"prefix":"order-"}}]})", R"({"a":"data-1"})", true},
    {R"({"a":[{"anything-but":{"suffix":"ball"}}]})", R"({"a":"baseball"})", false},
    {R"({"a":[{"anything-but":"x"}]})", R"({"a":"y"})", true},
    {R"({"a":[{"numeric":["=",301.5]}]})", R"({"a":3.015e2})", true},
    {R"({"a":[{"numeric":[">",0,"<=",150]}]})", R"({"a":150})", true},
    {R"({"a":[{"numeric":[">",0,"<=",150]}]})", R"({"a":0})", false},
    {R"({"a":[{"numeric":[">",0,"<=",150]}]})", R"({"a":150.01})", false},
    {R"({"a":[{"numeric":["<",0]}]})", R"({"a":"-1"})", false},
    {R"({"a":[{"exists":true}]})", R"({"a":0})", true},
    {R"({"a":[{"exists":true}]})", R"({"b":0})", false},
    {R"({"a":[{"exists":false}]})", R"({"b":0})", true},
    {R"({"a":[{"exists":false}]})", R"({"a":0})", false},
    {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"10.0.0.255"})", true},
    {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"10.0.1.0"})", false},
    {R"({"a":[{"cidr":"2001:db8::/32"}]})", R"({"a":"2001:db8::1"})", true},
    {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"no address"})", false},
    {R"({"$or":[{"a":["x"]},{"b":["y"]}]})", R"({"b":"y"})", true},
    {R"({"$or":[{"a":["x"]},{"b":["y"]}]})", R"({"a":"y","b":"x"})", false},
    {R"({"c":["z"],"$or":[{"a":["x"]},{"b":["y"]}]})", R"({"a":"x"})", false},
    {R"({"c":["z"],"$or":[{"a":["x"]},{"b":["y"]}]})", R"({"a":"x","c":"z"})", true},
    {R"({"a":{"b":{"c":["x"]}}})", R"({"a":{"b":{"c":"x"}}})", true},
    {R"({"a":{"b":{"c":["x"]}}})", R"({"a":{"b":"x"}})", false},
    {R"({"r":{"n":[{"prefix":"S3"}]}})", R"({"r":[{"n":"SQS"},{"n":"S3:Put"}]})", true},
    {R"({"a":{"b":[{"exists":false}]}})", R"({"a":{}})", true},
    {R"({"a.b.c":["x"]})", R"({"a":{"b":{"c":"x"}}})", true},
    {R"({"a.b.c":["x"]})", R"({"a":{"b.c":"x"}})", true},
    {R"({"a.b":["x"]})", R"({"a.b":"x"})", true},
    {R"({"a.b":["x"]})", R"({"a":[{"b":"y"},{"b":"x"}]})", true},
    {R"({"a.b":["x"]})", R"({"a":{"b":"y"}})", false},
    {R"({"a.b":["x"]})", R"({"a":{"b":"y"},"a.b":"x"})", true},
    {R"({"a.b.c.d":["x"]})", R"({"a.b":{"c.d":"x"}})", true},
    {R"({"a.b":["x"]})", R"({"a":{"":{"b":"x"}}})", false},
    {R"({"a.b":[{"exists":false}]})", R"({"a":{"b":1}})", false},
    {R"({"a":["x"]})", "no json", false},
    {R"({"a":["x"]})", R"(["a"])", false},
};
INSTANTIATE_TEST_SUITE_P(Table, FilterOfBodies, ::testing::ValuesIn(rows));

Attributes attributes() {
  return {{.name = "kind", .type = "String", .value = "order"},
          {.name = "price", .type = "Number", .value = "99.5"},
          {.name = "change", .type = "Number", .value = "+5"},
          {.name = "tags", .type = "String.Array", .value = R"(["new","hot",3])"},
          {.name = "blob", .type = "Binary", .form = Attribute::Form::binary, .value = "order"}};
}

struct AttributeRow {
  const char* policy;
  bool matches;
};
class FilterOfAttributes : public ::testing::TestWithParam<AttributeRow> {};
TEST_P(FilterOfAttributes, LetsThroughWhatItSays) {
  const auto filter = Filter::parse(GetParam().policy, FilterScope::attributes);
  ASSERT_TRUE(filter) << filter.error().message;
  EXPECT_EQ(filter->matches(attributes(), "no json"), GetParam().matches) << GetParam().policy;
}
constexpr AttributeRow attribute_rows[] = {
    {R"({"kind":["order"]})", true},
    {R"({"kind":["refund"]})", false},
    {R"({"price":[{"numeric":["<",100]}]})", true},
    {R"({"price":[99.5]})", true},
    {R"({"price":["99.5"]})", false},
    {R"({"change":[5]})", true},
    {R"({"tags":["hot"]})", true},
    {R"({"tags":[3]})", true},
    {R"({"tags":["old"]})", false},
    {R"({"blob":["order"]})", false},
    {R"({"blob":[{"exists":true}]})", false},
    {R"({"kind":["order"],"tags":["old"]})", false},
    {R"({})", true},
};
INSTANTIATE_TEST_SUITE_P(Table, FilterOfAttributes, ::testing::ValuesIn(attribute_rows));

class BadFilter : public ::testing::TestWithParam<const char*> {};
TEST_P(BadFilter, IsRefusedWithAReason) {
  const auto filter = Filter::parse(GetParam(), FilterScope::attributes);
  ASSERT_FALSE(filter) << GetParam();
  EXPECT_FALSE(filter.error().message.empty());
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadFilter,
    ::testing::Values("", "[]", "{", R"({"a":"x"})", R"({"a":[]})", R"({"a":[["x"]]})",
                      R"({"a":{"b":["nested"]}})", R"({"a":[{"unknown":1}]})",
                      R"({"a":[{"prefix":1}]})", R"({"a":[{"prefix":"x","suffix":"y"}]})",
                      R"({"a":[{"numeric":["<"]}]})", R"({"a":[{"numeric":["~",1]}]})",
                      R"({"a":[{"numeric":["<",1000000001]}]})", R"({"a":[{"exists":"yes"}]})",
                      R"({"a":[{"cidr":"10.0.0.0"}]})", R"({"a":[{"cidr":"10.0.0.0/33"}]})",
                      R"({"a":[{"anything-but":[]}]})",
                      R"({"a":[{"anything-but":{"cidr":"1.1.1.1/8"}}]})",
                      R"({"$or":[{"a":["x"]}]})",
                      R"({"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]})"));

class BadRange : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(BadRange, IsSaidInTheWordsOfAws) {
  const auto [numbers, words] = GetParam();
  const auto filter =
      Filter::parse(fmt::format(R"({{"a":[{{"numeric":{}}}]}})", numbers), FilterScope::attributes);
  const Result<> checked = filter ? filter->check_ranges() : std::unexpected(filter.error());
  ASSERT_FALSE(checked) << numbers;
  EXPECT_EQ(checked.error().message, words);
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadRange,
    ::testing::Values(std::pair("[]", "Invalid member in numeric match: ]"),
                      std::pair(R"([50,"<=","100"])", "Invalid member in numeric match: 50"),
                      std::pair(R"(["0"])", "Unrecognized numeric range operator: 0"),
                      std::pair(R"(["<"])", "Value of < must be numeric"),
                      std::pair(R"(["=","x"])", "Value of equals must be numeric"),
                      std::pair(R"([">",50,"<=","100"])", "Value of <= must be numeric"),
                      std::pair(R"([">",20,"<"])", "Value of < must be numeric"),
                      std::pair(R"([">",20,1,1])", "Bad value in numeric range: 1"),
                      std::pair(R"(["<",20,">",1])", "Too many elements in numeric expression"),
                      std::pair(R"([">",20,">",1])", "Bad numeric range operator: >"),
                      std::pair(R"([">",20,"<",1])", "Bottom must be less than top"),
                      std::pair(R"([">",1,"<",2,"<",3])",
                                "Too many terms in numeric range expression")));

TEST(FilterRanges, ThatWereStoredStillMeanWhatTheySay) {
  const auto filter = Filter::parse(R"({"a":[{"numeric":["<",20,">",1]}]})", FilterScope::body);
  EXPECT_TRUE(filter->matches({}, R"({"a":5})"));
  EXPECT_FALSE(filter->matches({}, R"({"a":20})"));
}

TEST(FilterLimits, FiveKeysAnd150CombinationsAreTakenAndOneMoreIsNot) {
  const auto policy = [](int first, int second) {
    const auto list = [](int count) {
      std::string out;
      for (int i = 0; i < count; ++i) out += (i ? ",\"v" : "\"v") + std::to_string(i) + "\"";
      return out;
    };
    return "{\"a\":[" + list(first) + "],\"b\":[" + list(second) + "]}";
  };
  EXPECT_TRUE(Filter::parse(policy(15, 10), FilterScope::attributes));
  const auto past = Filter::parse(policy(151, 1), FilterScope::attributes);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().kind, "filter_too_large");
  EXPECT_TRUE(Filter::parse(R"({"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"]})",
                            FilterScope::attributes));
}

TEST(FilterLimits, ExcludedValuesCountLikeOthers) {
  const auto policy = [](int count) {
    std::string out = R"({"a":[{"anything-but":[0)";
    for (int i = 1; i < count; ++i) out += "," + std::to_string(i);
    return out + "]}]}";
  };
  EXPECT_TRUE(Filter::parse(policy(150), FilterScope::attributes));
  EXPECT_FALSE(Filter::parse(policy(151), FilterScope::attributes));
}

// The text and the pattern are made so that a search that goes back takes their product: minutes.
TEST(FilterLimits, APatternMadeToBeSlowIsNot) {
  const std::string half(100'000, 'a');
  const auto filter =
      Filter::parse(R"({"a":[{"wildcard":"*)" + half + R"(b*"}]})", FilterScope::body);
  ASSERT_TRUE(filter);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(filter->matches({}, R"({"a":")" + half + half + R"("})"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

TEST(Filter, ANameOfManyDotsIsLookedForOnceInEachObject) {
  std::string name = "a";
  for (int i = 0; i < 60'000; ++i) name += ".a";
  std::string keys;  // too many to be looked through one by one, were they not asked for by name
  for (int i = 0; i < 20; ++i) keys += fmt::format("{}\"{}\":0", i == 0 ? "" : ",", i);
  std::string body = "{\"a\":[";
  for (int i = 0; i < 1'000; ++i) body += fmt::format("{}{{{}}}", i == 0 ? "" : ",", keys);
  const auto filter = Filter::parse(fmt::format(R"({{"{}":["x"]}})", name), FilterScope::body);
  ASSERT_TRUE(filter) << filter.error().message;
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(filter->matches({}, body + "]}"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

}  // namespace
}  // namespace slipway::events

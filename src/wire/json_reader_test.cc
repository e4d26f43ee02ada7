#include "wire/json_reader.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/json_writer.h"

namespace slipway::wire {
namespace {

constexpr Shape text_shape{.name = "Text", .kind = ShapeKind::text};
constexpr Shape whole_shape{.name = "Whole", .kind = ShapeKind::integer};
constexpr Shape long_shape{.name = "Long", .kind = ShapeKind::long_integer};
constexpr Shape real_shape{.name = "Real", .kind = ShapeKind::double_number};
constexpr Shape flag_shape{.name = "Flag", .kind = ShapeKind::boolean};
constexpr Shape blob_shape{.name = "Blob", .kind = ShapeKind::blob};
constexpr Member text_item[] = {{"member", "", &text_shape}};
constexpr Shape list_shape{.name = "List", .kind = ShapeKind::list, .members = text_item};
constexpr Member entry[] = {{"key", "", &text_shape}, {"value", "", &text_shape}};
constexpr Shape map_shape{.name = "Map", .kind = ShapeKind::map, .members = entry};
constexpr Member members[] = {{"a", "a", &text_shape}, {"b", "b", &whole_shape},
                              {"c", "c", &long_shape}, {"d", "d", &real_shape},
                              {"e", "e", &flag_shape}, {"f", "f", &blob_shape},
                              {"g", "g", &list_shape}, {"h", "h", &map_shape}};
constexpr Shape shape{.name = "All", .members = members};

// What was read, written again; or the error.
std::string again(std::string_view json) {
  Arena arena;
  const auto node = read_json(json, shape, Names::wire, arena);
  if (!node) return node.error().message;
  std::string out;
  write_json(*node, shape, Names::wire, out);
  return out;
}

TEST(JsonReader, KeepsWholeNumbersExactBeyondTheRangeOfDoubles) {
  EXPECT_EQ(again(R"({"c": 9007199254740993})"), R"({"c":9007199254740993})");
  EXPECT_EQ(again(R"({"c": -9223372036854775808})"), R"({"c":-9223372036854775808})");
  EXPECT_EQ(again(R"({"c": 9223372036854775808})"), "'9223372036854775808' is not a valid integer");
  EXPECT_EQ(again(R"({"b": 2147483648})"), "'2147483648' is not a valid integer");
}

TEST(JsonReader, TakesWholeNumbersInOtherSpellingsAndRefusesFractions) {
  EXPECT_EQ(again(R"({"b": 1.0, "c": 1e3})"), R"({"b":1,"c":1000})");
  EXPECT_EQ(again(R"({"b": 1.5})"), "'1.5' is not a valid integer");
}

TEST(JsonReader, DecodesEscapesAndSurrogatePairs) {
  EXPECT_EQ(again(R"({"a": "\u00fc\ud83d\ude00\n\/\"long enough to pass eight bytes"})"),
            "{\"a\":\"\xC3\xBC\xF0\x9F\x98\x80\\n/\\\"long enough to pass eight bytes\"}");
  EXPECT_EQ(again(R"({"a": "\ud83d"})"), "A lone surrogate in a JSON string");
  EXPECT_EQ(again(R"({"a": "\ude00"})"), "A lone surrogate in a JSON string");
  EXPECT_EQ(again(R"({"a": "\u12g4"})"), "A malformed \\u escape in a JSON string");
  EXPECT_EQ(again(R"({"a": "\x"})"), "An unknown escape in a JSON string");
}

TEST(JsonReader, RefusesStringsThatAreNotUtf8OrHoldControlCharacters) {
  EXPECT_EQ(again("{\"a\": \"\xFF\xFE plain text behind it\"}"),
            "A string in the JSON document is not UTF-8");
  EXPECT_NE(again("{\"a\": \"x\ny\"}"), "{\"a\":\"x\\ny\"}");
  EXPECT_EQ(again("{\"a\": \"\\\\x\ny\"}"), "A control character in a JSON string");
}

TEST(JsonReader, OfANameGivenTwiceTheLastCounts) {
  EXPECT_EQ(again(R"({"a": "x", "a": "y", "h": {"k": "1", "l": "2", "k": "3"}})"),
            R"({"a":"y","h":{"l":"2","k":"3"}})");
}

TEST(JsonReader, SkipsUnknownMembersAndNulls) {
  EXPECT_EQ(again(R"({"z": {"deep": [1, {"x": "y"}]}, "a": null, "g": ["p", null]})"),
            R"({"g":["p",null]})");
}

TEST(JsonReader, SaysInAwsWordsWhichTypeWasWrong) {
  EXPECT_EQ(again(R"({"a": true})"), "class java.lang.Boolean can not be converted to an String");
  EXPECT_EQ(again(R"({"b": "x"})"), "class java.lang.String can not be converted to an Integer");
  EXPECT_EQ(again(R"({"a": {}})"), "Start of structure or map found where not expected.");
  EXPECT_EQ(again(R"({"a": []})"), "Start of list found where not expected");
  EXPECT_EQ(again(R"({"g": "x"})"), "Expected list or null");
}

TEST(JsonReader, ReadsTheNumbersThatJsonLacksFromStrings) {
  EXPECT_EQ(again(R"({"d": "NaN"})"), R"({"d":"NaN"})");
  EXPECT_EQ(again(R"({"d": "-Infinity"})"), R"({"d":"-Infinity"})");
  EXPECT_EQ(again(R"({"d": 1e400})"), "'1e400' is not a valid number");
}

TEST(JsonReader, RefusesEveryTruncationOfADocument) {
  const std::string whole =
      R"({"a":"x\u00e4","b":12,"g":["p","q"],"h":{"k":"v"},"e":true,"d":1.5e3})";
  Arena arena;
  ASSERT_TRUE(read_json(whole, shape, Names::wire, arena));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A buffer of its own, so that a read past the end is seen by the sanitizer.
    const std::string part(whole.substr(0, size));
    EXPECT_FALSE(read_json(part, shape, Names::wire, arena)) << part;
  }
}

TEST(JsonReader, RefusesWhatIsNotJson) {
  for (const std::string_view text :
       {"{} x", "{a:1}", "{'a':1}", R"({"a":"x",})", R"({"b":01})", R"({"b":+1})", R"({"b":.5})",
        R"({"d":1.})", R"({"d":1e})", R"({"e":tru})", "nul", "[1"}) {
    Arena arena;
    EXPECT_FALSE(read_json(text, shape, Names::wire, arena)) << text;
  }
}

TEST(JsonReader, RefusesNestingBeyondTheLimitAlsoWhereItSkips) {
  const std::string deep = "{\"z\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_EQ(again(deep), "The JSON document is nested too deeply");
}

TEST(JsonReader, SmallTextsThatGrowLargeEndAtTheLimit) {
  std::vector<Member> many;
  std::vector<std::string> names(500);
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = "m" + std::to_string(i);
    many.push_back({names[i], names[i], &text_shape});
  }
  const Shape wide{.name = "Wide", .members = many};
  const Member item[] = {{"member", "", &wide}};
  const Shape wides{.name = "Wides", .kind = ShapeKind::list, .members = item};
  std::string text = "[{}";
  for (int i = 0; i < 100'000; ++i) text += ",{}";
  Arena arena;
  const auto node = read_json(text + "]", wides, Names::wire, arena);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().message, "The JSON document is too large");
}

}  // namespace
}  // namespace slipway::wire

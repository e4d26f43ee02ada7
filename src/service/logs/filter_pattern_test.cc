#include "service/logs/filter_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::logs_door {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

bool matches(std::string_view pattern, std::string_view message) {
  const auto parsed = FilterPattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << parsed.error().message;
  if (!parsed) return false;
  const bool out = parsed->matches(message);
  // What it says of unread messages agrees.
  for (const auto& clause : parsed->filter().needles) {
    const bool held = std::ranges::any_of(
        clause, [&](const std::string& text) { return message.contains(text); });
    EXPECT_TRUE(held || !out) << pattern << " over " << message;
  }
  EXPECT_TRUE(parsed->check_done());
  return out;
}

std::string refusal(std::string_view pattern) {
  const auto parsed = FilterPattern::parse(pattern);
  EXPECT_FALSE(parsed) << pattern;
  return parsed ? "" : parsed.error().message;
}

TEST(FilterPatternTest, WordsPhrasesEitherAndWithout) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("ERROR model", "ERROR: model is gone"));
  EXPECT_FALSE(matches("ERROR model", "ERROR: data is gone"));
  EXPECT_TRUE(matches("\"model is\"", "ERROR: model is gone"));
  EXPECT_TRUE(matches("?ERROR ?WARN", "WARN"));
  EXPECT_FALSE(matches("?ERROR ?WARN", "INFO"));
  EXPECT_FALSE(matches("gone -ERROR", "ERROR: gone"));
  EXPECT_TRUE(matches("-ERROR", "WARN"));
  EXPECT_TRUE(matches("\" \"", "anything"));
  EXPECT_TRUE(matches("ERR", "[ERROR 400]"));
  EXPECT_FALSE(matches("error", "ERROR"));
  EXPECT_FALSE(FilterPattern::parse("\"open"));
}

TEST(FilterPatternTest, EitherCountsWhereNothingElseIsAskedFor) {
  EXPECT_TRUE(matches("?ERROR ?WARN INFO", "INFO"));
  EXPECT_FALSE(matches("?ERROR ?WARN INFO", "ERROR"));
  EXPECT_TRUE(matches("?ERROR -WARN", "INFO"));
}

TEST(FilterPatternTest, RegularExpressionsAmongWords) {
  EXPECT_TRUE(matches("%[45]\\d\\d%", "status 503"));
  EXPECT_FALSE(matches("%[45]\\d\\d%", "status 200"));
  EXPECT_TRUE(matches("GET %/v[0-9]+/%", "GET /v2/models"));
  EXPECT_FALSE(matches("-%^GET%", "GET /v2/models"));
  EXPECT_TRUE(matches("?%^PUT% ?GET", "PUT /x"));
  EXPECT_THAT(refusal("%(a)%"), HasSubstr("the character '('"));
  EXPECT_THAT(refusal("%a!%"), HasSubstr("the character '!'"));
  EXPECT_THAT(refusal("%a% %b% %c%"), HasSubstr("more than 2 regular expressions"));
  EXPECT_THAT(refusal("%a"), HasSubstr("no second %"));
  EXPECT_THAT(refusal("%[%"), HasSubstr("Invalid regular expression"));
}

TEST(FilterPatternTest, AnExpressionThatTakesTooLongIsSaidSo) {
  const auto pattern = FilterPattern::parse("%a*a*a*a*a*a*a*a*a*a*[bc]%").value();
  EXPECT_FALSE(pattern.matches(std::string(5'000, 'a')));
  ASSERT_FALSE(pattern.check_done());
  EXPECT_THAT(pattern.check_done().error().message, HasSubstr("steps on one of the messages"));
  EXPECT_FALSE(pattern.matches("ab"));  // it gave up
}

constexpr std::string_view event = R"({"eventType": "UpdateTrail", "count": 3, "ratio": 1.5e1,
  "sourceIP": "10.0.1.2", "ok": true, "bad": false, "nothing": null, "a.b": "dotted",
  "users": [{"id": 7, "name": "ann"}, {"id": 8, "name": "bob"}], "items": ["x", "y"],
  "nested": {"deep": {"value": "z"}}})";

TEST(FilterPatternTest, JsonByItsFields) {
  EXPECT_TRUE(matches("{ $.eventType = \"UpdateTrail\" }", event));
  EXPECT_TRUE(matches("{$.eventType=UpdateTrail}", event));
  EXPECT_TRUE(matches("{ $.eventType = Update* }", event));
  EXPECT_FALSE(matches("{ $.eventType = update* }", event));
  EXPECT_TRUE(matches("{ $.eventType != \"Other\" }", event));
  EXPECT_FALSE(matches("{ $.absent != \"Other\" }", event));
  EXPECT_TRUE(matches("{ $.sourceIP != 123.123.* }", event));
  EXPECT_TRUE(matches("{ $.sourceIP = %10\\.0\\.[0-9]\\.2% }", event));
  EXPECT_TRUE(matches("{ $.nested.deep.value = z }", event));
  EXPECT_FALSE(matches("{ $.nested.deep = * }", event));
  EXPECT_TRUE(matches("{ $.['a.b'] = \"dotted\" }", event));
  EXPECT_FALSE(matches("{ $.eventType = \"UpdateTrail\" }", "UpdateTrail"));
  EXPECT_FALSE(matches("{ $.eventType = \"UpdateTrail\" }", "{\"eventType\":"));
  EXPECT_TRUE(matches("{ $.a = \"b\" }", R"({"\u0061": "\u0062"})"));
}

TEST(FilterPatternTest, JsonByNumbers) {
  EXPECT_TRUE(matches("{ $.count = 3 }", event));
  EXPECT_TRUE(matches("{ $.count = 3.0 }", event));
  EXPECT_TRUE(matches("{ $.count > 2 }", event));
  EXPECT_FALSE(matches("{ $.count >= 3.5 }", event));
  EXPECT_TRUE(matches("{ $.ratio = 15 }", event));
  EXPECT_TRUE(matches("{ $.ratio <= 1.5e1 }", event));
  EXPECT_FALSE(matches("{ $.eventType > 2 }", event));
  EXPECT_TRUE(matches("{ $.count != 4 }", event));
  EXPECT_THAT(refusal("{ $.count > many }"), HasSubstr("with a number"));
}

TEST(FilterPatternTest, JsonByWhatIsThere) {
  EXPECT_TRUE(matches("{ $.nothing IS NULL }", event));
  EXPECT_FALSE(matches("{ $.ok IS NULL }", event));
  EXPECT_TRUE(matches("{ $.ok IS TRUE && $.bad IS FALSE }", event));
  EXPECT_TRUE(matches("{ $.absent NOT EXISTS }", event));
  EXPECT_FALSE(matches("{ $.nothing NOT EXISTS }", event));
  EXPECT_THAT(refusal("{ $.a IS NOT NULL }"), HasSubstr("NULL, TRUE or FALSE"));
  EXPECT_THAT(refusal("{ $.a EXISTS }"), HasSubstr("operator"));
}

TEST(FilterPatternTest, JsonByItsItems) {
  EXPECT_TRUE(matches("{ $.users[0].id = 7 }", event));
  EXPECT_FALSE(matches("{ $.users[1].id = 7 }", event));
  EXPECT_TRUE(matches("{ $.users[*].name = bob }", event));
  EXPECT_TRUE(matches("{ $.items[*] = y }", event));
  EXPECT_TRUE(matches("{ $.* = UpdateTrail }", event));
  EXPECT_FALSE(matches("{ $.items = x }", event));
  EXPECT_THAT(refusal("{ $.*.* = x }"), HasSubstr("more than one wildcard"));
  EXPECT_THAT(refusal("{ $.a[x] = 1 }"), HasSubstr("no number"));
}

TEST(FilterPatternTest, ConditionsAreJoined) {
  EXPECT_TRUE(matches("{ $.count = 9 && $.count = 8 || $.count = 3 }", event));
  EXPECT_FALSE(matches("{ $.count = 9 && ($.count = 8 || $.count = 3) }", event));
  EXPECT_TRUE(matches("{ ($.count = 9 || $.ok IS TRUE) && ($.count = 3) }", event));
  EXPECT_THAT(refusal("{ ($.a = 1 }"), HasSubstr("not closed"));
  EXPECT_THAT(refusal("{ $.a = 1"), HasSubstr("does not end with }"));
  EXPECT_THAT(refusal("{ $.a = 1 } x"), HasSubstr("follows the closing }"));
  EXPECT_THAT(refusal("{ }"), HasSubstr("begins with $"));
  EXPECT_THAT(refusal("{" + std::string(100, '(')), HasSubstr("too many parentheses"));
}

constexpr std::string_view line =
    R"(127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534)";

TEST(FilterPatternTest, ColumnsByTheirPlace) {
  EXPECT_TRUE(matches("[ip, id, user, time, request, status, size]", line));
  EXPECT_FALSE(matches("[ip, id, user, time, request, status]", line));
  EXPECT_TRUE(matches("[ip, id, user, time, request = *html*, status = 4*, size > 1000]", line));
  EXPECT_FALSE(matches("[ip, id, user, time, request, status = 5*, size]", line));
  EXPECT_TRUE(matches("[..., status = 404, size]", line));
  EXPECT_TRUE(matches("[ip = 127.*, ...]", line));
  EXPECT_TRUE(matches("[ip, ..., size < 1534 || size = 1534]", line));
  EXPECT_FALSE(matches("[ip, ..., size > 1 && size < 10]", line));
  EXPECT_TRUE(matches("[ip, ..., status = 404 || status = 410, size]", line));
  EXPECT_TRUE(matches("[ip, ..., request = %GET|PUT%, status, size]", line));
  EXPECT_TRUE(matches("[w1=ERROR, w2]", "ERROR here"));
  EXPECT_FALSE(matches("[w1=ERROR]", "ERROR here"));
  EXPECT_TRUE(matches("[w1!=ERROR && w1!=\"WARN\", w2]", "INFO here"));
  EXPECT_THAT(refusal("[a, ..., b, ...]"), HasSubstr("more than one ..."));
  EXPECT_THAT(refusal("[a = 1 && b = 2]"), HasSubstr("name another"));
  EXPECT_THAT(refusal("[a"), HasSubstr("does not end with ]"));
}

TEST(FilterPatternTest, WhatAPatternNamesIsTakenOut) {
  const auto extract = [](std::string_view pattern, std::string_view message) {
    return FilterPattern::parse(pattern).value().extract(message);
  };
  EXPECT_THAT(extract("ERROR", "ERROR"), IsEmpty());
  EXPECT_THAT(extract("{ $.count > 1 && $.users[0].name = * }", event),
              ElementsAre(Pair("$.count", "3"), Pair("$.users[0].name", "ann")));
  EXPECT_THAT(extract("[level, rest]", "ERROR \"a b\""),
              ElementsAre(Pair("$level", "ERROR"), Pair("$rest", "a b")));
}

}  // namespace
}  // namespace slipway::logs_door

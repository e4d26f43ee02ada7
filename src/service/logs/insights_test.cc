#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/logs/insights_run.h"

namespace slipway::logs_door {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Rows = std::vector<logs::QueryRow>;

constexpr std::string_view messages[] = {
    R"({"level": "INFO", "ms": 10, "user": {"id": "u1"}, "tags": ["a", "b"]})",
    R"({"level": "ERROR", "ms": 250, "user": {"id": "u2"}})",
    R"({"level": "INFO", "ms": 30, "user": {"id": "u1"}, "@x": "own"})",
    "plain [u3] took 7 ms",
    R"({"level": "ERROR", "ms": 90.5, "user": {"id": "u1"}})",
};

class InsightsTest : public testing::Test {
 protected:
  // A message every 100 s, from midnight.
  Result<Rows> run(std::string_view text, std::size_t rows_max = 100) {
    TRY(const InsightsQuery query, InsightsQuery::parse(text));
    InsightsRun run(query, rows_max);
    logs::Position position = 0;
    for (const std::string_view message : messages) {
      const Timestamp time = start + position * 100s;
      TRY_DO(run.add("1:g", "s", {time, time + 1s, position++, std::string(message)}));
    }
    TRY(Rows rows, run.finish());
    for (logs::QueryRow& row : rows)
      if (!row.empty() && row.back().first == "@ptr") row.pop_back();
    return rows;
  }
  // Values alone, of queries with no more than one column.
  std::vector<std::string> values(std::string_view text) {
    auto rows = run(text);
    EXPECT_TRUE(rows) << text << ": " << rows.error().message;
    std::vector<std::string> out;
    if (rows)
      for (const logs::QueryRow& row : *rows) out.push_back(row.empty() ? "-" : row[0].second);
    return out;
  }
  std::string value(std::string_view expression) {
    const auto all =
        values("fields " + std::string(expression) + " as x | sort @timestamp | limit 1");
    return all.empty() ? "none" : all[0];
  }
  std::string refusal(std::string_view text) {
    const auto query = InsightsQuery::parse(text);
    EXPECT_FALSE(query) << text;
    return query ? "" : query.error().message;
  }

  const Timestamp start{std::chrono::sys_days(std::chrono::year(2026) / 1 / 31)};
};

TEST_F(InsightsTest, FieldsAreShownTheNewestFirst) {
  const Rows rows = run("fields @timestamp, level, user.id, nothing").value();
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_THAT(rows[0], ElementsAre(Pair("@timestamp", "2026-01-31 00:06:40.000"),
                                   Pair("level", "ERROR"), Pair("user.id", "u1")));
  EXPECT_THAT(rows[1], ElementsAre(Pair("@timestamp", "2026-01-31 00:05:00.000")));
  EXPECT_THAT(
      run("filter level = 'ERROR' | limit 1").value()[0],
      ElementsAre(Pair("@timestamp", "2026-01-31 00:06:40.000"), Pair("@message", messages[4])));
  EXPECT_THAT(values("fields @logStream | limit 1"), ElementsAre("s"));
  EXPECT_THAT(values("fields @log | limit 1"), ElementsAre("1:g"));
  EXPECT_THAT(values("fields @ingestionTime | limit 1"), ElementsAre("2026-01-31 00:06:41.000"));
  EXPECT_THAT(values("fields tags.1 | filter ispresent(tags.1)"), ElementsAre("b"));
  EXPECT_THAT(values("fields @@x | filter ispresent(@@x)"), ElementsAre("own"));
  EXPECT_THAT(values("fields `user.id` | limit 1"), ElementsAre("u1"));
  EXPECT_EQ(run("fields @message", 2)->size(), 2U);
}

TEST_F(InsightsTest, EventsAreFiltered) {
  EXPECT_THAT(values("filter ms > 50 | fields ms"), ElementsAre("90.5", "250"));
  EXPECT_THAT(values("filter ms > 50 and level != \"ERROR\" or ms = 10 | display ms"),
              ElementsAre("10"));
  EXPECT_THAT(values("filter not (level = 'INFO') and ispresent(level) | fields ms"),
              ElementsAre("90.5", "250"));
  EXPECT_THAT(values("filter @message like 'took' | fields @message"), ElementsAre(messages[3]));
  EXPECT_THAT(values("filter @message like /u[2]/ | fields ms"), ElementsAre("250"));
  EXPECT_THAT(values("filter @message =~ /(?i)PLAIN/ | fields @message"), ElementsAre(messages[3]));
  EXPECT_THAT(values("filter @message not like /level/ | fields @message"),
              ElementsAre(messages[3]));
  EXPECT_THAT(values("filter user.id in ['u2', \"u9\"] | fields ms"), ElementsAre("250"));
  EXPECT_THAT(values("filter user.id not in ['u2', 'u1'] | fields @message"),
              ElementsAre(messages[3]));
  EXPECT_THAT(values("# a remark\nFILTER level = 'ERROR' | SORT ms DESC | FIELDS ms"),
              ElementsAre("250", "90.5"));
}

TEST_F(InsightsTest, FieldsAreTakenOutOfMessages) {
  EXPECT_THAT(run("parse @message \"plain [*] took * ms\" as who, took | filter took = 7")->at(0),
              ElementsAre(Pair("@timestamp", "2026-01-31 00:05:00.000"),
                          Pair("@message", messages[3]), Pair("who", "u3"), Pair("took", "7")));
  EXPECT_THAT(values("parse @message /took (?<took>\\d+)/ | display took | filter ispresent(took)"),
              ElementsAre("7"));
  EXPECT_THAT(values("parse user.id /(\\d)/ as n | stats max(n)"), ElementsAre("2"));
  EXPECT_THAT(refusal("parse @message \"* *\" as a"), HasSubstr("names 1 fields and takes out 2"));
  EXPECT_THAT(refusal("parse @message /(x)/"), HasSubstr("names no field"));
}

TEST_F(InsightsTest, RowsAreCounted) {
  EXPECT_THAT(
      run("stats count(*), count(ms), sum(ms), avg(ms), min(ms), max(ms)")->at(0),
      ElementsAre(Pair("count(*)", "5"), Pair("count(ms)", "4"), Pair("sum(ms)", "380.5"),
                  Pair("avg(ms)", "95.125"), Pair("min(ms)", "10"), Pair("max(ms)", "250")));
  EXPECT_THAT(
      *run("stats count(*) as n by level | sort n desc, level"),
      ElementsAre(ElementsAre(Pair("level", "ERROR"), Pair("n", "2")),
                  ElementsAre(Pair("level", "INFO"), Pair("n", "2")), ElementsAre(Pair("n", "1"))));
  EXPECT_THAT(
      *run("stats count(*) by bin(5m) | sort bin(5m)"),
      ElementsAre(ElementsAre(Pair("bin(5m)", "2026-01-31 00:00:00.000"), Pair("count(*)", "3")),
                  ElementsAre(Pair("bin(5m)", "2026-01-31 00:05:00.000"), Pair("count(*)", "2"))));
  EXPECT_THAT(run("stats count_distinct(user.id), median(ms), pct(ms, 100), stddev(ms)")->at(0),
              ElementsAre(Pair("count_distinct(user.id)", "2"), Pair("median(ms)", "60.25"),
                          Pair("pct(ms, 100)", "250"), Pair("stddev(ms)", "108.7738")));
  EXPECT_THAT(run("stats earliest(ms), latest(ms), sortsFirst(level), sortsLast(level)")->at(0),
              ElementsAre(Pair("earliest(ms)", "10"), Pair("latest(ms)", "90.5"),
                          Pair("sortsFirst(level)", "ERROR"), Pair("sortsLast(level)", "INFO")));
  EXPECT_THAT(values("stats max(ms) - min(ms) as span"), ElementsAre("240"));
  EXPECT_THAT(values("stats count(*) as n by level | stats max(n)"), ElementsAre("2"));
  EXPECT_THAT(values("filter level = 'none' | stats count(*)"), IsEmpty());
}

TEST_F(InsightsTest, RowsAreSortedCutAndShownOnce) {
  EXPECT_THAT(values("filter ispresent(ms) | sort ms | fields ms"),
              ElementsAre("10", "30", "90.5", "250"));
  EXPECT_THAT(values("filter ispresent(ms) | sort level asc, ms desc | limit 3 | display ms"),
              ElementsAre("250", "90.5", "30"));
  EXPECT_THAT(values("filter ispresent(level) | fields level | dedup level | limit 5"),
              ElementsAre("ERROR", "INFO"));
  EXPECT_THAT(refusal("dedup level | fields ms"), HasSubstr("followed by limit alone"));
  EXPECT_THAT(refusal("limit 0"), HasSubstr("from 1 to 100000"));
}

TEST_F(InsightsTest, ValuesAreReckonedWith) {
  EXPECT_EQ(value("1 + 2 * 3 ^ 2 - -4"), "23");
  EXPECT_EQ(value("(ms + 1) % 4"), "3");
  EXPECT_EQ(value("10 / 4"), "2.5");
  EXPECT_EQ(value("1 / 0"), "-");
  EXPECT_EQ(value("floor(2.7) + ceil(2.1) + abs(-1) + sqrt(9)"), "9");
  EXPECT_EQ(value("greatest(1, ms, 3)"), "10");
  EXPECT_EQ(value("least(4, ms, 3)"), "3");
  EXPECT_EQ(value("strlen(level)"), "4");
  EXPECT_EQ(value("substr(level, 1, 2)"), "NF");
  EXPECT_EQ(value("concat(tolower(level), '-', toupper(user.id))"), "info-U1");
  EXPECT_EQ(value("replace(level, 'N', 'nn')"), "InnFO");
  EXPECT_EQ(value("trim('  a ')"), "a");
  EXPECT_EQ(value("strcontains(level, 'NF')"), "1");
  EXPECT_EQ(value("isempty(level)"), "0");
  EXPECT_EQ(value("isblank(' ')"), "1");
  EXPECT_EQ(value("coalesce(none, level)"), "INFO");
  EXPECT_EQ(value("toMillis(@timestamp)"), "1769817600000");
  EXPECT_EQ(value("fromMillis(1769817600001)"), "2026-01-31 00:00:00.001");
  EXPECT_EQ(value("datefloor(fromMillis(1769817700000), 1m)"), "2026-01-31 00:01:00.000");
  EXPECT_EQ(value("dateceil(fromMillis(1769817700000), 1m)"), "2026-01-31 00:02:00.000");
  EXPECT_EQ(value("1 / 3"), "0.3333");
}

TEST_F(InsightsTest, WhatIsNoNumberIsNone) {
  EXPECT_EQ(value("sqrt(-1)"), "-");
  EXPECT_EQ(value("log(-1)"), "-");
  EXPECT_EQ(value("substr(level, sqrt(-1))"), "INFO");
  EXPECT_EQ(value("substr(level, 0, log(0))"), "");
  EXPECT_EQ(value("replace('abab', 'ab', 'b')"), "bb");
}

TEST_F(InsightsTest, WhatIsNoQueryIsRefused) {
  EXPECT_THAT(refusal("field @message"), HasSubstr("there is no command 'field'"));
  EXPECT_THAT(refusal("pattern @message"), HasSubstr("pattern is not supported"));
  EXPECT_THAT(refusal("fields @message |"), HasSubstr("a name is expected"));
  EXPECT_THAT(refusal("fields nope(1)"), HasSubstr("there is no function 'nope'"));
  EXPECT_THAT(refusal("fields strlen()"), HasSubstr("another number of arguments"));
  EXPECT_THAT(refusal("stats strlen(level)"), HasSubstr("functions that count"));
  EXPECT_THAT(refusal("filter count(*) > 1"), HasSubstr("only stats counts rows"));
  EXPECT_THAT(refusal("filter a = 'x"), HasSubstr("not closed"));
  EXPECT_THAT(refusal("filter a like /x"), HasSubstr("not closed"));
  EXPECT_THAT(refusal("filter a like /(/"), HasSubstr("Invalid regular expression"));
  EXPECT_THAT(refusal("filter " + std::string(1'000, '(')), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("filter " + std::string(1'000, '-')), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("stats count(*) by bin(level)"), HasSubstr("takes a period"));
  EXPECT_THAT(refusal("fields a b"), HasSubstr("unexpected 'b'"));
  EXPECT_THAT(refusal("fields ;"), HasSubstr("unexpected symbol ';' at position 7"));
}

TEST_F(InsightsTest, WhatASearchMayPassOverIsKnown) {
  const auto needles = [](std::string_view text) {
    return needles_of(InsightsQuery::parse(text).value());
  };
  EXPECT_THAT(needles("filter @message like 'a' and @message like \"b\" | stats count(*)"),
              UnorderedElementsAre(ElementsAre("a"), ElementsAre("b")));
  EXPECT_THAT(needles("filter @message like 'a' or @message like 'b'"), IsEmpty());
  EXPECT_THAT(needles("fields x as @message | filter @message like 'a'"), IsEmpty());
  EXPECT_THAT(needles("filter @message not like 'a'"), IsEmpty());
}

}  // namespace
}  // namespace slipway::logs_door

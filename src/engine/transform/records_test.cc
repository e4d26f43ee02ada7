#include "engine/transform/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/document.h"

namespace slipway::transform {
namespace {

using testing::HasSubstr;

std::string csv(std::string_view path, std::string_view record) {
  std::string out;
  const auto done = RecordPath::parse(path).value().choose_csv(record, out);
  return done ? out : "! " + done.error().message;
}
std::string json(std::string_view path, std::string_view record) {
  std::string out;
  const auto done = RecordPath::parse(path).value().choose_json(record, out);
  return done ? out : "! " + done.error().message;
}

// Contract section 11: `$`, `.name`, `*`, `['a','b']`, `[1,3]`, `[2:5]`, negatives.
TEST(RecordPath, columns_are_chosen_by_position_as_they_stand) {
  const std::string_view record = R"(1,"two, too",3.0,4e0,5)";
  EXPECT_EQ(csv("$", record), record);
  EXPECT_EQ(csv("$[1:]", record), R"("two, too",3.0,4e0,5)");
  EXPECT_EQ(csv("$[0,-1]", record), "1,5");
  EXPECT_EQ(csv("$[2:4]", record), "3.0,4e0");
  EXPECT_EQ(csv("$[:-3]", record), R"(1,"two, too")");
  EXPECT_EQ(csv("$[-2:]", record), "4e0,5");
  EXPECT_EQ(csv("$[1]", record), R"("two, too")");
  EXPECT_EQ(csv("$[*]", record), record);
  EXPECT_THAT(csv("$[5]", record), HasSubstr("no index 5"));
}

TEST(RecordPath, members_are_chosen_by_name_and_numbers_stay_as_written) {
  const std::string_view record = R"({"id": 1.50, "x": [1, 2.0, 3e1], "o": {"a": "b,}"}})";
  EXPECT_EQ(json("$.id", record), "1.50");
  EXPECT_EQ(json("$['id','x']", record), R"({"id":1.50,"x":[1, 2.0, 3e1]})");
  EXPECT_EQ(json("$.x[1:]", record), "[2.0,3e1]");
  EXPECT_EQ(json("$.x[-1]", record), "3e1");
  EXPECT_EQ(json("$.x[0,2]", record), "[1,3e1]");
  EXPECT_EQ(json("$.o.a", record), R"("b,}")");
  EXPECT_EQ(json("$.*", R"({"a":1,"b":2})"), "[1,2]");
  EXPECT_THAT(json("$.none", record), HasSubstr("no member 'none'"));
  EXPECT_THAT(json("$.x", "{\"x\": "), HasSubstr("no JSON"));
  EXPECT_THAT(json("$.x", std::string(5000, '[')), HasSubstr("no JSON"));
}

TEST(RecordPath, a_record_grows_by_no_more_than_its_limit) {
  EXPECT_EQ(csv("$[0,0,0,0]", "abc"), "abc,abc,abc,abc");
  EXPECT_EQ(json("$[0,0]", "[1]"), "[1,1]");
  const std::string big(1'000, '7');
  EXPECT_THAT(csv("$[0,0,0,0,0,0,0,0]", big), HasSubstr("more than 4 times"));
  // Each level doubles: 2,048 times the record without a limit.
  std::string path = "$", record = big;
  for (int level = 0; level < 11; ++level) path += "[0,0]", record = "[" + record + "]";
  std::string out;
  const auto done = RecordPath::parse(path).value().choose_json(record, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::limit_exceeded);
  EXPECT_LT(out.size(), 6 * record.size());
}

TEST(RecordPath, a_record_of_too_many_columns_is_refused_and_one_less_is_not) {
  const std::string commas(record_items_max - 1, ',');
  EXPECT_EQ(csv("$[0]", commas), "");
  EXPECT_THAT(csv("$[0]", commas + ","), HasSubstr("more than 4194304 items"));
  std::string list(2 * record_items_max, '1');
  for (std::size_t at = 0; at < list.size(); at += 2) list[at] = ',';
  list.front() = '[';
  EXPECT_EQ(json("$[0]", list + "]"), "1");
  EXPECT_THAT(json("$[0]", list + ",1]"), HasSubstr("more than 4194304 items"));
}

TEST(RecordPath, what_is_not_of_the_language_is_refused_with_its_place) {
  for (const std::string_view bad :
       {"", "x", "$x", "$.", "$..a", "$[", "$[]", "$['a", "$[1", "$[?(@.a)]", "$.a()", "$[a]"})
    EXPECT_FALSE(RecordPath::parse(bad)) << bad;
  EXPECT_TRUE(RecordPath::parse("$." + std::string(61, 'a')));
  EXPECT_FALSE(RecordPath::parse("$." + std::string(62, 'a')));
}

struct Rules {
  TransformPlan plan;
  BatchStrategy strategy = BatchStrategy::multi_record;
  explicit Rules(RecordFormat format) {
    plan.joined_answer_name = "answer";
    plan.joined_record_name = "record";
    plan.input_format = plan.output_format = format;
    plan.split = SplitType::line;
    plan.assembly = TransformPlan::Assembly::lines;
  }
  std::string finish(std::string_view input, std::string_view answer) const {
    std::string out;
    const auto done = finish_output(RecordRules::of(plan, strategy).value(), input, answer, out);
    return done ? out : "! " + done.error().message;
  }
  std::string filter(std::string_view input) const {
    std::string out;
    const auto done = filter_input(RecordRules::of(plan, strategy).value(), input, out);
    return done ? out : "! " + done.error().message;
  }
};

// Contract section 11: CSV: output columns appended.
TEST(Records, csv_is_joined_line_by_line_and_filtered_after_it) {
  Rules rules(RecordFormat::csv);
  rules.plan.join = TransformPlan::Join::input;
  EXPECT_EQ(rules.finish("1,2\r\n3,4\n", "0.5\n0.7"), "1,2,0.5\n3,4,0.7\n");
  rules.plan.output_filter = "$[0,-1]";
  EXPECT_EQ(rules.finish("1,2\n\n3,4\n", "0.5\n0.7\n"), "1,0.5\n3,0.7\n");
  rules.plan.input_filter = "$[1:]";
  EXPECT_EQ(rules.filter("1,2\n3,4\n"), "2\n4\n");
}

// Contract section 11: adds the answer to the object; non-objects become both members.
TEST(Records, json_is_joined_as_a_member_and_what_is_no_object_becomes_one) {
  Rules rules(RecordFormat::json_lines);
  rules.plan.join = TransformPlan::Join::input;
  EXPECT_EQ(rules.finish("{\"a\": 1.0}\n{}\n[1]\n", "[0.5]\n{\"p\":1}\n2\n"),
            "{\"a\": 1.0,\"answer\":[0.5]}\n{\"answer\":{\"p\":1}}\n"
            "{\"record\":[1],\"answer\":2}\n");
  rules.plan.output_filter = "$['a','answer']";
  EXPECT_EQ(rules.finish("{\"a\":1,\"b\":2}\n", "3\n"), "{\"a\":1,\"answer\":3}\n");
  EXPECT_THAT(rules.finish("{\"a\":1}\n", "{no\n"), HasSubstr("no JSON"));
}

TEST(Records, as_many_answers_as_records_are_due_where_they_are_joined) {
  Rules rules(RecordFormat::csv);
  rules.plan.join = TransformPlan::Join::input;
  EXPECT_EQ(rules.finish("1\n2\n3\n", "1\n2\n"), "! the container answered 2 records for 3");
  EXPECT_EQ(rules.finish("1\n2\n", "1\n2\n3\n"), "! the container answered 3 records for 2");
}

TEST(Records, assembly_by_lines_ends_each_answer_and_none_changes_nothing) {
  Rules rules(RecordFormat::opaque);
  EXPECT_EQ(rules.finish("x", "ab"), "ab\n");
  EXPECT_EQ(rules.finish("x", "ab\n"), "ab\n");
  rules.plan.assembly = TransformPlan::Assembly::as_it_is;
  EXPECT_EQ(rules.finish("x", "ab"), "ab");
}

TEST(Records, one_record_alone_is_joined_whole) {
  Rules rules(RecordFormat::json);
  rules.strategy = BatchStrategy::single_record;
  rules.plan.join = TransformPlan::Join::input;
  EXPECT_EQ(rules.finish("{\"a\":1}", "{\"p\":\n[1]}\n"), "{\"a\":1,\"answer\":{\"p\":\n[1]}}\n");
  Rules lines(RecordFormat::csv);
  lines.strategy = BatchStrategy::single_record;
  lines.plan.join = TransformPlan::Join::input;
  EXPECT_EQ(lines.finish("1,2", "0.5\n"), "1,2,0.5\n");
}

TransformPlan valid_plan() {
  TransformPlan plan;
  plan.fleet.variants.push_back({.name = "v", .program = {.built_in = "x"}});
  plan.split = SplitType::line;
  return plan;
}

TEST(TransformPlan, limits_hold_at_their_value_and_not_one_past_it) {
  TransformPlan plan = valid_plan();
  plan.payload_mb = 100;
  EXPECT_TRUE(check(plan));
  plan.payload_mb = 101;
  EXPECT_EQ(check(plan).error().kind, plan_faults::payload);
  plan.payload_mb = 10;
  plan.concurrency = 10;
  EXPECT_TRUE(check(plan));
  plan.concurrency = 11;
  EXPECT_EQ(check(plan).error().kind, plan_faults::concurrency);
  plan.payload_mb.reset();
  plan.concurrency = 16;  // of 6 MB
  EXPECT_TRUE(check(plan));
  plan.concurrency = 17;
  EXPECT_FALSE(check(plan));
}

TEST(TransformPlan, a_join_needs_formats_and_splitting_that_are_alike) {
  TransformPlan plan = valid_plan();
  plan.join = TransformPlan::Join::input;
  EXPECT_FALSE(check(plan));
  plan.input_format = plan.output_format = RecordFormat::csv;
  EXPECT_FALSE(check(plan));
  plan.assembly = TransformPlan::Assembly::lines;
  EXPECT_TRUE(check(plan));
  plan.output_format = RecordFormat::json;
  EXPECT_FALSE(check(plan));
}

TEST(TransformPlan, its_stored_form_reads_back) {
  TransformPlan plan = valid_plan();
  plan.input_key = "in/\"odd\"";
  plan.payload_mb = 0;
  plan.strategy = BatchStrategy::single_record;
  plan.output_filter = "$[0]";
  EXPECT_EQ(transform_plan_from_text(to_text(plan)).value(), plan);
  EXPECT_FALSE(transform_plan_from_text("{}"));
}

TEST(TransformPlan, its_stored_form_is_what_it_was_and_nothing_beside) {
  TransformPlan plan = valid_plan();
  plan.strategy = BatchStrategy::single_record;
  const std::string fleet = store::write_document(fleet::to_text(plan.fleet));
  const std::string rest = R"(,"source":0,"input_bucket":"","input_key":"","output_bucket":"",)"
                           R"("output_prefix":"","content_type":"","accept":"","input_format":0,)"
                           R"("output_format":0,"compression":0,"split":1,"assembly":0,)"
                           R"("strategy":1,"payload_mb":null,"concurrency":null,"retries_max":3,)"
                           R"("input_filter":"","output_filter":"","join":0,)"
                           R"("joined_answer_name":"","joined_record_name":"","owner":""})";
  EXPECT_EQ(to_text(plan), R"({"version":1,"fleet":)" + fleet + rest);
  std::string other = to_text(plan);
  other.insert(1, "\"colour\":1,");
  EXPECT_THAT(transform_plan_from_text(other).error().message, HasSubstr("colour is not known"));
}

}  // namespace
}  // namespace slipway::transform

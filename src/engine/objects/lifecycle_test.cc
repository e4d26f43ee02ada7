#include "engine/objects/lifecycle.h"

#include <gmock/gmock.h>

#include "engine/objects/objects_fixture.h"

namespace slipway::objects {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view the_setting = "rules";

// A bucket with rules, and a clock that is moved. It begins at 22:13 of a day.
class LifecycleTest : public ObjectsTest {
 protected:
  LifecycleTest() : loop_(*store_, clock_, changes_) {
    loop_.add(lifecycle_);
    EXPECT_TRUE(loop_.wake_all());
    pass(engine::clock_settles);
  }

  void set(ExpiryRules rules) {
    rules_ = std::move(rules);
    EXPECT_TRUE(write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(put_setting(tx, {"box", std::string(the_setting)}, "as `rules_` say"));
      TRY(const Bucket bucket, find_bucket(tx, "box"));
      lifecycle_.look_at(tx, bucket);
      return {};
    }));
    pass(std::chrono::seconds(1));
  }

  // As time does: in the steps in which something is due.
  void pass(std::chrono::microseconds time) {
    for (;;) {
      while (loop_.step() > 0) {
      }
      const auto due = loop_.next_due();
      if (time.count() == 0) return;
      const auto by = due ? std::clamp(*due, std::chrono::microseconds(1), time) : time;
      clock_.advance(by);
      time -= by;
    }
  }

  std::vector<std::string> keys() {
    std::vector<std::string> out;
    EXPECT_TRUE(store_->read([&](store::Transaction& tx) -> Result<> {
      TRY(const ListPage page, list(tx, {.bucket = "box", .entries_max = 5'000}));
      for (const Object& each : page.objects) out.push_back(each.key);
      return {};
    }));
    return out;
  }
  // "a", "a marker", by key and the newest first.
  std::vector<std::string> versions() {
    std::vector<std::string> out;
    EXPECT_TRUE(store_->read([&](store::Transaction& tx) -> Result<> {
      TRY(const VersionPage page, list_versions(tx, {.bucket = "box"}));
      for (const Object& each : page.versions)
        out.push_back(each.delete_marker ? each.key + " marker" : each.etag.substr(0, 4));
      return {};
    }));
    return out;
  }
  std::string tag_of(std::string_view bytes) { return body(bytes).etag.substr(0, 4); }

  ExpiryRules rules_;
  engine::Changes changes_{clock_};
  engine::ReconcilerLoop loop_;
  Lifecycle lifecycle_{
      {.objects = *objects_,
       .setting = std::string(the_setting),
       .read = [this](const std::string&) { return std::make_shared<const ExpiryRules>(rules_); },
       .loop = loop_}};
};

TEST_F(LifecycleTest, objects_go_at_the_midnight_after_their_days) {
  ASSERT_TRUE(put("tmp/a", "1"));
  ASSERT_TRUE(put("kept", "1"));
  set({{.id = "r", .filter = {.prefix = "tmp/"}, .term = days(3)}});
  pass(days(3));
  EXPECT_THAT(keys(), ElementsAre("kept", "tmp/a"));
  pass(hours(2));  // over the midnight
  EXPECT_THAT(keys(), ElementsAre("kept"));
}

TEST_F(LifecycleTest, a_date_that_is_past_takes_what_is_there_and_what_comes) {
  ASSERT_TRUE(put("a", "1"));
  set({{.id = "r", .date = clock_.now() - days(1)}});
  EXPECT_THAT(keys(), IsEmpty());
  ASSERT_TRUE(put("b", "1"));
  EXPECT_THAT(keys(), ElementsAre("b"));
  pass(days(1));
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(LifecycleTest, filters_look_at_tags_and_sizes) {
  ASSERT_TRUE(put("tagged", "1", {.attributes = {.tags = {{"k", "v"}, {"l", "w"}}}}));
  ASSERT_TRUE(put("half", "1", {.attributes = {.tags = {{"k", "v"}}}}));
  ASSERT_TRUE(put("long", std::string(30, 'x')));
  ASSERT_TRUE(put("short", "xxx"));
  set({{.id = "tags", .filter = {.tags = {{"k", "v"}, {"l", "w"}}}, .term = days(1)},
       {.id = "size", .filter = {.larger_than = 3, .smaller_than = 31}, .term = days(1)}});
  pass(days(2));
  EXPECT_THAT(keys(), ElementsAre("half", "short"));
}

TEST_F(LifecycleTest, old_versions_go_after_their_days_but_for_the_newest) {
  version_bucket(Versioning::enabled);
  for (const char* bytes : {"1", "2", "3", "4"}) ASSERT_TRUE(put("a", bytes));
  set({{.id = "r", .old_versions = OldVersions{.term = days(2), .kept = 1}}});
  pass(days(2));
  EXPECT_EQ(versions().size(), 4u);
  pass(days(1));
  EXPECT_THAT(versions(), ElementsAre(tag_of("4"), tag_of("3")));
}

TEST_F(LifecycleTest, a_version_gets_a_marker_and_the_marker_goes_when_it_is_alone) {
  version_bucket(Versioning::enabled);
  ASSERT_TRUE(put("a", "1"));
  set({{.id = "r", .term = days(1), .old_versions = OldVersions{.term = days(1)}}});
  pass(days(2));
  EXPECT_THAT(versions(), ElementsAre("a marker", tag_of("1")));
  pass(days(2));
  EXPECT_THAT(versions(), ElementsAre("a marker"));
  pass(days(2));
  EXPECT_THAT(versions(), IsEmpty());
}

TEST_F(LifecycleTest, lone_markers_go_where_a_rule_says_so) {
  version_bucket(Versioning::enabled);
  ASSERT_TRUE(put("covered", "1"));
  ASSERT_TRUE(remove({"box", "covered"}));
  ASSERT_TRUE(remove({"box", "lone"}));
  set({{.id = "r", .lone_markers = ExpiryRule::LoneMarkers::go}});
  EXPECT_THAT(versions(), ElementsAre("covered marker", tag_of("1")));
}

TEST_F(LifecycleTest, uploads_that_nobody_finishes_go) {
  for (const char* key : {"tmp/a", "b"})
    ASSERT_TRUE(write([&](store::Transaction& tx) {
      return objects_->create_multipart(tx, {.bucket = "box", .key = key});
    }));
  set({{.id = "r", .filter = {.prefix = "tmp/"}, .uploads = days(1)}});
  pass(days(2));
  EXPECT_TRUE(store_->read([&](store::Transaction& tx) -> Result<> {
    TRY(const MultipartPage page, list_multiparts(tx, {.bucket = "box"}));
    EXPECT_EQ(page.uploads.size(), 1u);
    return {};
  }));
}

TEST_F(LifecycleTest, storage_classes_change_and_never_back) {
  ASSERT_TRUE(put("a", "12345"));
  ASSERT_TRUE(put("small", "1"));
  ASSERT_TRUE(put("far", "12345", {.attributes = {.storage_class = "far"}}));
  const auto class_of = [&](const std::string& key) {
    return store_->read([&](store::Transaction& tx) { return find(tx, {"box", key}); })
        .value()
        .storage_class;
  };
  set({{.id = "r",
        .moves = {{.term = days(1), .to = "near", .from = {"STANDARD"}, .bytes_min = 5},
                  {.term = days(3), .to = "far", .from = {"STANDARD", "near"}, .bytes_min = 5}}}});
  pass(days(2));
  EXPECT_EQ(class_of("a"), "near");
  EXPECT_EQ(class_of("far"), "far");
  pass(days(2));
  EXPECT_EQ(class_of("a"), "far");
  EXPECT_EQ(class_of("small"), "STANDARD");
}

TEST_F(LifecycleTest, old_versions_change_their_class) {
  version_bucket(Versioning::enabled);
  for (const char* bytes : {"1", "2", "3"}) ASSERT_TRUE(put("a", bytes));
  set({{.id = "r",
        .old_moves = {{.term = days(1), .kept = 1, .to = "near", .from = {"STANDARD"}}}}});
  pass(days(2));
  std::vector<std::string> classes;
  EXPECT_TRUE(store_->read([&](store::Transaction& tx) -> Result<> {
    TRY(const VersionPage page, list_versions(tx, {.bucket = "box"}));
    for (const Object& each : page.versions) classes.push_back(each.storage_class);
    return {};
  }));
  EXPECT_THAT(classes, ElementsAre("STANDARD", "STANDARD", "near"));
}

TEST_F(LifecycleTest, many_objects_go_page_by_page) {
  constexpr int many = 3 * static_cast<int>(looked_at_per_step_max);
  for (int i = 0; i < many; ++i) ASSERT_TRUE(put(fmt::format("tmp/{:04}", i), ""));
  ASSERT_TRUE(put("a", ""));
  ASSERT_TRUE(put("z", ""));
  set({{.id = "r", .filter = {.prefix = "tmp/"}, .term = days(1)},
       {.id = "s", .filter = {.prefix = "z"}, .term = days(1)}});
  pass(days(1) + hours(2));
  EXPECT_THAT(keys(), ElementsAre("a"));
}

TEST_F(LifecycleTest, a_step_that_was_lost_is_taken_again_after_a_start) {
  ASSERT_TRUE(put("a", "1"));
  set({{.id = "r", .term = days(1)}});
  clock_.advance(days(2));
  engine::ReconcilerLoop again(*store_, clock_, changes_);
  Lifecycle fresh(
      {.objects = *objects_,
       .setting = std::string(the_setting),
       .read = [this](const std::string&) { return std::make_shared<const ExpiryRules>(rules_); },
       .loop = again});
  again.add(fresh);
  ASSERT_TRUE(again.wake_all());
  while (again.step() > 0) {
  }
  EXPECT_THAT(keys(), ElementsAre("a")) << "nothing goes before the clock has settled";
  for (int i = 0; i < 20; ++i) {
    clock_.advance(*again.next_due());
    again.step();
  }
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(LifecycleTest, a_key_may_have_more_versions_than_a_page) {
  version_bucket(Versioning::enabled);
  const auto put_many = [&](const std::string& key, std::size_t number) {
    for (std::size_t i = 0; i < number; ++i) ASSERT_TRUE(put(key, fmt::format("{}", i)));
  };
  put_many("a/1", 3);
  put_many("a/2", 2 * looked_at_per_step_max + 50);
  put_many("a/3", 3);
  put_many("b", 3);
  put_many("c/1", 3);
  set({{.id = "r",
        .filter = {.prefix = "a/"},
        .old_versions = OldVersions{.term = days(1), .kept = 2}},
       {.id = "s", .filter = {.prefix = "c"}, .old_versions = OldVersions{.term = days(1)}}});
  pass(days(2));
  const std::size_t last = 2 * looked_at_per_step_max + 49;
  const auto tag = [&](std::size_t number) { return tag_of(fmt::format("{}", number)); };
  EXPECT_THAT(versions(),
              ElementsAre(tag(2), tag(1), tag(0), tag(last), tag(last - 1), tag(last - 2), tag(2),
                          tag(1), tag(0), tag(2), tag(1), tag(0), tag(2)));
}

TEST_F(LifecycleTest, a_null_version_goes_for_the_marker_that_takes_its_name) {
  ASSERT_TRUE(put("a", "1"));
  version_bucket(Versioning::enabled);
  ASSERT_TRUE(put("a", "2"));
  version_bucket(Versioning::suspended);
  set({{.id = "r", .term = days(1), .old_versions = OldVersions{.term = days(1)}}});
  pass(days(2));
  EXPECT_THAT(versions(), ElementsAre("a marker", tag_of("2")));
}

TEST_F(LifecycleTest, nothing_goes_by_a_clock_that_was_just_set) {
  ASSERT_TRUE(put("a", "1"));
  set({{.id = "r", .term = days(30)}});
  clock_.set_civil_by(days(4'000));
  pass(hours(1));  // when it looks at the clock at the latest
  EXPECT_THAT(keys(), ElementsAre("a"));
  clock_.set_civil_by(-days(4'000));
  pass(days(29));
  EXPECT_THAT(keys(), ElementsAre("a"));
  pass(days(3));
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(LifecycleTest, rules_go_on_after_a_clock_was_years_ahead) {
  set({{.id = "r", .term = days(1)}});
  clock_.set_civil_by(days(4'000));
  pass(days(1));
  clock_.set_civil_by(-days(4'000));
  ASSERT_TRUE(put("a", "1"));
  pass(days(3));
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(LifecycleTest, a_marker_has_no_bytes) {
  version_bucket(Versioning::enabled);
  ASSERT_TRUE(put("a", "1"));
  ASSERT_TRUE(remove({"box", "a"}));
  ASSERT_TRUE(put("a", "2"));
  set({{.id = "r", .filter = {.smaller_than = 1}, .old_versions = OldVersions{.term = days(1)}}});
  pass(days(2));
  EXPECT_THAT(versions(), ElementsAre(tag_of("2"), tag_of("1")));
}

TEST(ExpiryTest, more_days_than_a_timestamp_has_are_never_over) {
  const Timestamp begin(std::chrono::seconds(1'700'000'000));
  Timestamp last = begin;
  for (const int number : {1, 100'000'000, 106'000'000, 107'000'000, 200'000'000, 2'147'483'647}) {
    EXPECT_GE(end_of(begin, days(number)), last) << number;
    last = end_of(begin, days(number));
  }
}

TEST(ExpiryTest, days_are_over_at_the_next_midnight) {
  using namespace std::chrono;
  const Timestamp begin = sys_days(2014y / January / 15) + hours(10) + minutes(30);
  EXPECT_EQ(end_of(begin, days(3)), sys_days(2014y / January / 19));
}

}  // namespace
}  // namespace slipway::objects

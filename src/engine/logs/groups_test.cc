#include "engine/logs/groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace slipway::logs {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string space = "000000000000/us-east-1";

class GroupsTest : public testing::Test {
 protected:
  GroupsTest() { start(); }

  // As a server does that was killed before.
  void start() {
    groups.reset();
    loop.reset();
    book = LogBook::open(folder / "logs").value();
    loop = std::make_unique<engine::ReconcilerLoop>(*store, clock, changes);
    groups = LogGroups::open(*store, {*book, *loop}).value();
    ASSERT_TRUE(loop->wake_all());
  }
  void run() {
    while (loop->step() > 0) {
    }
  }
  void pass(std::chrono::microseconds time) {
    clock.advance(time);
    run();
  }

  void print(const std::string& group, std::string_view message,
             const std::string& stream = "blue/i-1") {
    const StreamName name{space, group, stream};
    const Line line{message, book->cursor(name) + message.size() + 1};
    ASSERT_TRUE(book->append(name, clock.now(), {&line, 1}));
    clock.advance(1s);
  }
  template <typename Ask>
  auto change(Ask ask) {
    return store->write([&](store::Transaction& tx) { return ask(tx); });
  }
  Result<> create(const std::string& group) {
    return change([&](auto& tx) { return groups->create(tx, {space, group}, clock.now()); });
  }
  Result<> remove(const std::string& group) {
    return change([&](auto& tx) { return groups->remove(tx, {space, group}); });
  }
  Result<> retain(const std::string& group, std::optional<int> days) {
    return change([&](auto& tx) { return groups->set_retention(tx, {space, group}, days); });
  }
  Result<LogGroup> find(const std::string& group) {
    return store->read([&](auto& tx) { return groups->find(tx, {space, group}); });
  }
  std::vector<std::string> names(const GroupQuery& query = {}) {
    return store
        ->read([&](store::Transaction& tx) -> Result<std::vector<std::string>> {
          std::vector<std::string> out;
          for (const LogGroup& group : groups->list(tx, space, query)) out.push_back(group.name);
          return out;
        })
        .value();
  }
  std::uint64_t stored(const std::string& group) { return find(group).value().stored_bytes; }

  TestFolder folder;
  ManualClock clock;
  engine::Changes changes{clock};
  std::unique_ptr<store::Store> store =
      store::Store::open(folder / "state.db", migrations()).value();
  std::unique_ptr<LogBook> book;
  std::unique_ptr<engine::ReconcilerLoop> loop;
  std::unique_ptr<LogGroups> groups;
};

TEST_F(GroupsTest, AGroupIsThereOnceMadeOrPrintedInto) {
  EXPECT_EQ(find("made").error().kind, "no_such_group");
  ASSERT_TRUE(create("made"));
  print("printed", "x");
  for (const char* name : {"made", "printed"}) {
    EXPECT_TRUE(find(name));
    EXPECT_EQ(create(name).error().kind, "group_exists");
  }
  EXPECT_EQ(stored("made"), 0U);
  EXPECT_GT(stored("printed"), 0U);
  start();
  EXPECT_THAT(names(), ElementsAre("made", "printed"));
}

TEST_F(GroupsTest, BothKindsAreListedInOneOrderAndInPages) {
  for (const char* name : {"b", "d", "f"}) ASSERT_TRUE(create(name));
  for (const char* name : {"a", "d", "e", "g"}) print(name, "x");
  EXPECT_THAT(names(), ElementsAre("a", "b", "d", "e", "f", "g"));
  EXPECT_THAT(names({.groups_max = 3}), ElementsAre("a", "b", "d"));
  EXPECT_THAT(names({.after = "d", .groups_max = 2}), ElementsAre("e", "f"));
  EXPECT_THAT(names({.after = "cc"}), ElementsAre("d", "e", "f", "g"));
  EXPECT_THAT(names({.contains = "d"}), ElementsAre("d"));
  EXPECT_THAT(names({.contains = "D"}), IsEmpty());
  ASSERT_TRUE(create("dd"));
  print("da", "x");
  EXPECT_THAT(names({.prefix = "d"}), ElementsAre("d", "da", "dd"));
  EXPECT_THAT(names({.prefix = "d", .after = "d", .groups_max = 1}), ElementsAre("da"));
}

TEST_F(GroupsTest, AGroupThatSomebodyShapedStaysWithoutStreams) {
  print("g", "x");
  const Timestamp created = find("g").value().created;
  clock.advance(1h);
  ASSERT_TRUE(change([&](auto& tx) { return groups->keep(tx, {space, "g"}); }));
  book->remove({space, "g"}, book->next_stream());
  EXPECT_EQ(find("g").value().created, created);
}

TEST_F(GroupsTest, ARemovedGroupIsGoneWithStreamsAndTags) {
  print("g", "x");
  const auto tags_of_g = [&] {
    return change(
        [&](auto& tx) -> Result<tags::TagList> { return tags::list(tx, tagged({space, "g"})); });
  };
  ASSERT_TRUE(change([&](auto& tx) {
    const tags::TagList tags{{"a", "1"}};
    return tags::put(tx, tagged({space, "g"}), tags, {});
  }));
  EXPECT_EQ(tags_of_g()->size(), 1U);
  ASSERT_TRUE(remove("g"));
  EXPECT_FALSE(find("g"));
  EXPECT_THAT(tags_of_g().value(), IsEmpty());
  EXPECT_EQ(remove("g").error().kind, "no_such_group");
  run();
  start();
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(GroupsTest, WithinTheChangeThatRemovesItItIsGoneAndMayBeMadeAnew) {
  print("g", "x");
  ASSERT_TRUE(change([&](auto& tx) -> Result<> {
    TRY_DO(groups->remove(tx, {space, "g"}));
    EXPECT_FALSE(groups->find(tx, {space, "g"}));
    EXPECT_THAT(groups->list(tx, space, {}), IsEmpty());
    return groups->create(tx, {space, "g"}, clock.now());
  }));
  EXPECT_EQ(stored("g"), 0U);
  run();
  start();
  EXPECT_EQ(find("g").value().created, clock.now());
  EXPECT_TRUE(book->streams({space, "g"}, "").empty());
}

TEST_F(GroupsTest, AChangeThatIsTakenBackRemovesNothing) {
  print("g", "x");
  EXPECT_FALSE(change([&](auto& tx) -> Result<> {
    TRY_DO(groups->remove(tx, {space, "g"}));
    return fail(ErrorCode::internal, "no");
  }));
  run();
  EXPECT_GT(stored("g"), 0U);
  start();
  EXPECT_GT(stored("g"), 0U);
}

TEST_F(GroupsTest, KilledBeforeTheFilesAreDeletedItIsGoneAllTheSame) {
  print("g", "before");
  ASSERT_TRUE(remove("g"));
  start();  // nothing of the deletion was done
  EXPECT_FALSE(find("g"));
  print("g", "after");
  run();
  const auto events = book->read_after({space, "g", "blue/i-1"}, 0, {}, 10)->events;
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].message, "after");
  start();
  EXPECT_EQ(book->read_after({space, "g", "blue/i-1"}, 0, {}, 10)->events.size(), 1U);
}

TEST_F(GroupsTest, AStreamThatBeganWhileTheRemovalWasWrittenIsOfTheNewGroup) {
  print("g", "before");
  ASSERT_TRUE(change([&](auto& tx) -> Result<> {
    TRY_DO(groups->remove(tx, {space, "g"}));
    print("g", "meanwhile", "blue/i-2");
    return {};
  }));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(find("g"));
    ASSERT_EQ(book->streams({space, "g"}, "").size(), 1U);
    EXPECT_EQ(book->streams({space, "g"}, "")[0].name, "blue/i-2");
    start();
  }
}

TEST_F(GroupsTest, EventsPastTheirDaysAreDeleted) {
  ASSERT_TRUE(create("g"));
  print("g", "x");
  print("other", "x");
  ASSERT_TRUE(retain("g", 3));
  EXPECT_EQ(find("g")->kept_from(clock.now()), clock.now() - days(3));
  run();
  pass(days(2));
  EXPECT_GT(stored("g"), 0U);
  pass(days(1) + 1s);
  EXPECT_EQ(stored("g"), 0U);
  EXPECT_GT(stored("other"), 0U);
  ASSERT_TRUE(retain("g", std::nullopt));
  print("g", "x");
  pass(days(100));
  EXPECT_GT(stored("g"), 0U);
  EXPECT_FALSE(find("g")->kept_from(clock.now()));
}

TEST_F(GroupsTest, NothingIsDeletedByAClockThatWasJustSet) {
  print("g", "x");
  ASSERT_TRUE(retain("g", 1));
  pass(engine::clock_settles);
  clock.set_civil_by(days(10));
  pass(expiry_period);
  EXPECT_GT(stored("g"), 0U);
  clock.set_civil_by(-days(10));
  pass(expiry_period);
  pass(expiry_period);
  EXPECT_GT(stored("g"), 0U);
  pass(days(1));
  EXPECT_EQ(stored("g"), 0U);
}

}  // namespace
}  // namespace slipway::logs

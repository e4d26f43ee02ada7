#include "engine/logs/log_book.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/faulty_disk.h"
#include "base/random.h"
#include "base/test_folder.h"
#include "engine/logs/collector.h"
#include "engine/logs/record.h"
#include "engine/logs/test_log_book.h"
#include "place/simulated/simulated_place.h"

namespace slipway::logs {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

TEST_F(LogBookTest, WhatWasAppendedIsReadBackInOrderAndSurvivesARestart) {
  add(stream, "one");
  add(stream, "two \\ with\nline\rends");
  reopen();
  EXPECT_EQ(all(), (Messages{"one", "two \\ with\nline\rends"}));
  EXPECT_EQ(book->cursor(stream), 4 + 21U);
}

TEST_F(LogBookTest, ReadsOnWhereTheLastPageEnded) {
  for (int i = 0; i < 5; ++i) add(stream, std::to_string(i));
  const EventPage first = book->read_after(stream, 0, {}, 2).value();
  EXPECT_EQ(messages_of(first), (Messages{"0", "1"}));
  const EventPage second = book->read_after(stream, first.end, {}, 10).value();
  EXPECT_EQ(messages_of(second), (Messages{"2", "3", "4"}));
  const EventPage third = book->read_after(stream, second.end, {}, 10).value();
  EXPECT_TRUE(third.events.empty());
  EXPECT_EQ(third.end, second.end);
  add(stream, "5");
  EXPECT_EQ(messages_of(book->read_after(stream, third.end, {}, 10).value()), Messages{"5"});
}

TEST_F(LogBookTest, ReadsBackwardsFromTheEnd) {
  for (int i = 0; i < 5; ++i) add(stream, std::to_string(i));
  EXPECT_EQ(before(std::nullopt, 2), (Messages{"3", "4"}));
  EXPECT_EQ(before(oldest, 2), (Messages{"1", "2"}));
  EXPECT_EQ(before(oldest, 2), Messages{"0"});
  EXPECT_TRUE(before(oldest, 2).empty());
}

TEST_F(LogBookTest, ATimeRangeLeavesOutWhatIsOutsideIt) {
  const Timestamp start = clock.now();
  for (int i = 0; i < 5; ++i) add(stream, std::to_string(i));
  const TimeRange range{start + 1s, start + 3s};
  EXPECT_EQ(messages_of(book->read_after(stream, 0, range, 10).value()), (Messages{"1", "2"}));
}

TEST_F(LogBookTest, ARecordThatWasBeingWrittenWhenTheServerWasKilledIsCut) {
  add(stream, "whole");
  for (const auto& file : fs::recursive_directory_iterator(folder.path())) {
    if (file.path().extension() == ".log") std::ofstream(file.path(), std::ios::app) << "17 99 hal";
  }
  reopen();
  EXPECT_EQ(book->cursor(stream), 6U);
  add(stream, "next");
  EXPECT_EQ(all(), (Messages{"whole", "next"}));
}

TEST_F(LogBookTest, ALineThatIsThereAlreadyIsNotKeptTwice) {
  const Line line{"once", 5};
  ASSERT_TRUE(book->append(stream, clock.now(), {&line, 1}));
  ASSERT_TRUE(book->append(stream, clock.now(), {&line, 1}));
  EXPECT_EQ(all(), Messages{"once"});
}

TEST_F(LogBookTest, AStreamKeepsItsNewestSegmentsOnly) {
  limits.segments_per_stream = 4;
  reopen();
  const std::string message(60'000, 'x');
  for (int i = 0; i < 400; ++i) add(stream, message);
  const auto streams = book->streams(group, "");
  EXPECT_LE(streams.at(0).stored_bytes, limits.segments_per_stream * (segment_bytes_max + 70'000));
  EXPECT_EQ(streams.at(0).last_event, clock.now() - 1s);
  EXPECT_GT(streams.at(0).first_event, clock.now() - 400s);
  reopen();
  EXPECT_EQ(book->streams(group, "").at(0).first_event, streams.at(0).first_event);
}

TEST_F(LogBookTest, GroupsAndStreamsAreListedByNameAndSpace) {
  add(stream, "x");
  add({stream.space, stream.group, "blue/i-2"}, "x");
  add({stream.space, "/other", "s"}, "x");
  add({"111111111111/us-east-1", stream.group, "s"}, "x");
  const auto groups = book->groups(stream.space, "/aws/");
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].name, stream.group);
  EXPECT_EQ(book->groups(stream.space, "").size(), 2U);
  EXPECT_EQ(book->streams(group, "blue/").size(), 2U);
  EXPECT_EQ(book->streams(group, "green").size(), 0U);
}

TEST_F(LogBookTest, WhatDoesNotExistIsSaid) {
  EXPECT_TRUE(book->streams({"a", "b"}, "").empty());
  EXPECT_FALSE(book->group(group));
  EXPECT_EQ(book->read_after(stream, 0, {}, 1).error().kind, "no_such_stream");
  add(stream, "x");
  const StreamName other{stream.space, stream.group, "none"};
  EXPECT_EQ(book->read_after(other, 0, {}, 1).error().kind, "no_such_stream");
}

TEST_F(LogBookTest, NamesThatAreNoNamesAreRefused) {
  const Line line{"x", 1};
  for (const std::string& name : {std::string(), std::string("a\nb"), std::string(600, 'a')}) {
    EXPECT_FALSE(book->append({stream.space, name, "s"}, clock.now(), {&line, 1}));
  }
}

TEST_F(LogBookTest, WhatAnOlderVersionWroteIsReadAndGoesOn) {
  const fs::path old = folder.path() / "logs" / "0123456789abcdef0123456789abcdef";
  fs::create_directories(old);
  std::ofstream(old / "name") << stream.space << '\n'
                              << stream.group << '\n'
                              << stream.stream << "\n1700000000000000\n";
  std::ofstream(old / "00000003.log") << "1700000001000000 4 one\n1700000002000000 8 two\n";
  reopen();
  EXPECT_EQ(all(), (Messages{"one", "two"}));
  EXPECT_EQ(book->cursor(stream), 8U);
  add(stream, "three");
  reopen();
  EXPECT_EQ(all(), (Messages{"one", "two", "three"}));
  book->remove(group, book->next_stream());
  book->delete_removed(group);
  EXPECT_FALSE(fs::exists(old));
  reopen();
  EXPECT_EQ(book->cursor(stream), 8U + 6);
}

class RemovalTest : public LogBookTest {
 protected:
  RemovalTest() {
    add(stream, "one");
    add({stream.space, stream.group, "blue/i-2"}, "x");
    add({stream.space, stream.group + "b", "s"}, "x");
    cursor = book->cursor(stream);
  }
  void remove() { book->remove(group, book->next_stream()); }
  std::size_t directories() const {
    std::size_t count = 0;
    for (const auto& each : fs::directory_iterator(folder.path() / "logs"))
      count += fs::exists(each.path() / "name");
    return count;
  }

  std::uint64_t cursor = 0;
};

TEST_F(RemovalTest, ARemovedGroupIsGoneAndItsFilesFollow) {
  remove();
  EXPECT_FALSE(book->group(group));
  EXPECT_EQ(book->read_after(stream, 0, {}, 1).error().kind, "no_such_stream");
  EXPECT_TRUE(book->has_streams_before(group, book->next_stream()));
  book->delete_removed(group);
  EXPECT_FALSE(book->has_streams_before(group, book->next_stream()));
  EXPECT_EQ(directories(), 1U);
  reopen();
  EXPECT_FALSE(book->group(group));
  EXPECT_EQ(book->groups(stream.space, "").size(), 1U);
}

TEST_F(RemovalTest, WhatWasReadBeforeIsNotReadAgainAlsoAfterARestart) {
  remove();
  EXPECT_EQ(book->cursor(stream), cursor);
  book->delete_removed(group);
  EXPECT_EQ(book->cursor(stream), cursor);
  reopen();
  EXPECT_EQ(book->cursor(stream), cursor);
  const Line known{"one", cursor};
  ASSERT_TRUE(book->append(stream, clock.now(), {&known, 1}));
  EXPECT_FALSE(book->group(group));  // nothing of that is new
  add(stream, "two");
  EXPECT_EQ(all(), Messages{"two"});
  reopen();
  EXPECT_EQ(all(), Messages{"two"});
}

TEST_F(RemovalTest, WhoeverWritesOnMakesTheGroupAnewBeforeTheFilesAreGone) {
  const std::uint64_t before = book->next_stream();
  remove();
  add(stream, "two");
  EXPECT_EQ(all(), Messages{"two"});
  // Killed now: the store says again what was removed.
  reopen();
  book->remove(group, before);
  EXPECT_EQ(all(), Messages{"two"});
  EXPECT_EQ(book->streams(group, "").size(), 1U);
  book->delete_removed(group);
  EXPECT_EQ(all(), Messages{"two"});
  EXPECT_EQ(directories(), 2U);
}

TEST_F(RemovalTest, WhoReadsOnByPositionMissesNothingOfTheStreamThatFollows) {
  const Position first = book->read_after(stream, 0, {}, 10)->end;
  remove();
  add(stream, "two");
  const EventPage second = book->read_after(stream, first, {}, 10).value();
  EXPECT_EQ(messages_of(second), Messages{"two"});
  remove();
  book->delete_removed(group);
  reopen();
  add(stream, "three");
  EXPECT_EQ(messages_of(book->read_after(stream, second.end, {}, 10).value()), Messages{"three"});
}

TEST_F(RemovalTest, ANumberIsNotGivenAgainWhileTheStoreNamesIt) {
  const std::uint64_t before = book->next_stream();
  remove();
  book->delete_removed(group);
  reopen();
  book->remove(group, before);
  add(stream, "two");
  book->remove(group, before);
  EXPECT_EQ(all(), Messages{"two"});
}

TEST_F(RemovalTest, KilledAmidTheDeletionItKnowsWhatWasRead) {
  const fs::path logs = folder.path() / "logs";
  fs::copy(logs, folder.path() / "copy", fs::copy_options::recursive);
  remove();
  book->delete_removed(group);
  book.reset();
  // The name goes first: everything else may still be there.
  for (const auto& each : fs::directory_iterator(folder.path() / "copy")) {
    if (each.path().filename() == "bookmarks" || fs::exists(logs / each.path().filename()))
      continue;
    fs::remove(each.path() / "name");
    fs::copy(each.path(), logs / each.path().filename(), fs::copy_options::recursive);
  }
  reopen();
  EXPECT_EQ(directories(), 1U);
  EXPECT_EQ(book->cursor(stream), cursor);
}

TEST_F(LogBookTest, WhatIsTooOldGoesWithItsSegment) {
  const std::string message(60'000, 'x');
  for (int i = 0; i < 100; ++i) add(stream, message);  // a segment and a half
  const auto size = [&] { return book->group(group).value().stored_bytes; };
  const std::uint64_t before = size();
  book->expire(group, clock.now() - 99s);
  EXPECT_EQ(size(), before);
  book->expire(group, clock.now() - 10s);
  EXPECT_LT(size(), before / 2);
  EXPECT_EQ(book->streams(group, "").at(0).last_event, clock.now() - 1s);
}

TEST_F(LogBookTest, AStreamOfWhichEverythingIsTooOldStaysAndGoesOn) {
  add(stream, "one");
  const EventPage page = book->read_after(stream, 0, {}, 10).value();
  const std::uint64_t cursor = book->cursor(stream);
  const Timestamp created = book->streams(group, "").at(0).created;
  book->expire(group, clock.now());
  for (int i = 0; i < 2; ++i) {
    const StreamInfo info = book->streams(group, "").at(0);
    EXPECT_EQ(info.stored_bytes, 0U);
    EXPECT_EQ(info.created, created);
    EXPECT_FALSE(info.first_event || info.last_event);
    EXPECT_TRUE(all().empty());
    EXPECT_EQ(book->cursor(stream), cursor);
    reopen();
  }
  add(stream, "two");
  EXPECT_EQ(messages_of(book->read_after(stream, page.end, {}, 10).value()), Messages{"two"});
  EXPECT_EQ(all(), Messages{"two"});
}

TEST_F(LogBookTest, TheBookmarkOfTheOldestStreamGoesFirst) {
  Bookmarks bookmarks(folder.path() / "marks", kernel_disk());
  const auto name = [](std::size_t i) { return StreamName{"s", "g", std::to_string(i)}; };
  for (std::size_t i = 0; i <= bookmarks_max; ++i)
    bookmarks.put(name(i), {.cursor = i + 1, .segment = 1, .stream_number = i + 1});
  EXPECT_EQ(bookmarks.find(name(0)).cursor, 0U);
  EXPECT_EQ(bookmarks.find(name(1)).cursor, 2U);
  const Bookmarks again(folder.path() / "marks", kernel_disk());
  EXPECT_EQ(again.find(name(bookmarks_max)).cursor, bookmarks_max + 1);
  EXPECT_EQ(again.stream_number_max(), bookmarks_max + 1);
}

TEST_F(LogBookTest, APositionThatNobodyGaveIsNoHarm) {
  for (int i = 0; i < 5; ++i) add(stream, "message");
  for (Position position = 0; position < 200; ++position) {
    for (const Position at : {position, (Position{1} << 32) + position, ~position}) {
      for (const Event& event : book->read_after(stream, at, {}, 10)->events) {
        EXPECT_EQ(event.message, "message");
      }
      for (const std::string& each : before(EventPlace{clock.now(), stream.stream, at}, 10)) {
        EXPECT_EQ(each, "message");
      }
    }
  }
}

TEST_F(LogBookTest, ALargeAppendIsSplitOverSegments) {
  std::vector<std::string> texts(150, std::string(60'000, 'x'));
  std::vector<Line> lines;
  for (const std::string& text : texts) lines.push_back({text, (lines.size() + 1) * 60'001});
  ASSERT_TRUE(book->append(stream, clock.now(), lines));
  std::size_t count = 0;
  for (Position at = 0;;) {
    const EventPage page = book->read_after(stream, at, {}, 10'000).value();
    count += page.events.size();
    if (page.complete) break;
    at = page.end;
  }
  EXPECT_EQ(count, 150U);
}

TEST_F(LogBookTest, WhatWasHalfWrittenIsCutByItsChecksum) {
  add(stream, "whole");
  add(stream, "damaged");
  for (const auto& file : fs::recursive_directory_iterator(folder.path())) {
    if (file.path().extension() != ".log") continue;
    std::fstream out(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(file.file_size()) - 20);
    out.put('\0');
  }
  reopen();
  EXPECT_EQ(all(), Messages{"whole"});
  EXPECT_EQ(book->cursor(stream), 6U);
}

class CollectorTest : public LogBookTest {
 protected:
  using Follows = place::LogPart::Follows;

  void start_collector() { collector = std::make_unique<Collector>(*book, clock); }
  void print(std::string_view text) { printed += text; }
  // As a place offers what its instance printed.
  void offer(Follows follows = Follows::more_may) {
    const std::uint64_t from = collector->taken(labels);
    const auto part = std::string_view(printed).substr(from, part_bytes);
    if (!part.empty())
      collector->take(key, labels, {.text = part, .offset = from, .follows = follows});
  }

  const place::InstanceKey key{"fleet/a/1/blue/1"};
  const place::Labels labels{.service = "sagemaker",
                             .log_space = stream.space,
                             .log_group = stream.group,
                             .log_stream = stream.stream};
  std::string printed;
  std::size_t part_bytes = 256 * 1024;
  std::unique_ptr<Collector> collector;
};

TEST_F(CollectorTest, WhatARunningInstancePrintsIsKeptLineByLine) {
  start_collector();
  print("loading\n\nhalf a li");
  offer();
  EXPECT_EQ(all(), Messages{"loading"});
  print("ne\r\n");
  offer();
  EXPECT_EQ(all(), (Messages{"loading", "half a line"}));
}

TEST_F(CollectorTest, ItsLastWordsAreKeptAlsoWithoutALineEnd) {
  start_collector();
  print("cannot load the model");
  offer();
  EXPECT_EQ(collector->taken(labels), 0U);
  offer(Follows::nothing);
  EXPECT_EQ(all(), Messages{"cannot load the model"});
}

TEST_F(CollectorTest, AnAdoptedInstanceIsReadOnWhereTheFormerServerStopped) {
  start_collector();
  print("one\n");
  offer();
  collector.reset();
  reopen();
  print("two\n");
  start_collector();
  offer();
  EXPECT_EQ(all(), (Messages{"one", "two"}));
}

TEST_F(CollectorTest, ALineThatThePlaceGivesInTwoPartsIsOneEvent) {
  start_collector();
  part_bytes = 6;
  print("one\ntwo and a half\n");
  for (int i = 0; i < 3; ++i) offer();
  EXPECT_EQ(all(), Messages{"one"});
  EXPECT_EQ(collector->taken(labels), std::string_view("one\n").size());
  part_bytes = 18;
  offer();
  EXPECT_EQ(all(), (Messages{"one", "two and a half"}));
}

TEST_F(CollectorTest, AnEndlessLineBecomesSeveralEvents) {
  start_collector();
  print(std::string(3 * message_bytes_max + 10, 'x'));
  offer();
  EXPECT_EQ(all().size(), 3U);
}

TEST_F(CollectorTest, WhoeverReadsTheBookHasThePlaceOfferWhatWasPrintedByNow) {
  start_collector();
  SeededRandom random(1);
  place::SimulatedMachine machine(clock, random);
  place::SimulatedPlace place(machine, [](place::Observation) {}, collector.get());
  place.start(key, {.argv = {"/bin/model"}, .labels = labels});
  clock.advance(1s);
  machine.advance();
  machine.print(key, "ready\n");
  EXPECT_EQ(all().size(), 1U);
  collect(place);
  EXPECT_EQ(all(), (Messages{"simulated instance " + key.text, "ready"}));
}

TEST(RecordTest, WhatIsNoRecordIsNotRead) {
  for (const std::string_view line : {"", "x", "1", "1 2", "1 x m", "99999999999999999999 1 m"}) {
    EXPECT_FALSE(read_record(line)) << line;
  }
  EXPECT_EQ(read_record("1 2 ")->message, "");
}

// Appends as a collector does: what was refused again, after the last line that is kept.
void print(LogBook& book, const Messages& messages, std::size_t& refusals) {
  for (std::size_t rounds = 0; rounds < messages.size() + 3; ++rounds) {
    std::vector<Line> lines;
    for (std::size_t i = 0; i < messages.size(); ++i) lines.push_back({messages[i], i + 1});
    const auto kept = book.append(stream, Timestamp(1s), lines);
    if (kept) return;
    EXPECT_EQ(kept.error().code, ErrorCode::unavailable) << kept.error().message;
    ++refusals;
  }
}

TEST(LogBookOnAFailingDisk, LosesNoLineThatItCanWriteAgainAndGoesOnAfterAPowerCut) {
  const Messages messages{"one", std::string(60'000, '2'), "three", std::string(9'000, '4')};
  std::uint64_t steps = 1;
  for (std::uint64_t step = 0; step <= steps; ++step)
    for (const auto fault : {FaultyDisk::Fault::error, FaultyDisk::Fault::full}) {
      const TestFolder folder;
      fs::create_directories(folder / "graves");
      FaultyDisk disk(folder / "graves", {.seed = step + 1, .failing_step = step, .fault = fault});
      std::size_t refusals = 0;
      {
        const auto book = LogBook::open(folder / "logs", disk).value();
        print(*book, messages, refusals);
        EXPECT_EQ(messages_of(book->read_after(stream, 0, {}, 100).value()), messages);
        EXPECT_EQ(refusals, disk.failed().empty() || disk.failed() == "unlink name" ? 0U : 1U)
            << disk.failed();
      }
      disk.cut_power();
      const auto book = LogBook::open(folder / "logs").value();
      const Line line{"after", 1'000};
      EXPECT_TRUE(book->append(stream, Timestamp(1s), {&line, 1}));
      EXPECT_EQ(messages_of(book->read_after(stream, 0, {}, 100).value()).back(), "after");
      if (step == 0) steps = disk.steps();
    }
  EXPECT_GE(steps, 4U);
}

}  // namespace
}  // namespace slipway::logs

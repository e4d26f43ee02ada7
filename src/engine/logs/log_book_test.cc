#include "engine/logs/log_book.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/clock.h"
#include "base/faulty_disk.h"
#include "base/test_folder.h"
#include "engine/logs/collector.h"
#include "engine/logs/record.h"
#include "engine/logs/search.h"

namespace slipway::logs {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "slipway-logs-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

const StreamName stream{"000000000000/us-east-1", "/aws/sagemaker/Endpoints/a", "blue/i-1"};

std::vector<std::string> messages_of(const EventPage& page) {
  std::vector<std::string> messages;
  for (const Event& event : page.events) messages.push_back(event.message);
  return messages;
}

using Messages = std::vector<std::string>;

class LogBookTest : public testing::Test {
 protected:
  LogBookTest() { reopen(); }
  void reopen() { book = LogBook::open(folder.path() / "logs").value(); }
  void add(const StreamName& name, std::string_view message) {
    const Line line{message, book->cursor(name) + message.size() + 1};
    ASSERT_TRUE(book->append(name, clock.now(), {&line, 1}));
    clock.advance(1s);
  }
  Messages all() { return messages_of(book->read_after(stream, 0, {}, 10'000).value()); }

  Folder folder;
  ManualClock clock;
  std::unique_ptr<LogBook> book;
};

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
  const EventPage last = book->read_before(stream, std::nullopt, {}, 2).value();
  EXPECT_EQ(messages_of(last), (Messages{"3", "4"}));
  const EventPage before = book->read_before(stream, last.begin, {}, 2).value();
  EXPECT_EQ(messages_of(before), (Messages{"1", "2"}));
  const EventPage oldest = book->read_before(stream, before.begin, {}, 2).value();
  EXPECT_EQ(messages_of(oldest), Messages{"0"});
  EXPECT_TRUE(book->read_before(stream, oldest.begin, {}, 2).value().events.empty());
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
  const std::string message(60'000, 'x');
  for (int i = 0; i < 400; ++i) add(stream, message);
  const auto streams = book->streams(stream.space, stream.group, "").value();
  EXPECT_LE(streams.at(0).stored_bytes, segments_per_stream_max * (segment_bytes_max + 70'000));
  EXPECT_EQ(streams.at(0).last_event, clock.now() - 1s);
  EXPECT_GT(streams.at(0).first_event, clock.now() - 400s);
  reopen();
  EXPECT_EQ(book->streams(stream.space, stream.group, "").value().at(0).first_event,
            streams.at(0).first_event);
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
  EXPECT_EQ(book->streams(stream.space, stream.group, "blue/").value().size(), 2U);
  EXPECT_EQ(book->streams(stream.space, stream.group, "green").value().size(), 0U);
}

TEST_F(LogBookTest, WhatDoesNotExistIsSaid) {
  EXPECT_EQ(book->streams("a", "b", "").error().kind, "no_such_group");
  EXPECT_EQ(book->read_after(stream, 0, {}, 1).error().kind, "no_such_group");
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

class SearchTest : public LogBookTest {
 protected:
  SearchTest() {
    for (int i = 0; i < 6; ++i) {
      const StreamName name{stream.space, stream.group, i % 2 == 0 ? "a" : "b"};
      add(name, std::to_string(i));
    }
  }
  // All pages, one after the other.
  Messages pages(Search what) {
    Messages all;
    for (;;) {
      const Found found = search(*book, what).value();
      for (const FoundEvent& each : found.events) all.push_back(each.event.message);
      if (found.complete) return all;
      what.after = found.events.back().place();
    }
  }
  Search all_streams(std::size_t events_max) {
    Search what;
    what.space = stream.space;
    what.group = stream.group;
    what.events_max = events_max;
    return what;
  }
};

TEST_F(SearchTest, StreamsAreReadAsOneInTheOrderOfTime) {
  for (const std::size_t page : {1U, 2U, 3U, 100U}) {
    EXPECT_EQ(pages(all_streams(page)), (Messages{"0", "1", "2", "3", "4", "5"})) << page;
  }
}

TEST_F(SearchTest, TheNewestMayComeFirst) {
  for (const std::size_t page : {1U, 2U, 4U}) {
    Search what = all_streams(page);
    what.order = Order::newest_first;
    EXPECT_EQ(pages(what), (Messages{"5", "4", "3", "2", "1", "0"})) << page;
  }
}

TEST_F(SearchTest, ManyLinesOfOneInstantAreAllFound) {
  std::vector<Line> lines;
  for (std::uint64_t i = 1; i <= 25; ++i) lines.push_back({"same", 100 + i});
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(book->append({stream.space, stream.group, name}, clock.now(), lines));
  }
  for (const std::size_t page : {1U, 7U, 30U}) {
    Search what = all_streams(page);
    EXPECT_EQ(pages(what).size(), 81U) << page;
    what.order = Order::newest_first;
    EXPECT_EQ(pages(what).size(), 81U) << page;
  }
}

TEST_F(SearchTest, LargePagesAreCutWithoutLosingAnything) {
  const std::string large(60'000, 'x');
  for (int i = 0; i < 60; ++i) {
    add({stream.space, stream.group, i % 3 == 0 ? "a" : "b"}, large);
  }
  EXPECT_EQ(pages(all_streams(10'000)).size(), 66U);
}

TEST_F(SearchTest, StreamsAreChosenByNameOrPrefix) {
  Search what = all_streams(10);
  what.prefix = "b";
  EXPECT_EQ(pages(what), (Messages{"1", "3", "5"}));
  what.prefix = "";
  what.streams = {"a", "none"};
  EXPECT_EQ(pages(what), (Messages{"0", "2", "4"}));
  what.group = "none";
  EXPECT_EQ(search(*book, what).error().kind, "no_such_group");
}

TEST_F(LogBookTest, APositionThatNobodyGaveIsNoHarm) {
  for (int i = 0; i < 5; ++i) add(stream, "message");
  for (Position position = 0; position < 200; ++position) {
    for (const Position at : {position, (Position{1} << 32) + position, ~position}) {
      for (const Event& event : book->read_after(stream, at, {}, 10)->events) {
        EXPECT_EQ(event.message, "message");
      }
      for (const Event& event : book->read_before(stream, at, {}, 10)->events) {
        EXPECT_EQ(event.message, "message");
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

// A place whose instances print what the test says.
class PrintingPlace final : public place::Place {
 public:
  place::Capabilities capabilities() const override { return {}; }
  void start(const place::InstanceKey&, const place::InstanceSpec&) override {}
  void stop(const place::InstanceKey&, std::chrono::milliseconds) override {}
  void forget(const place::InstanceKey& key) override {
    const std::scoped_lock lock(mutex);
    forgotten.push_back(key.text);
    printed.erase(key);
  }
  void adopt() override {}
  std::string log_tail(const place::InstanceKey&, std::size_t) const override { return ""; }
  Result<place::LogPart> read_log(const place::InstanceKey& key,
                                  std::uint64_t offset) const override {
    const std::scoped_lock lock(mutex);
    const auto found = printed.find(key);
    if (found == printed.end()) return fail(ErrorCode::not_found, "no such key");
    const std::string text =
        found->second.substr(std::min<std::size_t>(offset, found->second.size()), part_bytes);
    return place::LogPart{text, offset + text.size()};
  }
  void print(const place::InstanceKey& key, std::string_view text) {
    const std::scoped_lock lock(mutex);
    printed[key] += text;
  }

  std::size_t part_bytes = place::log_read_bytes_max;
  mutable std::mutex mutex;
  std::map<place::InstanceKey, std::string> printed;
  std::vector<std::string> forgotten;
};

class CollectorTest : public LogBookTest {
 protected:
  void start_collector() {
    collector = std::make_unique<Collector>(
        *book, place, clock, [](const place::InstanceKey&) { return std::optional(stream); });
  }
  void observe(place::Observation::Kind kind) { collector->observe({.kind = kind, .key = key}); }

  const place::InstanceKey key{"fleet/a/1/blue/1"};
  PrintingPlace place;
  std::unique_ptr<Collector> collector;
};

using Kind = place::Observation::Kind;

TEST_F(CollectorTest, WhatARunningInstancePrintsIsThereWhenSomeoneReads) {
  start_collector();
  observe(Kind::started);
  place.print(key, "loading\n\nhalf a li");
  collector->collect(stream.space, stream.group);
  EXPECT_EQ(all(), Messages{"loading"});
  place.print(key, "ne\r\n");
  collector->collect(stream.space, stream.group);
  EXPECT_EQ(all(), (Messages{"loading", "half a line"}));
}

TEST_F(CollectorTest, ItsLastWordsAreKeptBeforeItIsForgotten) {
  start_collector();
  collector->start();
  observe(Kind::started);
  place.print(key, "cannot load the model");
  CollectedPlace collected(place, *collector);
  observe(Kind::exited);
  collected.forget(key);
  collector->stop();
  EXPECT_EQ(place.forgotten, Messages{key.text});
  EXPECT_EQ(all(), Messages{"cannot load the model"});
}

TEST_F(CollectorTest, AnAdoptedInstanceIsReadOnWhereTheFormerServerStopped) {
  start_collector();
  observe(Kind::started);
  place.print(key, "one\n");
  collector->collect(stream.space, stream.group);
  collector.reset();
  reopen();
  place.print(key, "two\n");
  start_collector();
  observe(Kind::adopted);
  collector->collect(stream.space, stream.group);
  EXPECT_EQ(all(), (Messages{"one", "two"}));
}

TEST_F(CollectorTest, ALineThatThePlaceGivesInTwoPartsIsOneEvent) {
  start_collector();
  observe(Kind::started);
  place.part_bytes = 3;
  place.print(key, "one\ntwo and a half\n");
  for (int i = 0; i < 3; ++i) collector->collect(stream.space, stream.group);
  EXPECT_EQ(all().front(), "one");
  EXPECT_EQ(book->cursor(stream), 0U + std::string_view("one\n").size());
  place.part_bytes = 9;
  collector->collect(stream.space, stream.group);
  EXPECT_EQ(all(), (Messages{"one", "two and a half"}));
}

TEST_F(CollectorTest, AnEndlessLineBecomesSeveralEvents) {
  start_collector();
  observe(Kind::started);
  place.print(key, std::string(3 * message_bytes_max + 10, 'x'));
  collector->collect(stream.space, stream.group);
  EXPECT_EQ(all().size(), 3U);
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

#include <gtest/gtest.h>

#include "base/faulty_disk.h"
#include "base/test_folder.h"
#include "engine/logs/test_log_book.h"

namespace slipway::logs {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class PutTest : public LogBookTest {
 protected:
  PutTest() { EXPECT_TRUE(book->create(stream, clock.now())); }
  Result<> put(std::chrono::seconds ago, std::string_view message) {
    const TimedMessage each{clock.now() - ago, message};
    return book->put(stream, clock.now(), {&each, 1});
  }
  Messages by_time() {
    Messages messages;
    const Search what{.space = stream.space, .group = stream.group};
    for (const FoundEvent& each : search(*book, what)->events)
      messages.push_back(each.event.message);
    return messages;
  }
};

TEST_F(PutTest, WhatIsPutIsReadInTheOrderOfTimeAndKnowsWhenItCame) {
  clock.advance(100s);
  ASSERT_TRUE(put(10s, "b\nsecond line"));
  ASSERT_TRUE(put(20s, "a"));
  ASSERT_TRUE(put(0s, "c"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(by_time(), (Messages{"a", "b\nsecond line", "c"}));
    EXPECT_EQ(all(), (Messages{"b\nsecond line", "a", "c"}));
    EXPECT_EQ(before(std::nullopt, 2), (Messages{"b\nsecond line", "c"}));
    EXPECT_EQ(book->read_after(stream, 0, {}, 1)->events.at(0).ingested, clock.now());
    const StreamInfo info = book->streams(group, "").at(0);
    EXPECT_EQ(info.first_event, clock.now() - 20s);
    EXPECT_EQ(info.last_event, clock.now());
    EXPECT_EQ(info.last_ingested, clock.now());
    reopen();
  }
}

TEST_F(PutTest, AStreamIsMadeOnceAndGoesByItsName) {
  EXPECT_EQ(book->create(stream, clock.now()).error().kind, "stream_exists");
  EXPECT_EQ(book->streams(group, "").size(), 1U);
  ASSERT_TRUE(put(0s, "x"));
  ASSERT_TRUE(book->remove(stream));
  EXPECT_EQ(book->remove(stream).error().kind, "no_such_stream");
  EXPECT_EQ(put(0s, "x").error().kind, "no_such_stream");
  reopen();
  EXPECT_FALSE(book->group(group));
  EXPECT_TRUE(book->create(stream, clock.now()));
  EXPECT_TRUE(by_time().empty());
}

TEST(LogBookOnAFailingDisk, KeepsWhatItSaidIsKeptOverAPowerCut) {
  std::uint64_t steps = 1;
  for (std::uint64_t step = 0; step <= steps; ++step) {
    const TestFolder folder;
    fs::create_directories(folder / "graves");
    FaultyDisk disk(folder / "graves",
                    {.seed = step + 1, .failing_step = step, .fault = FaultyDisk::Fault::error});
    Messages kept;
    {
      const auto book = LogBook::open(folder / "logs", disk).value();
      if (book->create(stream, Timestamp(1s))) {
        for (const char* text : {"one", "two", "three"}) {
          const TimedMessage each{Timestamp(1s), text};
          if (book->put(stream, Timestamp(2s), {&each, 1})) kept.emplace_back(text);
        }
        EXPECT_GE(kept.size(), 2U) << disk.failed();
      }
    }
    disk.cut_power();
    if (step == 0) steps = disk.steps();
    const auto book = LogBook::open(folder / "logs").value();
    const auto page = book->read_after(stream, 0, {}, 100);
    if (kept.empty()) continue;
    ASSERT_TRUE(page) << disk.failed();
    const Messages there = messages_of(*page);
    for (const std::string& each : kept)
      EXPECT_TRUE(std::ranges::find(there, each) != there.end())
          << each << " after " << disk.failed();
  }
  EXPECT_GE(steps, 8U);
}

}  // namespace
}  // namespace slipway::logs

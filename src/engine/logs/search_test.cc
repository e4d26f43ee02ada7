#include "engine/logs/search.h"

#include <gtest/gtest.h>

#include "engine/logs/test_log_book.h"

namespace slipway::logs {
namespace {

using namespace std::chrono_literals;

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
    what.order = EventOrder::newest_first;
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
    what.order = EventOrder::newest_first;
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
  what.streams = {};
  EXPECT_TRUE(pages(what).empty());
}

}  // namespace
}  // namespace slipway::logs

#include "engine/logs/packed_segment.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/logs/test_log_book.h"

namespace slipway::logs {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class PackedTest : public LogBookTest {
 protected:
  static constexpr int count = 60'000;  // of some 130 bytes: two segments

  static std::string text(int i) {
    return fmt::format(
        "line {} of a log that an instance printed, as long as such lines are: "
        "request=GET /ping status=200 user-agent=probe",
        i);
  }
  void fill() {
    std::vector<std::string> texts;
    for (int i = 0; i < count; ++i) texts.push_back(text(i));
    for (int from = 0; from < count; from += 1'000) {
      std::vector<Line> lines;
      for (int i = from; i < from + 1'000; ++i)
        lines.push_back({texts[static_cast<std::size_t>(i)], static_cast<std::uint64_t>(i) + 1});
      ASSERT_TRUE(book->append(stream, clock.now(), lines));
      clock.advance(1s);
    }
  }
  std::vector<fs::path> packed_files() const {
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(folder.path()))
      if (file.path().extension() == ".packed") files.push_back(file.path());
    return files;
  }
  Messages find(std::string needle) {
    Search what{.space = stream.space, .group = stream.group};
    what.filter = {.matches = [&](std::string_view message) { return message.contains(needle); },
                   .needles = {{needle}}};
    Messages messages;
    for (;;) {
      const Found found = search(*book, what).value();
      for (const FoundEvent& each : found.events) messages.push_back(each.event.message);
      if (found.complete) return messages;
      what.after = found.last;
    }
  }
};

TEST_F(PackedTest, FullSegmentsArePackedAndReadAsBefore) {
  fill();
  ASSERT_FALSE(packed_files().empty());
  EXPECT_LT(fs::file_size(packed_files().front()), segment_bytes_max / 4);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(find("line 7 of"), Messages{text(7)});
    EXPECT_EQ(find("line 59999 of"), Messages{text(59'999)});
    EXPECT_EQ(find("status=200").size(), static_cast<std::size_t>(count));
    EXPECT_TRUE(find("status=500").empty());
    EXPECT_EQ(book->cursor(stream), static_cast<std::uint64_t>(count));
    reopen();
  }
  std::size_t seen = 0;
  for (Position at = 0;;) {
    const EventPage page = book->read_after(stream, at, {}, 10'000).value();
    for (const Event& event : page.events) ASSERT_EQ(event.message, text(static_cast<int>(seen++)));
    if (page.complete) break;
    at = page.end;
  }
  EXPECT_EQ(seen, static_cast<std::size_t>(count));
}

TEST_F(PackedTest, APackedSegmentThatIsDamagedIsNoHarm) {
  fill();
  const fs::path file = packed_files().front();
  const auto size = fs::file_size(file);
  std::string bytes(size, '\0');
  std::ifstream(file, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(size));
  for (const std::size_t at : {std::size_t{100}, size / 2, size - 90, size - 20}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
    reopen();
    EXPECT_LT(find("status=200").size(), static_cast<std::size_t>(count));
    EXPECT_EQ(find("line 59999 of").size(), 1U);
  }
}

TEST_F(PackedTest, OfTwoFormsOfOneSegmentThePackedOneCounts) {
  fill();
  const fs::path packed = packed_files().front();
  fs::path text_file = packed;
  text_file.replace_extension(".log");
  std::ofstream(text_file) << "half";
  reopen();
  EXPECT_FALSE(fs::exists(text_file));
  EXPECT_EQ(find("status=200").size(), static_cast<std::size_t>(count));
}

TEST_F(PackedTest, APageEndsWhereItHasReadEnough) {
  fill();
  Search what{.space = stream.space, .group = stream.group, .bytes_max = 600'000};
  what.filter.matches = [](std::string_view message) { return message.starts_with("line 59999 "); };
  for (const auto order : {EventOrder::oldest_first, EventOrder::newest_first}) {
    what.order = order;
    what.after.reset();
    std::size_t pages = 0;
    std::size_t found_events = 0;
    for (;; ++pages) {
      const Found found = search(*book, what).value();
      found_events += found.events.size();
      if (found.complete) break;
      what.after = found.last;
    }
    EXPECT_EQ(found_events, 1U);
    EXPECT_GT(pages, 5U);
  }
}

TEST_F(PackedTest, WhatTheBookCannotHoldGoesOldestFirst) {
  limits.file_bytes = 8 << 20;
  reopen();
  fill();
  const std::string message(60'000, 'y');
  for (const char* name : {"a", "b", "c"})
    for (int i = 0; i < 60; ++i) add({stream.space, stream.group, name}, message);
  std::uint64_t bytes = 0;
  for (const auto& file : fs::recursive_directory_iterator(folder.path()))
    if (file.is_regular_file()) bytes += file.file_size();
  EXPECT_LT(bytes, limits.file_bytes + 2 * segment_bytes_max);
  EXPECT_TRUE(find("line 7 of").empty());
  EXPECT_EQ(book->streams(group, "c").at(0).last_event, clock.now() - 1s);
}

}  // namespace
}  // namespace slipway::logs

// For the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/logs/log_book.h"
#include "engine/logs/search.h"

namespace slipway::logs {

// A folder that goes with its test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-logs-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline const StreamName stream{"000000000000/us-east-1", "/aws/sagemaker/Endpoints/a", "blue/i-1"};
inline const GroupName group{stream.space, stream.group};

inline std::vector<std::string> messages_of(const EventPage& page) {
  std::vector<std::string> messages;
  for (const Event& event : page.events) messages.push_back(event.message);
  return messages;
}

using Messages = std::vector<std::string>;

// A book in a folder of its own, under a clock that is set.
class LogBookTest : public testing::Test {
 protected:
  LogBookTest() { reopen(); }
  void reopen() { book = LogBook::open(folder.path() / "logs", kernel_disk(), limits).value(); }
  void add(const StreamName& name, std::string_view message) {
    const Line line{message, book->cursor(name) + message.size() + 1};
    ASSERT_TRUE(book->append(name, clock.now(), {&line, 1}));
    clock.advance(std::chrono::seconds(1));
  }
  Messages all() { return messages_of(book->read_after(stream, 0, {}, 10'000).value()); }

  // The last events of the stream before a place, oldest first.
  Messages before(std::optional<EventPlace> place, std::size_t events_max) {
    Search what{.space = stream.space,
                .group = stream.group,
                .streams = {stream.stream},
                .order = EventOrder::newest_first,
                .after = std::move(place),
                .events_max = events_max};
    Found found = search(*book, what).value();
    oldest = found.events.empty() ? std::nullopt : std::optional(found.events.back().place());
    std::ranges::reverse(found.events);
    Messages messages;
    for (const FoundEvent& each : found.events) messages.push_back(each.event.message);
    return messages;
  }

  Folder folder;
  ManualClock clock;
  BookLimits limits;
  std::unique_ptr<LogBook> book;
  std::optional<EventPlace> oldest;  // of what before() gave last
};

}  // namespace slipway::logs

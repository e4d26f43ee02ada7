// What engines answer, read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "place/docker/container_log.h"
#include "place/docker/engine_documents.h"
#include "place/docker/image_source.h"
#include "place/docker/json_lines.h"
#include "place/docker/log_frames.h"

namespace slipway::place {
namespace {

std::string frame(char stream, std::string_view text) {
  std::string bytes{stream, '\0', '\0', '\0', '\0', '\0', '\0', static_cast<char>(text.size())};
  return bytes + std::string(text);
}

TEST(LogFrames, a_stream_is_taken_apart_wherever_it_was_cut) {
  const std::string whole = frame(1, "one\n") + frame(2, "two\n") + frame(1, "");
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    LogFrames frames;
    std::string seen;
    const auto take = [&](const LogFrame& each) {
      seen += each.stream == LogFrame::Stream::errors ? "E:" : "O:";
      seen += each.text;
    };
    ASSERT_TRUE(frames.feed(std::string_view(whole).substr(0, cut), take));
    ASSERT_TRUE(frames.feed(std::string_view(whole).substr(cut), take));
    EXPECT_EQ(seen, "O:one\nE:two\nO:");
  }
}

TEST(LogFrames, what_is_no_frame_is_refused) {
  for (const std::string& bytes : {std::string("plain text"), std::string("\1\0\0\1\0\0\0\0", 8),
                                   std::string("\1\0\0\0\xff\0\0\0", 8)}) {
    LogFrames frames;
    EXPECT_FALSE(frames.feed(bytes, [](const LogFrame&) {}));
  }
}

TEST(EngineTime, both_engines_times_are_read) {
  EXPECT_EQ(engine_time("1970-01-01T00:00:01Z"), 1'000'000'000);
  EXPECT_EQ(engine_time("1970-01-01T00:00:01.5Z"), 1'500'000'000);
  EXPECT_EQ(engine_time("1970-01-01T02:00:01.000000007+02:00"), 1'000'000'007);
  for (const char* none : {"", "x", "1970-01-01T00:00:01", "1970-13-01T00:00:01Z",
                           "1970-01-01T00:00:01.Z", "1970-01-01T00:00:01.1234567890Z"})
    EXPECT_EQ(engine_time(none), std::nullopt) << none;
}

// Takes all, and says that it has taken so much before.
class Taker final : public LogSink {
 public:
  std::uint64_t taken(const Labels&) override { return text.size(); }
  std::uint64_t take(const InstanceKey&, const Labels&, const LogPart& part) override {
    EXPECT_EQ(part.offset, text.size());
    text += part.text;
    return text.size();
  }
  std::string text;
};

// A stream that begins anew within the second that was read last brings that second's text again,
// with times in nanoseconds or in seconds; what the sink took and the notes do not know yet, too.
TEST(ContainerLog, what_was_read_before_a_restart_is_passed_over) {
  for (const char* fraction : {"", ".25"}) {
    const std::string time = std::string("2026-12-01T03:35:00") + fraction + "Z ";
    const std::string first = frame(1, time + "one\n") + frame(2, time + "err\n");
    const std::string later = first + frame(1, time + "two\n") + frame(1, time + "three\n");
    Taker taker;
    const Labels labels{.log_group = "g"};
    ContainerLog before(&taker, {"k"}, labels, {});
    ASSERT_TRUE(before.feed(first));
    before.offer(LogPart::Follows::more_may);
    const LogMarks noted = before.marks();
    ASSERT_TRUE(before.feed(frame(1, time + "two\n")));
    before.offer(LogPart::Follows::more_may);  // and the server is killed before it notes that

    ContainerLog after(&taker, {"k"}, labels, noted);
    EXPECT_EQ(after.since(), 1'796'096'100);
    after.restart();
    ASSERT_TRUE(after.feed(later));
    after.offer(LogPart::Follows::nothing);
    EXPECT_EQ(taker.text, "one\nerr\ntwo\nthree\n");
    EXPECT_TRUE(after.tail().ends_with("two\nthree\n"));
  }
}

TEST(PullProgress, it_adds_layers_up_and_keeps_the_failure) {
  JsonLines lines;
  PullProgress pull;
  const auto take = [&](const boost::json::object& document) { pull.take(document); };
  EXPECT_EQ(pull.sentence(), "");
  ASSERT_TRUE(
      lines.feed("{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1048576,", take));
  ASSERT_TRUE(lines.feed("\"total\":4194304},\"id\":\"a\"}\r\n\x1e{\"status\":\"x\"}\n", take));
  EXPECT_EQ(pull.sentence(), "1 of 4 MiB in 1 layers");
  EXPECT_FALSE(pull.failure());
  ASSERT_TRUE(lines.feed("{\"errorDetail\":{\"message\":\"denied\"},\"error\":\"older\"}\n", take));
  EXPECT_EQ(pull.failure(), "denied");
  EXPECT_FALSE(lines.feed("[1]\n", take));
}

TEST(ImageName, a_port_is_no_tag) {
  const auto both = [](const char* image) {
    const ImageName name = image_name(image);
    return name.name + " " + name.tag;
  };
  EXPECT_EQ(both("127.0.0.1:4566/a/b"), "127.0.0.1:4566/a/b latest");
  EXPECT_EQ(both("127.0.0.1:4566/a/b:2"), "127.0.0.1:4566/a/b 2");
  EXPECT_EQ(both("a@sha256:00"), "a sha256:00");
}

TEST(ContainerState, podmans_words_and_dockers_are_read) {
  const ContainerNames names{.owner = "o"};
  const auto status = [&](const char* word) {
    const auto state = state_of({{"State", {{"Status", word}, {"ExitCode", 137}}}}, names);
    return state ? std::optional(state->status) : std::nullopt;
  };
  using Status = ContainerState::Status;
  EXPECT_EQ(status("created"), Status::created);
  EXPECT_EQ(status("initialized"), Status::created);
  EXPECT_EQ(status("running"), Status::running);
  EXPECT_EQ(status("paused"), Status::running);
  EXPECT_EQ(status("exited"), Status::ended);
  EXPECT_FALSE(state_of({{"State", nullptr}}, names));
  EXPECT_EQ(exit_of({.exit_code = 137}).signal, 9);
  EXPECT_EQ(exit_of({.exit_code = 3}).status, 3);
}

TEST(EngineMachine, ports_are_published_where_containers_are_not_reached) {
  EXPECT_FALSE(machine_of({{"Architecture", "x86_64"}}).publishes_ports);
  EXPECT_TRUE(machine_of({{"SecurityOptions", {"name=rootless"}}, {"NCPU", 4}}).publishes_ports);
  EXPECT_EQ(machine_of({{"Architecture", "aarch64"}}).architecture, "arm64");
}

}  // namespace
}  // namespace slipway::place

// Streamed answers and bodies in files, over HTTP and over the framed link.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "engine/routing/router_fixture.h"

namespace slipway::routing {
namespace {

using namespace std::chrono_literals;

// What became of a streamed exchange. Router loop's thread, but for `end`.
struct Seen {
  std::string begun;  // the content type
  int begins = 0;
  std::string bytes;
  std::uint64_t count = 0;
  std::size_t parts = 0;
  std::string end;  // "ended", "answered 400 ...", or the failure's name
  bool destroyed = false;
};

class Streamed final : public Invocation {
 public:
  Streamed(Seen& seen, std::string body, std::function<void(Streamed&)> on_part = {})
      : body_(std::move(body)), seen_(seen), on_part_(std::move(on_part)) {
    request = {.fleet = fleet, .body = body_, .answer_mode = AnswerMode::streamed};
  }
  ~Streamed() override { seen_.destroyed = true; }
  void begun(const InvokeAnswer& head) override {
    ++seen_.begins;
    seen_.begun = head.content_type;
    EXPECT_EQ(head.variant, "main");
    EXPECT_TRUE(head.body.empty());
  }
  void part(std::string_view bytes) override {
    ++seen_.parts;
    seen_.count += bytes.size();
    if (seen_.bytes.size() < 1'000'000) seen_.bytes += bytes;
    if (on_part_) on_part_(*this);
  }
  void ended() override { seen_.end = "ended"; }
  void answered(const InvokeAnswer& answer) override {
    seen_.end = "answered " + std::to_string(answer.status) + " " + std::string(answer.body);
  }
  void failed(InvokeFailure failure, std::string_view, std::string_view) override {
    seen_.end = name_of(failure);
  }

 private:
  const std::string body_;
  Seen& seen_;
  std::function<void(Streamed&)> on_part_;
};

class RouterStreamTest : public RouterTest {
 protected:
  using OnPart = std::function<void(Streamed&)>;
  Streamed* start(std::string body, OnPart on_part = {}, std::chrono::milliseconds limit = 0ms) {
    Streamed* raw = nullptr;
    router_loop_.run_and_wait([&] {
      auto invocation = std::make_unique<Streamed>(seen_, std::move(body), std::move(on_part));
      invocation->request.time_limit = limit;
      raw = invocation.get();
      router_->invoke(std::move(invocation));
    });
    return raw;
  }
  // What was seen when `until` holds, at most ten seconds later.
  Seen wait(const std::function<bool(const Seen&)>& until) {
    Seen copy;
    for (int i = 0; i < 2000; ++i) {
      router_loop_.run_and_wait([&] { copy = seen_; });
      if (until(copy)) return copy;
      std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "it did not come to that: '" << copy.end << "' after " << copy.count;
    return copy;
  }
  Seen wait_end() {
    return wait([](const Seen& seen) { return !seen.end.empty() && seen.destroyed; });
  }
  void serve(Ways ways) {
    publish({{.name = "main", .weight = 1, .instances = {add_instance("a", ways)}}});
  }
  template <typename Condition>
  void eventually(Condition condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(condition());
  }

  Seen seen_;
};

// The same over the framed link and over HTTP.
class RouterStreamWays : public RouterStreamTest,
                         public testing::WithParamInterface<RouterTest::Ways> {};
INSTANTIATE_TEST_SUITE_P(Both, RouterStreamWays,
                         testing::Values(RouterTest::Ways::both, RouterTest::Ways::http_only));

TEST_P(RouterStreamWays, AStreamedAnswerComesInPartsWithItsHeadFirst) {
  serve(GetParam());
  start("stream:1000");
  const Seen seen = wait_end();
  EXPECT_EQ(seen.end, "ended");
  EXPECT_EQ(seen.begins, 1);
  EXPECT_EQ(seen.begun, "text/event-stream");
  EXPECT_EQ(seen.bytes, std::string(100'000, 'p'));
  EXPECT_GT(seen.parts, 1U);
  EXPECT_EQ(router_->counters().at(0).invocations, 1U);
}

TEST_P(RouterStreamWays, AStreamOfAnElasticVariantIsHeldToTheVariantsLimits) {
  static const SystemClock clock;
  const Elastic limits{.concurrency_max = 1, .requests_per_instance = 1, .body_bytes_max = 1000};
  const auto limiter = std::make_shared<ConcurrencyLimiter>(
      clock, ConcurrencyLimiter::Hooks{.demand = [] {}, .freed = [] {}});
  publish({{.name = "main",
            .weight = 1,
            .serving = ElasticRoute{.limits = limits, .request_timeout = 500ms, .limiter = limiter},
            .instances = {add_instance("a", GetParam())}}},
          500ms);
  const auto end_of = [this](const char* body) {
    router_loop_.run_and_wait([this] { seen_ = {}; });
    start(body, {}, 8min);
    return wait_end();
  };
  EXPECT_EQ(end_of("stream:10").end, "ended");
  const Seen cut = end_of("stream:1000");
  EXPECT_EQ(cut.end, "too_large");
  EXPECT_LE(cut.count, 1000U);
  EXPECT_EQ(end_of("stream:10").end, "ended") << "its permit was given back";
  EXPECT_EQ(end_of("silent").end, "timeout");
}

TEST_F(RouterStreamTest, AStreamOverTheLinkPassesItsWindowManyTimes) {
  serve(Ways::both);
  start("stream:100000");
  const Seen seen = wait_end();
  EXPECT_EQ(seen.end, "ended");
  EXPECT_EQ(seen.count, 10'000'000U);
  EXPECT_EQ(of("a", &TestInstance::by_link), 1);
}

TEST_F(RouterStreamTest, OneStreamThatIsPausedDoesNotHoldUpItsLinksOthers) {
  serve(Ways::both);
  Streamed* const paused = start("endless", [](Streamed& self) { self.pause(); });
  wait([](const Seen& seen) { return seen.count > 0; });
  EXPECT_EQ(ask({.fleet = fleet, .body = "by the way"}).body, "by the way");
  EXPECT_EQ(of("a", &TestInstance::by_link), 2);
  router_loop_.run_and_wait([&] { paused->give_up(); });
  wait([](const Seen& seen) { return seen.destroyed; });
}

TEST_F(RouterStreamTest, AnInstanceThatDiesInTheMiddleBreaksTheStream) {
  serve(Ways::both);
  start("endless", [](Streamed& self) { self.pause(); });
  wait([](const Seen& seen) { return seen.count > 0; });
  instance_loop_.run_and_wait([this] { instances_["a"]->cut_links(); });
  EXPECT_EQ(wait_end().end, "broken");
}

TEST_F(RouterStreamTest, WhatCameWholeIsHandedOverAsOnePart) {
  serve(Ways::both);
  start("hello");
  const Seen seen = wait_end();
  EXPECT_EQ(seen.end, "ended");
  EXPECT_EQ(seen.bytes, "hello");
  EXPECT_EQ(of("a", &TestInstance::by_link), 1);
}

TEST_F(RouterStreamTest, ARefusalIsAnsweredWholeAndNothingBegins) {
  for (const Ways ways : {Ways::both, Ways::http_only}) {
    publish({{.name = "main",
              .weight = 1,
              .instances = {add_instance(ways == Ways::both ? "a" : "b", ways)}}});
    seen_ = {};
    start("fail");
    const Seen seen = wait_end();
    EXPECT_EQ(seen.end, "answered 400 a bad shape");
    EXPECT_EQ(seen.begins, 0);
  }
}

TEST_P(RouterStreamWays, AStreamThatIsCutInTheMiddleIsBroken) {
  serve(GetParam());
  start("half");
  EXPECT_EQ(wait_end().end, "broken");
}

TEST_P(RouterStreamWays, AStreamThatGoesOnForEverEndsAtItsTimeLimit) {
  serve(GetParam());
  start("endless", {}, 300ms);
  const Seen seen = wait_end();
  EXPECT_EQ(seen.end, "timeout");
  EXPECT_GT(seen.count, 0U);
  eventually([&] { return of("a", &TestInstance::streams_under_way) == 0; });
}

TEST_P(RouterStreamWays, WhoPausesSlowsTheInstanceDownUntilItResumes) {
  serve(GetParam());
  bool pausing = true;
  Streamed* const stream = start("endless", [&](Streamed& self) {
    if (pausing) self.pause();
  });
  wait([](const Seen& seen) { return seen.count > 0; });
  std::this_thread::sleep_for(200ms);
  const std::uint64_t given = of("a", &TestInstance::stream_bytes);
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(of("a", &TestInstance::stream_bytes), given) << "the instance was not slowed down";
  EXPECT_LT(given, 2'000'000U);
  router_loop_.run_and_wait([&] {
    pausing = false;
    stream->resume();
  });
  wait([&](const Seen& seen) { return seen.count > given + 10'000'000; });
  router_loop_.run_and_wait([&] { stream->give_up(); });
  wait([](const Seen& seen) { return seen.destroyed; });
}

TEST_P(RouterStreamWays, WhoGivesUpHearsNothingMoreAndTheInstanceIsCutOff) {
  serve(GetParam());
  start("endless", [](Streamed& self) { self.give_up(); });
  const Seen seen = wait([](const Seen& now) { return now.destroyed; });
  EXPECT_EQ(seen.end, "");
  EXPECT_EQ(seen.parts, 1U);
  eventually([&] { return of("a", &TestInstance::streams_under_way) == 0; });
}

TEST_F(RouterStreamTest, WhatWaitsForAnInstanceOrForItsFirstByteCanBeGivenUp) {
  publish({{.name = "main", .weight = 1, .instances = {}}});
  Streamed* held = start("who");
  router_loop_.run_and_wait([&] { held->give_up(); });
  EXPECT_TRUE(wait([](const Seen& seen) { return seen.destroyed; }).end.empty());
  for (const Ways ways : {Ways::both, Ways::http_only}) {
    publish({{.name = "main",
              .weight = 1,
              .instances = {add_instance(ways == Ways::both ? "a" : "b", ways)}}});
    seen_ = {};
    Streamed* silent = start("silent");
    std::this_thread::sleep_for(20ms);
    router_loop_.run_and_wait([&] { silent->give_up(); });
    EXPECT_TRUE(wait([](const Seen& seen) { return seen.destroyed; }).end.empty());
  }
  EXPECT_EQ(ask({.fleet = fleet, .body = "next"}).body, "next");
}

TEST_F(RouterStreamTest, ABodyInFilesIsReadAsItIsSentHoweverLargeItIs) {
  constexpr std::uint64_t piece = 600ULL << 20;
  serve(Ways::both);
  const std::string path = (folder_.path() / "body").string();
  net::Fd file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(file.get(), piece), 0);  // sparse: costs no disk
  router_loop_.run_and_wait([&] {
    auto invocation = std::make_unique<Streamed>(seen_, "");
    invocation->request.body_files = [path] {
      net::FileSequence files{.length = 2 * piece, .next = {}};
      files.next = [path]() -> std::optional<net::FileRange> {
        net::Fd part(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!part) return std::nullopt;
        return net::FileRange{std::move(part), 0, piece};
      };
      return files;
    };
    router_->invoke(std::move(invocation));
  });
  const Seen seen = wait_end();
  EXPECT_EQ(seen.end, "ended");
  EXPECT_EQ(seen.bytes, std::to_string(2 * piece));
}

TEST_F(RouterStreamTest, ABodyWhoseFileIsGoneFailsAtOnce) {
  serve(Ways::both);
  router_loop_.run_and_wait([&] {
    auto invocation = std::make_unique<Streamed>(seen_, "");
    invocation->request.body_files = [] {
      return net::FileSequence{.length = 5, .next = [] { return std::nullopt; }};
    };
    router_->invoke(std::move(invocation));
  });
  EXPECT_EQ(wait_end().end, "broken");
}

TEST_F(RouterStreamTest, ARequestsOwnTimeLimitStandsInPlaceOfTheFleets) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}}, 100ms);
  start("slow:400", {}, 5s);
  EXPECT_EQ(wait_end().end, "ended");
  seen_ = {};
  start("slow:400");
  EXPECT_EQ(wait_end().end, "timeout");
}

TEST_F(RouterStreamTest, EndingTheRouterEndsStreamsAsItsOwnFailure) {
  serve(Ways::http_only);
  start("endless");
  wait([](const Seen& seen) { return seen.count > 0; });
  router_loop_.run_and_wait([this] { router_.reset(); });
  EXPECT_EQ(wait_end().end, "unavailable");
}

}  // namespace
}  // namespace slipway::routing

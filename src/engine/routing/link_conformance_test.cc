// What every link promises (link.h), asked of each kind against a real instance.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_folder.h"
#include "engine/routing/framed_link.h"
#include "engine/routing/http_link.h"
#include "engine/routing/routes.h"
#include "engine/routing/test_instance.h"
#include "net/loop.h"

namespace slipway::routing {
namespace {

using namespace std::chrono_literals;

// What a user of links heard, in order; from any thread. An exchange that goes says so too.
class Heard {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    list_.push_back(std::move(what));
    changed_.notify_all();
  }
  // Waits until `count` things were heard, at most ten seconds.
  std::vector<std::string> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return list_.size() >= count; });
    return list_;
  }
  // Waits until that was heard.
  std::vector<std::string> wait_for(const std::string& what) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return std::ranges::find(list_, what) != list_.end(); });
    return list_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> list_;
};

class Asked final : public Exchange {
 public:
  Asked(Heard& heard, std::string body, AnswerMode mode) : heard_(heard), body_(std::move(body)) {
    request = {.content_type = "text/csv", .body = body_, .answer_mode = mode};
  }
  ~Asked() override { heard_.add("gone"); }

 private:
  Heard& heard_;
  const std::string body_;
};

class User final : public LinkUser {
 public:
  explicit User(Heard& heard) : heard_(heard) {}

  void on_answer(std::unique_ptr<Exchange>, InvokeAnswer&& answer) override {
    heard_.add("answer " + std::to_string(answer.status) + " " + std::string(answer.body));
  }
  void on_unsent(std::unique_ptr<Exchange>, std::string_view) override { heard_.add("unsent"); }
  void on_failure(std::unique_ptr<Exchange>, InvokeFailure failure, std::string_view) override {
    heard_.add(std::string(name_of(failure)));
  }
  void on_begun(Exchange& exchange, InvokeAnswer&&) override {
    heard_.add("begun");
    if (when_begun) when_begun(exchange);
  }
  void on_part(Exchange&, std::string_view bytes) override { bytes_ += bytes.size(); }
  void on_ended(std::unique_ptr<Exchange>) override {
    heard_.add("ended after " + std::to_string(bytes_));
  }
  void on_again_by_http(std::unique_ptr<Exchange>) override { heard_.add("again"); }

  std::function<void(Exchange&)> when_begun;

 private:
  Heard& heard_;
  std::uint64_t bytes_ = 0;
};

enum class Way : std::uint8_t { framed, http };

class LinkConformance : public testing::TestWithParam<Way> {
 protected:
  LinkConformance() {
    far_.run_and_wait([this] {
      instance_ = std::make_unique<TestInstance>(far_.loop(), "a", socket("http"), socket("link"));
    });
    near_.run_and_wait([this] { link_ = make_link(); });
  }
  ~LinkConformance() override {
    near_.run_and_wait([this] { link_.reset(); });
    far_.run_and_wait([this] { instance_.reset(); });
  }

  std::string socket(std::string_view name) const { return folder_.path() / name; }
  std::unique_ptr<Link> make_link() {
    const auto address = [&](std::string_view name) {
      return net::Address::parse("unix:" + socket(name)).value();
    };
    if (GetParam() == Way::http)
      return std::make_unique<HttpLink>(near_.loop(), *route_, address("http"), user_);
    return std::make_unique<FramedLink>(near_.loop(), address("link"), user_, spare_);
  }
  // Returns what send() said.
  Link::Sent send(std::string body, AnswerMode mode = AnswerMode::whole,
                  std::chrono::milliseconds time_limit = 10s) {
    Link::Sent sent{};
    near_.run_and_wait([&] {
      std::unique_ptr<Exchange> exchange = std::make_unique<Asked>(heard_, std::move(body), mode);
      sent = link_->send(exchange, time_limit);
      EXPECT_EQ(sent == Link::Sent::taken, exchange == nullptr);
    });
    return sent;
  }
  std::size_t under_way() {
    std::size_t count = 0;
    near_.run_and_wait([&] { count = link_->under_way(); });
    return count;
  }
  // As a router does while anything is under way.
  void keep_expiring() {
    near_.loop().post([this] {
      if (link_->under_way() == 0) return;
      link_->expire(near_.loop().now());
      near_.loop().after(10ms, [this] { keep_expiring(); });
    });
  }

  TestFolder folder_;
  Heard heard_;
  User user_{heard_};
  RouteTable routes_;
  std::shared_ptr<const InstanceRoute> route_ = routes_.make_instance({"fleet/a"}, {}, {});
  net::LoopThread far_;
  net::LoopThread near_;
  net::LinkSpare spare_;
  std::unique_ptr<TestInstance> instance_;
  std::unique_ptr<Link> link_;
};

TEST_P(LinkConformance, AnAnswerComesWholeAndTheExchangeGoesWithIt) {
  EXPECT_EQ(send("a,b"), Link::Sent::taken);
  EXPECT_EQ(heard_.wait(2), (std::vector<std::string>{"answer 200 a,b", "gone"}));
  EXPECT_EQ(under_way(), 0U);
}

TEST_P(LinkConformance, ManyAreUnderWayAtOnce) {
  send("silent");
  for (int i = 0; i < 20; ++i) send("x");
  EXPECT_EQ(heard_.wait(40).size(), 40U);
  EXPECT_EQ(under_way(), 1U);
}

TEST_P(LinkConformance, AStreamedAnswerBeginsAndEndsAndARefusalOfOneComesWhole) {
  send("stream:5", AnswerMode::streamed);
  EXPECT_EQ(heard_.wait(3), (std::vector<std::string>{"begun", "ended after 500", "gone"}));
  send("fail", AnswerMode::streamed);
  EXPECT_EQ(heard_.wait(5)[3], "answer 400 a bad shape");
}

TEST_P(LinkConformance, AStreamThatBreaksFails) {
  send("half", AnswerMode::streamed);
  const auto heard = heard_.wait_for("gone");  // whether it began is the instance's to say
  EXPECT_EQ(heard[heard.size() - 2], "broken");
}

TEST_P(LinkConformance, APausedStreamWaitsAndEndsOnceItFlowsAgain) {
  Exchange* begun = nullptr;
  user_.when_begun = [&](Exchange& exchange) {
    begun = &exchange;
    link_->set_paused(exchange, Flow::paused);
  };
  send("stream:20000", AnswerMode::streamed);
  heard_.wait(1);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(heard_.wait(1).size(), 1U);
  near_.run_and_wait([&] { link_->set_paused(*begun, Flow::flowing); });
  EXPECT_EQ(heard_.wait(3)[1], "ended after 2000000");
}

TEST_P(LinkConformance, OfADroppedExchangeNothingIsHeardButThatItGoes) {
  user_.when_begun = [&](Exchange& exchange) { link_->drop(exchange); };
  send("endless", AnswerMode::streamed);
  EXPECT_EQ(heard_.wait(2), (std::vector<std::string>{"begun", "gone"}));
  EXPECT_EQ(under_way(), 0U);
  user_.when_begun = {};
  send("next");
  EXPECT_EQ(heard_.wait(3)[2], "answer 200 next");
}

TEST_P(LinkConformance, WhatIsNotAnsweredInItsTimeFails) {
  send("silent", AnswerMode::whole, 30ms);
  keep_expiring();
  EXPECT_EQ(heard_.wait(2), (std::vector<std::string>{"timeout", "gone"}));
}

TEST_P(LinkConformance, WhatNobodyCanHaveSeenIsRefusedOrUnsent) {
  far_.run_and_wait([this] { instance_.reset(); });
  if (send("x") == Link::Sent::taken)
    EXPECT_EQ(heard_.wait(2), (std::vector<std::string>{"unsent", "gone"}));
  else
    EXPECT_EQ(heard_.wait(1), (std::vector<std::string>{"gone"}));
}

TEST_P(LinkConformance, WhatIsUnderWayWhenTheLinkGoesFails) {
  send("silent");
  far_.run_and_wait([] {});
  near_.run_and_wait([this] { link_.reset(); });
  const auto heard = heard_.wait(2);
  EXPECT_TRUE(heard[0] == "broken" || heard[0] == "unsent") << heard[0];
  EXPECT_EQ(heard[1], "gone");
  near_.run_and_wait([this] { link_ = make_link(); });
}

INSTANTIATE_TEST_SUITE_P(Links, LinkConformance, testing::Values(Way::framed, Way::http),
                         [](const auto& info) {
                           return info.param == Way::framed ? "framed" : "http";
                         });

}  // namespace
}  // namespace slipway::routing

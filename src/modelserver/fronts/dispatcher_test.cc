// How requests are gathered and where they run, over a real link, with a model that only sleeps.
#include "modelserver/fronts/dispatcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>

#include "modelserver/fronts/link_front.h"
#include "net/link_frame.h"
#include "net/socket.h"

namespace slipway::modelserver {
namespace {

using namespace std::chrono_literals;

// What one call of answer() was.
struct Batched {
  std::thread::id thread;
  std::size_t requests = 0;
};

class SleepyModel final : public Model {
 public:
  SleepyModel(std::chrono::microseconds time, std::vector<Batched>& runs, std::mutex& mutex)
      : time_(time), runs_(runs), mutex_(mutex) {}

  const ModelSignature& signature() const override { return signature_; }
  std::size_t batch_max() const override { return 64; }
  std::size_t concurrency() const override { return 2; }
  void answer(std::span<ModelCall> batch) override {
    std::this_thread::sleep_for(time_);
    for (ModelCall& invocation : batch) {
      invocation.answer.status = 200;
      invocation.answer.body = invocation.body;
    }
    const std::lock_guard lock(mutex_);
    runs_.push_back({std::this_thread::get_id(), batch.size()});
  }

 private:
  const std::chrono::microseconds time_;
  std::vector<Batched>& runs_;
  std::mutex& mutex_;
  ModelSignature signature_;
};

// A dispatcher on a loop of its own, and the other end of a link to it.
class Serving {
 public:
  explicit Serving(std::chrono::microseconds time) {
    auto listener = net::listen_unix(path_.string());
    EXPECT_TRUE(listener);
    thread_.run_and_wait([&] {
      loop_thread_ = std::this_thread::get_id();
      dispatcher_ = std::make_unique<Dispatcher>(thread_.loop(), Batching());
      dispatcher_->set_model(std::make_unique<SleepyModel>(time, runs_, mutex_));
      front_ = std::make_unique<LinkFront>(thread_.loop(), *dispatcher_, std::move(*listener));
    });
    const auto address = net::Address::parse("unix:" + path_.string());
    EXPECT_TRUE(address);
    link_ = *net::start_connect(*address);
    // The tests read when they have nothing else to do.
    const int flags = ::fcntl(link_.get(), F_GETFL);
    ::fcntl(link_.get(), F_SETFL, flags & ~O_NONBLOCK);
  }
  ~Serving() {
    link_.reset();
    thread_.run_and_wait([this] {
      front_.reset();
      dispatcher_.reset();
    });
    std::filesystem::remove(path_);
  }

  void ask(std::uint32_t id) {
    std::string out;
    EXPECT_TRUE(net::append_link_request(
        out, {.id = id, .content_type = "text/csv", .accept = "text/csv", .body = "1"}));
    EXPECT_EQ(::send(link_.get(), out.data(), out.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(out.size()));
  }

  // The ids of the answers that came together; at least one.
  std::vector<std::uint32_t> take() {
    std::vector<std::uint32_t> ids;
    while (ids.empty()) {
      char bytes[16 * 1024];
      const ssize_t got = ::recv(link_.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return ids;
      in_.append(bytes, static_cast<std::size_t>(got));
      std::string_view rest(in_);
      for (auto frame = net::take_link_frame(rest); frame && *frame;
           frame = net::take_link_frame(rest)) {
        EXPECT_EQ((*frame)->status, 200);
        pace_ = (*frame)->pace;
        ids.push_back((*frame)->id);
      }
      in_.erase(0, in_.size() - rest.size());
    }
    return ids;
  }

  net::LinkPace pace() const { return pace_; }  // of the newest answer

  std::vector<Batched> runs() {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  bool is_on_loop(const Batched& batch) const { return batch.thread == loop_thread_; }

 private:
  const std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) / "dispatcher_test.sock";
  std::mutex mutex_;
  std::vector<Batched> runs_;  // guarded by mutex_
  net::LoopThread thread_;
  std::thread::id loop_thread_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<LinkFront> front_;
  net::Fd link_;
  std::string in_;
  net::LinkPace pace_ = 0;
};

TEST(Dispatcher, runs_a_slow_models_requests_elsewhere_until_they_have_long_come_alone) {
  Serving serving(1ms);
  for (std::uint32_t id = 0; id < 2 * lone_requests_min; ++id) {
    serving.ask(id);
    ASSERT_EQ(serving.take(), std::vector{id});
  }
  const std::vector<Batched> runs = serving.runs();
  ASSERT_EQ(runs.size(), 2 * lone_requests_min);
  EXPECT_FALSE(serving.is_on_loop(runs.front()));
  EXPECT_TRUE(serving.is_on_loop(runs.back()));
}

TEST(Dispatcher, runs_nothing_on_the_loop_once_others_had_to_wait_for_it) {
  Serving serving(1ms);
  for (std::uint32_t id = 0; id < 2 * lone_requests_min; ++id) {
    serving.ask(id);
    serving.take();
  }
  // Two at a time, in frames of their own: the second may come while the first one runs.
  for (int i = 0; i < 8; ++i) {
    serving.ask(0);
    serving.ask(1);
    for (std::size_t answered = 0; answered < 2;) answered += serving.take().size();
  }
  serving.ask(0);
  serving.take();
  EXPECT_FALSE(serving.is_on_loop(serving.runs().back()));
}

TEST(Dispatcher, runs_a_very_slow_model_never_on_the_loop) {
  Serving serving(lone_run_time_max + 1ms);
  for (std::uint32_t id = 0; id < lone_requests_min + 2; ++id) {
    serving.ask(id);
    serving.take();
  }
  for (const Batched& batch : serving.runs()) EXPECT_FALSE(serving.is_on_loop(batch));
}

TEST(Dispatcher, says_how_quick_its_model_is) {
  const auto pace_of = [](std::chrono::microseconds time) {
    Serving serving(time);
    for (std::uint32_t id = 0; id < 64; ++id) {
      serving.ask(id);
      serving.take();
    }
    return serving.pace();
  };
  EXPECT_GE(pace_of(0us), 10);
  EXPECT_EQ(pace_of(slow_run_time + 100us), 0);
}

TEST(Dispatcher, gives_each_batch_of_a_crowd_no_more_than_its_share) {
  constexpr std::uint32_t crowd = 32;
  Serving serving(2ms);
  for (std::uint32_t id = 0; id < crowd; ++id) serving.ask(id);
  std::size_t asked = crowd;
  for (std::size_t answered = 0; answered < asked;)
    for (const std::uint32_t id : serving.take()) {
      ++answered;
      if (asked == 40 * crowd) continue;
      ++asked;
      serving.ask(id);
    }
  std::size_t most = 0;
  std::size_t sum = 0;
  const std::vector<Batched> runs = serving.runs();
  for (const Batched& batch : runs) {
    most = std::max(most, batch.requests);
    sum += batch.requests;
  }
  EXPECT_LE(most, crowd / 2);
  // Half of what a batch could hold, at least: what is left over while another runs gathers.
  EXPECT_GE(sum / runs.size(), crowd / 8);
}

}  // namespace
}  // namespace slipway::modelserver

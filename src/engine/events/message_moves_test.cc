#include "engine/events/message_moves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace slipway::events {
namespace {

using namespace std::chrono_literals;
using State = MessageMove::State;
using Failure = MessageMove::Failure;

class Moving : public ::testing::Test {
 protected:
  Moving() {
    store_ = store::Store::open(folder_ / "store.db", migrations()).value();
    restart();
  }

  // Another server on the same store, as after kill -9.
  void restart() {
    loop_.emplace(*store_, clock_, changes_);
    moves_.emplace(queues_, random_, *loop_);
    loop_->add(*moves_);
    EXPECT_TRUE(loop_->wake_all());
  }
  template <typename F>
  auto write(F&& change) {
    return store_->write(std::forward<F>(change));
  }
  Queue make(const std::string& name, QueueSettings settings = {}) {
    return *write([&](store::Transaction& tx) {
      return queues_.create(tx, {"a/r/" + name}, settings, clock_.moment());
    });
  }
  // A queue whose every message is a dead letter after it was received once.
  Queue source_of(const Queue& dead, const std::string& name) {
    return make(
        name,
        {.order = dead.settings.order, .visibility = 1s, .dead_letters = DeadLetters{dead.id, 1}});
  }
  std::string send(const Queue& queue, const std::string& body) {
    const auto sent = write([&](store::Transaction& tx) {
      const std::string group = queue.settings.order == DeliveryOrder::strict ? "g" : "";
      return queues_.send(tx, queue, {.body = body, .group = group, .deduplication = group + body},
                          clock_.moment());
    });
    return sent->id;
  }
  std::vector<ReceivedMessage> receive(const Queue& queue) {
    return *write([&](store::Transaction& tx) {
      return queues_.receive(tx, queue, {.messages_max = 10}, clock_.moment());
    });
  }
  std::string bodies(const Queue& queue) {
    std::string out;
    for (auto got = receive(queue); !got.empty(); got = receive(queue))
      for (const ReceivedMessage& each : got) out += each.body;
    return out;
  }
  void let_die(const Queue& queue) {
    (void)bodies(queue);
    clock_.advance(1s);
    (void)bodies(queue);
  }
  Result<MessageMove> start(const Queue& dead, std::optional<QueueId> target = {},
                            std::uint32_t per_second = 0) {
    return write([&](store::Transaction& tx) {
      return moves_->start(tx, dead, target, per_second, clock_.moment());
    });
  }
  void settle() {
    while (loop_->step() > 0) {
    }
  }
  MessageMove last(const Queue& dead) {
    return *write([&](store::Transaction& tx) -> Result<MessageMove> {
      return MessageMoves::list(tx, dead.id, 1).at(0);
    });
  }
  std::int64_t left(const MessageMove& move) {
    return *write([&](store::Transaction& tx) -> Result<std::int64_t> {
      return MessageMoves::left_to_move(tx, move);
    });
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  ManualClock clock_;
  SeededRandom random_{1};
  engine::Changes changes_{clock_};
  Queues queues_{random_, changes_};
  std::optional<engine::ReconcilerLoop> loop_;
  std::optional<MessageMoves> moves_;
};

TEST_F(Moving, DeadLettersGoBackToWhereTheyCameFromAsNewMessages) {
  const Queue dead = make("dead");
  const Queue a = source_of(dead, "a");
  const Queue b = source_of(dead, "b");
  const std::string id = send(a, "1");
  send(b, "2");
  let_die(a);
  let_die(b);
  ASSERT_TRUE(start(dead));
  settle();
  const auto got = receive(a);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].body, "1");
  EXPECT_NE(got[0].id, id);
  EXPECT_EQ(got[0].receives, 1u);
  EXPECT_EQ(got[0].sent, clock_.now());
  EXPECT_EQ(got[0].came_from, "");
  EXPECT_EQ(bodies(b), "2");
  const MessageMove move = last(dead);
  EXPECT_EQ(move.state, State::completed);
  EXPECT_EQ(move.moved, 2);
  EXPECT_EQ(left(move), 0);
}

TEST_F(Moving, ManyAreMovedInPiecesAndNoneIsLostOrDoubledOverACrash) {
  const Queue dead = make("dead");
  const Queue other = make("other");
  constexpr auto count = static_cast<std::int64_t>(2 * moved_per_step_max + 50);
  for (std::int64_t i = 0; i < count; ++i) send(dead, "x");
  ASSERT_TRUE(start(dead, other.id));
  loop_->step();
  EXPECT_EQ(last(dead).moved, static_cast<std::int64_t>(moved_per_step_max));
  EXPECT_EQ(start(dead, other.id).error().kind, "moving");
  restart();
  settle();
  EXPECT_EQ(last(dead).state, State::completed);
  EXPECT_EQ(last(dead).moved, count);
  EXPECT_EQ(static_cast<std::int64_t>(bodies(other).size()), count);
  EXPECT_EQ(bodies(dead), "");
}

TEST_F(Moving, WithARateTheyGoNoFasterAndWhatComesLaterStays) {
  const Queue dead = make("dead");
  const Queue other = make("other");
  for (int i = 0; i < 10; ++i) send(dead, "x");
  ASSERT_TRUE(start(dead, other.id, 2));
  send(dead, "later");
  EXPECT_EQ(left(last(dead)), 10);
  settle();
  EXPECT_EQ(last(dead).moved, 1);
  clock_.advance(500ms);
  settle();
  EXPECT_EQ(last(dead).moved, 2);
  for (int i = 0; i < 20; ++i, clock_.advance(500ms)) settle();
  EXPECT_EQ(last(dead).state, State::completed);
  EXPECT_EQ(bodies(other), "xxxxxxxxxx");
  EXPECT_EQ(bodies(dead), "later");
}

TEST_F(Moving, ACancelledMoveLeavesWhatItHasNotMoved) {
  const Queue dead = make("dead");
  const Queue other = make("other");
  for (int i = 0; i < 3; ++i) send(dead, "x");
  const auto move = start(dead, other.id, 1);
  settle();
  const auto cancel = [&] {
    return write([&](store::Transaction& tx) { return MessageMoves::cancel(tx, move->id); });
  };
  EXPECT_EQ(cancel()->moved, 1);
  EXPECT_EQ(cancel().error().kind, "no_move");
  clock_.advance(10s);
  settle();
  EXPECT_EQ(last(dead).state, State::cancelled);
  EXPECT_EQ(bodies(dead), "xx");
}

TEST_F(Moving, WhatHasNowhereToGoEndsTheMove) {
  const Queue dead = make("dead");
  const Queue a = source_of(dead, "a");
  send(a, "1");
  let_die(a);
  ASSERT_TRUE(
      write([&](store::Transaction& tx) { return queues_.remove(tx, a.id, clock_.moment()); }));
  ASSERT_TRUE(start(dead));
  settle();
  EXPECT_EQ(last(dead).state, State::failed);
  EXPECT_EQ(last(dead).failure, Failure::no_queue);
  EXPECT_EQ(bodies(dead), "1");
  const Queue direct = make("direct");
  send(direct, "2");
  ASSERT_TRUE(start(direct));
  settle();
  EXPECT_EQ(last(direct).failure, Failure::no_origin);
}

TEST_F(Moving, AStrictGroupIsMovedInItsOrderAndNotPastOneThatIsInFlight) {
  const Queue dead = make("dead.fifo", {.order = DeliveryOrder::strict, .visibility = 30s});
  const Queue other = make("other.fifo", {.order = DeliveryOrder::strict, .visibility = 30s});
  for (const char* body : {"1", "2", "3"}) send(dead, body);
  (void)write([&](store::Transaction& tx) {
    return queues_.receive(tx, dead, {.messages_max = 1}, clock_.moment());
  });
  ASSERT_TRUE(start(dead, other.id));
  settle();
  EXPECT_EQ(last(dead).moved, 0);
  clock_.advance(30s);
  ASSERT_TRUE(start(dead, other.id));
  settle();
  EXPECT_EQ(bodies(other), "123");
  EXPECT_EQ(bodies(dead), "");
}

TEST_F(Moving, OnlyTheLatestAreRemembered) {
  const Queue dead = make("dead");
  const Queue other = make("other");
  std::string newest;
  for (std::size_t i = 0; i < moves_listed_max + 5; ++i, settle())
    newest = start(dead, other.id)->id;
  const auto all = *write([&](store::Transaction& tx) -> Result<std::vector<MessageMove>> {
    return MessageMoves::list(tx, dead.id, 100);
  });
  EXPECT_EQ(all.size(), moves_listed_max);
  EXPECT_EQ(all.front().id, newest);
}

}  // namespace
}  // namespace slipway::events

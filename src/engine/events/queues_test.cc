#include "engine/events/queues.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/events/sweeper.h"

namespace slipway::events {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class QueueTest : public ::testing::Test {
 protected:
  QueueTest() {
    auto opened = store::Store::open(folder_ / "store.db", migrations());
    if (opened) store_ = *std::move(opened);
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
  Queue strict(const std::string& name) { return make(name, {.order = DeliveryOrder::strict}); }

  Result<Sent> send(const Queue& queue, OutgoingMessage message) {
    return write([&](store::Transaction& tx) {
      return queues_.send(tx, *queues_.find(tx, queue.id), message, clock_.moment());
    });
  }
  void send_all(const Queue& queue, const std::string& group, const std::vector<std::string>& all) {
    for (const std::string& body : all)
      ASSERT_TRUE(send(queue, {.body = body, .group = group, .deduplication = body}));
  }
  std::vector<ReceivedMessage> receive(const Queue& queue, ReceiveRequest request = {}) {
    auto got = write([&](store::Transaction& tx) {
      return queues_.receive(tx, *queues_.find(tx, queue.id), request, clock_.moment());
    });
    EXPECT_TRUE(got);
    return got ? *std::move(got) : std::vector<ReceivedMessage>();
  }
  std::string bodies(const Queue& queue, std::size_t most = 10) {
    std::string out;
    for (const auto& each : receive(queue, {.messages_max = most})) out += each.body;
    return out;
  }
  Result<> remove(const Queue& queue, const std::string& receipt) {
    return write([&](store::Transaction& tx) {
      return queues_.remove_message(tx, *queues_.find(tx, queue.id), receipt, clock_.moment());
    });
  }
  Result<> hide(const Queue& queue, const std::string& receipt, seconds time) {
    return write([&](store::Transaction& tx) {
      return queues_.change_visibility(tx, *queues_.find(tx, queue.id), receipt, time,
                                       clock_.moment());
    });
  }
  QueueCounts count(const Queue& queue) {
    return *write([&](store::Transaction& tx) -> Result<QueueCounts> {
      return queues_.count(tx, *queues_.find(tx, queue.id), clock_.moment());
    });
  }
  std::int64_t rows_of(const std::string& table) {
    return *write([&](store::Transaction& tx) -> Result<std::int64_t> {
      auto rows = tx.query("SELECT count(*) FROM " + table);
      rows.next();
      return rows.integer(0);
    });
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  ManualClock clock_;
  SeededRandom random_{1};
  engine::Changes changes_{clock_};
  Queues queues_{random_, changes_};
};

TEST_F(QueueTest, AReceivedMessageIsHiddenUntilItsTimeEndsAndThenComesAgain) {
  const Queue queue = make("q");
  ASSERT_TRUE(send(queue, {.body = "m"}));
  const auto first = receive(queue);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].receives, 1u);
  clock_.advance(seconds(29));
  EXPECT_TRUE(receive(queue).empty());
  clock_.advance(seconds(1));
  const auto second = receive(queue);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].receives, 2u);
  EXPECT_EQ(second[0].first_received, first[0].first_received);
  EXPECT_NE(second[0].receipt, first[0].receipt);
}

TEST_F(QueueTest, ARemovedMessageDoesNotComeAgainAndRemovingTwiceIsFine) {
  const Queue queue = make("q");
  ASSERT_TRUE(send(queue, {.body = "m"}));
  const auto got = receive(queue);
  EXPECT_TRUE(remove(queue, got[0].receipt));
  EXPECT_TRUE(remove(queue, got[0].receipt));
  clock_.advance(hours(1));
  EXPECT_TRUE(receive(queue).empty());
}

TEST_F(QueueTest, AReceiptOfAnEarlierReceiveRemovesTheMessageOfALooseQueueAlone) {
  for (const DeliveryOrder order : {DeliveryOrder::loose, DeliveryOrder::strict}) {
    const Queue queue = make(order == DeliveryOrder::loose ? "q" : "q.fifo", {.order = order});
    ASSERT_TRUE(send(queue, {.body = "m", .group = "g", .deduplication = "d"}));
    const auto first = receive(queue);
    clock_.advance(seconds(30));
    const auto second = receive(queue);
    EXPECT_TRUE(remove(queue, first[0].receipt));
    EXPECT_EQ(count(queue).in_flight, order == DeliveryOrder::loose ? 0 : 1);
    EXPECT_TRUE(remove(queue, second[0].receipt));
    EXPECT_EQ(count(queue).in_flight, 0);
  }
}

TEST_F(QueueTest, WhatIsNoReceiptIsRefused) {
  const Queue queue = make("q");
  for (const std::string text : {"", "x", "c2xpcHdheS4x", "????"}) {
    const auto done = remove(queue, text);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().kind, "bad_receipt");
  }
}

TEST_F(QueueTest, VisibilityCanBeGivenUpOrExtendedWhileTheMessageIsInFlight) {
  const Queue queue = make("q");
  ASSERT_TRUE(send(queue, {.body = "m"}));
  auto got = receive(queue);
  EXPECT_TRUE(hide(queue, got[0].receipt, seconds(100)));
  clock_.advance(seconds(99));
  EXPECT_TRUE(receive(queue).empty());
  EXPECT_TRUE(hide(queue, got[0].receipt, seconds(0)));
  got = receive(queue);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(hide(queue, got[0].receipt, seconds(43'201)).error().kind, "hidden_too_long");
}

TEST_F(QueueTest, AMessageThatCanBeReceivedAgainIsHiddenByAnyReceipt) {
  const Queue queue = make("q");
  ASSERT_TRUE(send(queue, {.body = "m"}));
  const auto first = receive(queue);
  clock_.advance(seconds(30));
  const auto second = receive(queue);
  clock_.advance(seconds(30));
  for (const auto& got : {first, second}) {
    EXPECT_TRUE(hide(queue, got[0].receipt, seconds(5)));
    EXPECT_TRUE(receive(queue).empty());
    clock_.advance(seconds(5));
  }
  EXPECT_EQ(receive(queue).size(), 1u);
}

TEST_F(QueueTest, AHiddenMessageOfAGroupHoldsBackThoseBehindItAlone) {
  const Queue queue = strict("q.fifo");
  send_all(queue, "g", {"m1", "m2", "m3"});
  const auto got = receive(queue, {.messages_max = 2});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(hide(queue, got[0].receipt, seconds(0)));
  EXPECT_EQ(bodies(queue), "m1");
  EXPECT_TRUE(hide(queue, got[1].receipt, seconds(100)));
  clock_.advance(seconds(30));
  EXPECT_EQ(bodies(queue), "m1");
  clock_.advance(seconds(71));
  EXPECT_EQ(bodies(queue), "m1m2m3");
}

TEST_F(QueueTest, ADelayedMessageComesWhenItsDelayIsOver) {
  const Queue queue = make("q", {.delay = seconds(5)});
  ASSERT_TRUE(send(queue, {.body = "a"}));
  ASSERT_TRUE(send(queue, {.body = "b", .delay = seconds(0)}));
  EXPECT_EQ(count(queue).delayed, 1);
  EXPECT_EQ(bodies(queue), "b");
  clock_.advance(seconds(5));
  EXPECT_EQ(bodies(queue), "a");
}

TEST_F(QueueTest, AMessageThatWasReceivedTooOftenGoesToTheDeadLetters) {
  const Queue dead = make("dead");
  const Queue queue =
      make("q", {.visibility = seconds(1), .dead_letters = DeadLetters{dead.id, 2}});
  const auto sent = send(queue, {.body = "m"});
  for (int i = 0; i < 2; ++i, clock_.advance(seconds(1))) EXPECT_EQ(receive(queue).size(), 1u);
  EXPECT_TRUE(receive(queue).empty());
  const auto got = receive(dead);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].id, sent->id);
  EXPECT_EQ(got[0].came_from, queue.id.text);
  EXPECT_EQ(count(queue).visible, 0);
}

TEST_F(QueueTest, DeadLettersInTheWayDoNotHideWhatIsBehindThem) {
  const Queue dead = make("dead");
  const Queue queue =
      make("q", {.visibility = seconds(1), .dead_letters = DeadLetters{dead.id, 1}});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(send(queue, {.body = "x"}));
  EXPECT_EQ(bodies(queue), "xxxxxxxxxx");
  clock_.advance(seconds(1));
  ASSERT_TRUE(send(queue, {.body = "y"}));
  EXPECT_EQ(bodies(queue, 1), "y");
  EXPECT_EQ(bodies(dead), "xxxxxxxxxx");
}

TEST_F(QueueTest, AMessageOlderThanItsQueueKeepsItIsGone) {
  const Queue queue = make("q", {.retention = seconds(60)});
  ASSERT_TRUE(send(queue, {.body = "old"}));
  clock_.advance(seconds(59));
  ASSERT_TRUE(send(queue, {.body = "new"}));
  clock_.advance(seconds(1));
  EXPECT_EQ(bodies(queue), "new");
}

TEST_F(QueueTest, AMessageAtTheSizeLimitIsTakenAndOnePastItIsNot) {
  const Queue queue = make("q", {.message_bytes_max = 1024});
  const Attributes attributes{{.name = "n", .type = "String", .value = "v"}};
  EXPECT_TRUE(send(queue, {.body = std::string(1016, 'x'), .attributes = attributes}));
  const auto past = send(queue, {.body = std::string(1017, 'x'), .attributes = attributes});
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().kind, "too_long");
}

TEST_F(QueueTest, AStrictGroupComesInOrderAndIsBlockedWhileOneOfItIsInFlight) {
  const Queue queue = strict("q.fifo");
  send_all(queue, "g", {"1", "2", "3"});
  const auto got = receive(queue, {.messages_max = 2});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].body + got[1].body, "12");
  EXPECT_TRUE(receive(queue).empty());
  EXPECT_TRUE(remove(queue, got[0].receipt));
  EXPECT_TRUE(receive(queue).empty()) << "the second is in flight still";
  EXPECT_TRUE(remove(queue, got[1].receipt));
  EXPECT_EQ(bodies(queue), "3");
}

TEST_F(QueueTest, AStrictMessageThatCameBackIsAgainTheFirst) {
  const Queue queue = strict("q.fifo");
  send_all(queue, "g", {"1", "2"});
  const auto got = receive(queue);
  EXPECT_TRUE(hide(queue, got[0].receipt, seconds(0)));
  EXPECT_EQ(bodies(queue), "12");
}

TEST_F(QueueTest, StrictGroupsDoNotBlockEachOther) {
  const Queue queue = strict("q.fifo");
  send_all(queue, "g", {"1", "2"});
  send_all(queue, "h", {"a", "b"});
  EXPECT_EQ(bodies(queue, 1), "1");
  EXPECT_EQ(bodies(queue), "ab");
  EXPECT_EQ(bodies(queue), "");
}

TEST_F(QueueTest, AStrictSendRepeatedWithinFiveMinutesIsTheSameMessage) {
  const Queue queue = strict("q.fifo");
  const OutgoingMessage message{.body = "m", .group = "g", .deduplication = "d"};
  const auto first = send(queue, message);
  clock_.advance(minutes(5) - seconds(1));
  EXPECT_EQ(send(queue, message)->id, first->id);
  EXPECT_EQ(bodies(queue), "m");
  clock_.advance(seconds(1));
  EXPECT_NE(send(queue, message)->id, first->id);
}

TEST_F(QueueTest, ADeadReceiptOfAStrictQueueIsRefused) {
  const Queue queue = strict("q.fifo");
  send_all(queue, "g", {"1"});
  const auto got = receive(queue);
  clock_.advance(seconds(30));
  EXPECT_EQ(remove(queue, got[0].receipt).error().kind, "old_receipt");
}

TEST_F(QueueTest, WithTooManyInFlightAReceiveGivesNothingAndOnlyWhoDoesNotWaitIsTold) {
  for (const Queue& queue : {make("q"), strict("q.fifo")}) {
    send_all(queue, "g", {"m"});
    ASSERT_TRUE(write([&](store::Transaction& tx) -> Result<> {
      tx.run(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3) INSERT "
          "INTO "
          "events_message (box, grp, visible, receives, sent, first_received) "
          "SELECT ?1, 'h', ?2, 1, 0, 0 FROM n",
          queue.box, to_microseconds(clock_.server_time() + minutes(1)), in_flight_max);
      return {};
    }));
    EXPECT_TRUE(receive(queue, {.at_limit = ReceiveRequest::AtLimit::nothing}).empty());
    const auto told = write(
        [&](store::Transaction& tx) { return queues_.receive(tx, queue, {}, clock_.moment()); });
    if (queue.settings.order == DeliveryOrder::strict)
      EXPECT_TRUE(told && told->empty());
    else
      EXPECT_EQ(told.error().kind, "in_flight");
  }
}

TEST_F(QueueTest, ARepeatedReceiveAttemptGetsTheSameMessagesAgain) {
  const Queue queue = strict("q.fifo");
  send_all(queue, "g", {"1", "2"});
  const auto first = receive(queue, {.messages_max = 2, .attempt = "try"});
  clock_.advance(seconds(1));
  const auto again = receive(queue, {.messages_max = 2, .attempt = "try"});
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].id, first[0].id);
  EXPECT_EQ(again[0].receipt, first[0].receipt);
  EXPECT_EQ(again[0].receives, 1u);
  EXPECT_TRUE(receive(queue, {.messages_max = 2, .attempt = "other"}).empty());
  EXPECT_TRUE(remove(queue, first[0].receipt));
  EXPECT_TRUE(receive(queue, {.messages_max = 2, .attempt = "try"}).empty())
      << "one of them is gone, so the attempt is a new one, and the group is blocked";
}

TEST_F(QueueTest, APurgedQueueIsEmptyAtOnceAndItsRowsAreSwept) {
  const Queue queue = make("q");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(queue, {.body = "m"}));
  const auto got = receive(queue);
  const auto purge = [&] {
    return write([&](store::Transaction& tx) {
      return queues_.purge(tx, *queues_.find(tx, queue.id), clock_.moment());
    });
  };
  EXPECT_TRUE(purge());
  EXPECT_EQ(count(queue).visible, 0);
  EXPECT_TRUE(remove(queue, got[0].receipt));
  EXPECT_EQ(purge().error().kind, "purging");
  ASSERT_TRUE(send(queue, {.body = "later"}));
  engine::ReconcilerLoop loop(*store_, clock_, changes_);
  Sweeper sweeper([] {});
  loop.add(sweeper);
  ASSERT_TRUE(loop.wake_all());
  for (int i = 0; i < 5; ++i, clock_.advance(seconds(1))) loop.step();
  EXPECT_EQ(rows_of("events_text"), 1);
  EXPECT_EQ(rows_of("events_box"), 1);
  EXPECT_EQ(bodies(queue), "later");
}

TEST_F(QueueTest, AQueueOfTheSameNameAsARemovedOneIsEmpty) {
  const Queue queue = make("q");
  ASSERT_TRUE(send(queue, {.body = "m"}));
  ASSERT_TRUE(
      write([&](store::Transaction& tx) { return queues_.remove(tx, queue.id, clock_.moment()); }));
  const auto again = [&] {
    return write(
        [&](store::Transaction& tx) { return queues_.create(tx, queue.id, {}, clock_.moment()); });
  };
  EXPECT_EQ(again().error().kind, "removed_lately");
  clock_.advance(removal_pause);
  EXPECT_TRUE(receive(*again()).empty());
}

TEST_F(QueueTest, StrictDeadLettersOfOneNameAreSeveral) {
  const Queue dead = strict("dead.fifo");
  const Queue queue = make("q.fifo", {.order = DeliveryOrder::strict,
                                      .visibility = seconds(1),
                                      .dead_letters = DeadLetters{dead.id, 1}});
  const auto sent = send(queue, {.body = "m", .group = "g", .deduplication = "name"});
  EXPECT_EQ(receive(queue).size(), 1u);
  clock_.advance(seconds(1));
  EXPECT_TRUE(receive(queue).empty());
  const auto got = receive(dead);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].deduplication, sent->id);
}

TEST_F(QueueTest, WhoWaitsIsToldOnceAMessageIsDurable) {
  const Queue queue = make("q");
  int told = 0;
  changes_.wait(topic_of(queue.id), changes_.sequence(), clock_.monotonic() + minutes(1),
                [&](engine::WaitOutcome) { ++told; });
  ASSERT_TRUE(send(queue, {.body = "m"}));
  EXPECT_EQ(told, 1);
}

// Somebody sets the machine's clock while messages are hidden, delayed and kept.
class QueueUnderASetClock : public QueueTest, public ::testing::WithParamInterface<seconds> {
 protected:
  void set_clock() { clock_.set_civil_by(GetParam()); }
};

TEST_P(QueueUnderASetClock, AReceivedMessageIsHiddenForItsTimeAndNoLonger) {
  const Queue queue = make("q", {.visibility = seconds(30)});
  send(queue, {.body = "m"});
  ASSERT_EQ(receive(queue).size(), 1u);
  set_clock();
  EXPECT_TRUE(receive(queue).empty());
  clock_.advance(seconds(29));
  EXPECT_TRUE(receive(queue).empty());
  clock_.advance(seconds(1));
  EXPECT_EQ(receive(queue).size(), 1u);
}

TEST_P(QueueUnderASetClock, ADelayedMessageComesWhenItsDelayIsOver) {
  const Queue queue = make("q");
  send(queue, {.body = "m", .delay = seconds(60)});
  set_clock();
  EXPECT_TRUE(receive(queue).empty());
  clock_.advance(seconds(60));
  EXPECT_EQ(receive(queue).size(), 1u);
}

TEST_P(QueueUnderASetClock, AMessageIsKeptForItsRetention) {
  const Queue queue = make("q", {.retention = seconds(600)});
  send(queue, {.body = "m"});
  set_clock();
  clock_.advance(seconds(599));
  EXPECT_EQ(receive(queue, {.visibility = seconds(0)}).size(), 1u);
  clock_.advance(seconds(1));
  EXPECT_TRUE(receive(queue).empty());
}

TEST_P(QueueUnderASetClock, ARepeatedSendIsKnownForFiveMinutes) {
  const Queue queue = strict("q.fifo");
  const OutgoingMessage message{.body = "m", .group = "g", .deduplication = "d"};
  const auto first = send(queue, message);
  set_clock();
  clock_.advance(deduplication_time - seconds(1));
  EXPECT_EQ(send(queue, message)->id, first->id);
  clock_.advance(seconds(1));
  EXPECT_NE(send(queue, message)->id, first->id);
}

TEST_P(QueueUnderASetClock, WhatIsShownIsCivilTime) {
  const Queue queue = make("q");
  set_clock();
  send(queue, {.body = "m"});
  const auto got = receive(queue);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].sent, clock_.now());
  EXPECT_EQ(got[0].first_received, clock_.now());
}

INSTANTIATE_TEST_SUITE_P(Table, QueueUnderASetClock,
                         ::testing::Values(std::chrono::hours(-24 * 365), seconds(-31), seconds(31),
                                           std::chrono::hours(24 * 365)));

TEST_F(QueueTest, AreListedByTheBeginningOfTheirIds) {
  for (const char* name : {"a", "ab", "b"}) make(name);
  const auto listed = write([&](store::Transaction& tx) -> Result<std::string> {
    TRY_DO(queues_.create(tx, {"a/s/a"}, {}, clock_.moment()));
    std::string out;
    for (const auto& [prefix, after] :
         {std::pair("a/r/", ""), {"a/r/a", ""}, {"a/r/a", "a/r/a"}, {"a/s/", "a/r/ab"}}) {
      for (const QueueId& id : queues_.list(tx, prefix, after, 10)) out += id.text + ' ';
      out += "; ";
    }
    return out;
  });
  EXPECT_EQ(listed.value(), "a/r/a a/r/ab a/r/b ; a/r/a a/r/ab ; a/r/ab ; a/s/a ; ");
}

}  // namespace
}  // namespace slipway::events

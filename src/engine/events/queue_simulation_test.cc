// Random histories of a queue from seeds: sends, receives, removals, changes of visibility, time,
// sweeps, a machine's clock that is set, and crashes before and after a commit. Nothing that was
// sent is lost, nothing is given twice within its visibility, and a strict group is given in order.
// SLIPWAY_SEED=N plays one alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <stdexcept>

#include "base/test_folder.h"
#include "engine/events/queues.h"
#include "engine/events/sweeper.h"

namespace slipway::events {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t seeds = 40;
constexpr int acts = 120;

class QueueHistory {
 public:
  explicit QueueHistory(std::uint64_t seed) : random_(seed) {
    open();
    settings_.order = chance(2) ? DeliveryOrder::strict : DeliveryOrder::loose;
    settings_.visibility = seconds(1 + below(random_, 20));
    settings_.retention = seconds(1'209'600);
    write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(queues_.create(tx, id_, settings_, clock_.moment()));
      return {};
    });
  }

  void play() {
    for (int i = 0; i < acts; ++i) act();
    drain();
    for (const auto& [body, message] : messages_)
      require(message.removed, "a message that was sent never came: " + body);
  }

 private:
  struct Message {
    std::string group;
    int number = 0;
    bool removed = false;
    std::string receipt = {};
    ServerTime hidden_until = {};
  };

  bool chance(std::uint64_t one_in) { return below(random_, one_in) == 0; }
  static void require(bool holds, const std::string& promise) {
    if (!holds) throw std::runtime_error(promise);
  }

  void open() {
    store_.reset();
    auto opened = store::Store::open(folder_ / "store.db", migrations());
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = *std::move(opened);
  }

  // True where the change is durable; a crash before the commit undoes it.
  template <typename F>
  bool write(F&& change) {
    const bool dies_before = begun_ && chance(12);
    const auto done = store_->write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(change(tx));
      if (dies_before) return fail(ErrorCode::unavailable, "the server died");
      return {};
    });
    begun_ = true;
    require(done || dies_before, done ? "" : done.error().message);
    if (dies_before || chance(20)) open();
    return done.has_value();
  }
  Queue queue(store::Transaction& tx) { return *queues_.find(tx, id_); }

  void act() {
    switch (below(random_, 9)) {
      case 0:
      case 1:
      case 2: return send();
      case 3:
      case 4: return receive(1 + below(random_, 10));
      case 5: return remove();
      case 6: return hide();
      case 7: return set_clock();
      default: clock_.advance(std::chrono::milliseconds(below(random_, 8'000))); return sweep();
    }
  }

  void send() {
    const std::string group = fmt::format("g{}", below(random_, 3));
    const int number = next_++;
    const std::string body = fmt::format("{}/{}", group, number);
    if (write([&](store::Transaction& tx) -> Result<> {
          TRY_DO(queues_.send(tx, queue(tx), {.body = body, .group = group, .deduplication = body},
                              clock_.moment()));
          return {};
        }))
      messages_[body] = {.group = group, .number = number};
  }

  void receive(std::size_t most) {
    std::vector<ReceivedMessage> got;
    const Moment now = clock_.moment();
    const bool durable = write([&](store::Transaction& tx) -> Result<> {
      TRY(got, queues_.receive(tx, queue(tx), {.messages_max = most}, now));
      return {};
    });
    if (!durable) return;
    for (const ReceivedMessage& each : got) note(each, now.server);
    if (settings_.order == DeliveryOrder::strict) check_order(got);
  }

  void note(const ReceivedMessage& each, ServerTime now) {
    require(messages_.contains(each.body), "a message came that was never sent: " + each.body);
    Message& message = messages_[each.body];
    require(!message.removed, "a message came after its removal: " + each.body);
    require(message.hidden_until <= now, "a message came within its visibility: " + each.body);
    message.receipt = each.receipt;
    message.hidden_until = now + settings_.visibility;
  }

  // Each was the first of its group that is not removed or before it in this answer.
  void check_order(const std::vector<ReceivedMessage>& got) {
    std::map<std::string, int> last;
    for (const ReceivedMessage& each : got) {
      const Message& message = messages_[each.body];
      for (const auto& [body, other] : messages_)
        require(other.group != message.group || other.removed || other.number >= message.number ||
                    (last.contains(message.group) && other.number <= last[message.group]),
                fmt::format("{} came before {}", each.body, body));
      last[message.group] = message.number;
    }
  }

  Message* pick() {
    std::vector<Message*> out;
    for (auto& [body, message] : messages_)
      if (!message.removed && message.hidden_until > clock_.server_time()) out.push_back(&message);
    return out.empty() ? nullptr : out[below(random_, out.size())];
  }

  void remove() {
    if (Message* message = pick()) remove(*message);
  }
  void remove(Message& message) {
    if (write([&](store::Transaction& tx) {
          return queues_.remove_message(tx, queue(tx), message.receipt, clock_.moment());
        }))
      message.removed = true;
  }

  void hide() {
    Message* message = pick();
    if (!message) return;
    const auto time = seconds(below(random_, 30));
    if (write([&](store::Transaction& tx) {
          return queues_.change_visibility(tx, queue(tx), message->receipt, time, clock_.moment());
        }))
      message->hidden_until = clock_.server_time() + time;
  }

  // Somebody sets the machine's clock, by up to 30 days: further than anything is kept.
  void set_clock() {
    const auto by = std::chrono::seconds(below(random_, 2 * 2'592'000));
    clock_.set_civil_by(by - std::chrono::seconds(2'592'000));
  }

  void sweep() {
    engine::Effects effects;
    write([&](store::Transaction& tx) -> Result<> {
      sweeper_.reconcile("all", tx, clock_.moment(), effects);
      return {};
    });
    effects.perform();
  }

  void drain() {
    for (int rounds = 0; rounds < 2'000; ++rounds) {
      receive(10);
      while (Message* message = pick()) remove(*message);
      clock_.advance(seconds(1));
      if (std::ranges::all_of(messages_, [](const auto& each) { return each.second.removed; }))
        return;
    }
  }

  TestFolder folder_;
  SeededRandom random_;
  ManualClock clock_;
  engine::Changes changes_{clock_};
  std::unique_ptr<store::Store> store_;
  Queues queues_{random_, changes_};
  Sweeper sweeper_{[] {}};
  const QueueId id_{"a/r/q"};
  QueueSettings settings_;
  std::map<std::string, Message> messages_;
  int next_ = 0;
  bool begun_ = false;
};

TEST(QueueSimulation, NothingIsLostDoubledOrOutOfOrder) {
  const char* one = std::getenv("SLIPWAY_SEED");
  const std::uint64_t first = one ? std::stoull(one) : 1;
  for (std::uint64_t seed = first; seed <= (one ? first : seeds); ++seed) {
    try {
      QueueHistory(seed).play();
    } catch (const std::exception& broken) {
      FAIL() << "SLIPWAY_SEED=" << seed << ": " << broken.what();
    }
  }
}

}  // namespace
}  // namespace slipway::events

// A world for the queues: a store that lasts, commits that are lost or slow, servers that crash,
// instances that answer late, badly or never. Everything follows from the seed. For this room's
// tests.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/test_folder.h"
#include "engine/commit_faults.h"
#include "engine/invocation_queue/queue.h"

namespace slipway::invocation_queue {

inline constexpr std::string_view simulated_fleet = "000000000000/us-east-1/sim";
inline constexpr std::string_view simulated_bucket = "box";

// Instances that take what they are given and let the world decide what comes of it.
class SimulatedInstances final : public RequestSender {
 public:
  explicit SimulatedInstances(objects::Objects& objects) : objects_(objects) {}

  std::size_t room(std::string_view, std::uint32_t concurrency) const override {
    const std::size_t total = instances * concurrency;
    return total > under_way.size() ? total - under_way.size() : 0;
  }
  void deliver(Delivery delivery, Arrived arrived) override {
    ++seen[delivery.request.output.key];
    under_way.push_back({std::move(delivery), std::move(arrived)});
    under_way_max = std::max(under_way_max, under_way.size());
  }

  // Ends the `index`th with an answer of `status`, or with no answer.
  void answer(std::size_t index, int status) {
    auto [delivery, arrived] = take(index);
    objects::Upload upload = objects_.begin();
    const std::string body = "answer to " + delivery.content.bytes;
    EXPECT_TRUE(upload.write(std::as_bytes(std::span(body))));
    arrived(DeliveredAnswer{.status = status,
                            .content_type = "text/plain",
                            .body = upload.seal().value(),
                            .echo = body});
  }
  void fail(std::size_t index, DeliveryError error) {
    auto [delivery, arrived] = take(index);
    arrived(std::unexpected(FailedDelivery{error, "as simulated"}));
  }

  struct UnderWay {
    Delivery delivery;
    Arrived arrived;
  };
  std::size_t instances = 1;
  std::vector<UnderWay> under_way;
  std::size_t under_way_max = 0;
  std::map<std::string, unsigned> seen;  // by the output's key

 private:
  UnderWay take(std::size_t index) {
    UnderWay taken = std::move(under_way[index]);
    under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(index));
    return taken;
  }

  objects::Objects& objects_;
};

// Notes each announcement as a row, so that one made twice, or without its result, shows.
class RecordingDoor final : public QueueDoor {
 public:
  Result<> may_read(store::Transaction&, const QueuedRequest& request) const override {
    return check(request.input.value_or(objects::ObjectName{}));
  }
  Result<> may_store(store::Transaction&, const QueuedRequest&,
                     const objects::ObjectName& name) const override {
    return check(name);
  }
  std::string failure_text(const Settled& settled) const override {
    return std::string(name_of(*settled.failure));
  }
  void announce(store::Transaction& tx, const Settled& settled) override {
    if (broken.exchange(false)) throw std::runtime_error("as simulated");
    tx.run("INSERT INTO announced(key,outcome,at) VALUES(?1,?2,?3)", settled.request.output.key,
           settled.failure ? name_of(*settled.failure) : "completed",
           settled.at.civil.time_since_epoch().count());
  }

  std::string closed;  // a key that nobody may touch
  // The next change that would settle a request is lost.
  std::atomic<bool> broken = false;

 private:
  Result<> check(const objects::ObjectName& name) const {
    if (closed.empty() || name.key != closed) return {};
    return fail(ErrorCode::permission_denied, name.key + " is closed.");
  }
};

class QueueWorld {
 public:
  explicit QueueWorld(std::uint64_t seed) : random_(seed) {
    static constexpr store::Migration announced[] = {
        {"test", 1, "CREATE TABLE announced(key TEXT, outcome TEXT, at INTEGER)"}};
    std::vector<store::Migration> all(std::begin(announced), std::end(announced));
    for (const auto& room : {objects::migrations(), queue_migrations()})
      all.insert(all.end(), room.begin(), room.end());
    store_ = store::Store::open(folder_ / "state.db", all).value();
    objects_ = objects::Objects::open(*store_, folder_.path(), clock_, random_).value();
    change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(objects::create_bucket(
          tx, {std::string(simulated_bucket), "000000000000", "us-east-1", clock_.now()}));
      return objects::set_versioning(tx, simulated_bucket, objects::Versioning::enabled);
    });
    restart();
  }
  ~QueueWorld() { end(); }

  // A server that ends as by kill -9, and another on the same store.
  void restart() {
    end();
    server_ = std::make_unique<Server>(*this);
    EXPECT_TRUE(server_->loop.wake_all());
  }

  // Runs what is due until nothing is.
  void settle() {
    do flush();
    while (server_->loop.step() > 0);
    flush();
  }
  // Moves the clock to the next timer, at most by `span`.
  void move_on(std::chrono::microseconds span) {
    settle();
    if (const auto due = server_->loop.next_due()) span = std::min(span, *due);
    clock_.advance(span);
    settle();
  }

  void change(const std::function<Result<>(store::Transaction&)>& change) {
    const Result<> outcome = store_->write(change);
    EXPECT_TRUE(outcome) << outcome.error().message;
  }
  void put_queue(std::uint32_t concurrency) {
    change([&](store::Transaction& tx) {
      return server_->queues.put(tx, simulated_fleet, {.concurrency = concurrency});
    });
  }
  void close_queue() {
    change([&](store::Transaction& tx) -> Result<> {
      server_->queues.close(tx, simulated_fleet);
      return {};
    });
  }

  // One more request, whose result is the object `key`; its failure "key-error".
  Result<> accept(const std::string& key, std::chrono::seconds time_to_live,
                  std::optional<objects::ObjectName> input = {}) {
    return store_->write([&](store::Transaction& tx) -> Result<> {
      const auto queue = InvocationQueues::find(tx, simulated_fleet);
      if (!queue) return fail(ErrorCode::not_found, "no queue");
      const std::string bucket(simulated_bucket);
      return server_->requests.accept(
          tx, *queue,
          {.accepted = clock_.moment(),
           .expires = clock_.server_time() + time_to_live,
           .input = std::move(input),
           .body = key,
           .output = {.bucket = bucket, .key = key},
           .failure = objects::ObjectName{.bucket = bucket, .key = key + "-error"}});
    });
  }

  // How often each outcome was announced for a key.
  std::map<std::string, std::vector<std::string>> announced() {
    std::map<std::string, std::vector<std::string>> list;
    (void)store_->read([&](store::Transaction& tx) -> Result<> {
      auto rows = tx.query("SELECT key,outcome FROM announced");
      while (rows.next()) list[std::string(rows.text(0))].emplace_back(rows.text(1));
      return {};
    });
    return list;
  }
  // How many versions each object has.
  std::map<std::string, std::size_t> objects() {
    std::map<std::string, std::size_t> list;
    const auto page = store_->read([&](store::Transaction& tx) {
      return objects::list_versions(
          tx, {.bucket = std::string(simulated_bucket), .entries_max = 1'000'000});
    });
    for (const objects::Object& object : page->versions) ++list[object.key];
    return list;
  }
  std::string text(const std::string& key) {
    auto opened = objects_->open_object({.bucket = std::string(simulated_bucket), .key = key});
    return opened ? opened->content.bytes : "(none)";
  }
  std::optional<Backlog> backlog() {
    return *store_->read([&](store::Transaction& tx) -> Result<std::optional<Backlog>> {
      return InvocationQueues::backlog(tx, simulated_fleet, clock_.server_time());
    });
  }

  RecordingDoor& door() { return server_->door; }
  SimulatedInstances& instances() { return server_->instances; }
  RequestQueues& requests() { return server_->requests; }
  objects::Objects& object_store() { return *objects_; }
  ManualClock& clock() { return clock_; }
  std::size_t below(std::size_t bound) { return slipway::below(random_, bound); }
  // What becomes of the commits of reconciles.
  engine::CommitFaults& commit_faults() { return commit_faults_; }

 private:
  struct Server {
    explicit Server(QueueWorld& world)
        : instances(*world.objects_),
          changes(world.clock_),
          loop(*world.store_, world.clock_, changes),
          requests({.store = *world.store_,
                    .objects = *world.objects_,
                    .loop = loop,
                    .sender = instances,
                    .door = door,
                    .clock = world.clock_}) {
      loop.add(requests);
      world.commit_faults_.befall(loop);
    }
    SimulatedInstances instances;
    RecordingDoor door;
    engine::Changes changes;
    engine::ReconcilerLoop loop;
    RequestQueues requests;
    InvocationQueues queues{[this](InvocationQueueId id) { requests.wake(id); }};
  };

  // Waits for what the writer has still to do.
  void flush() {
    change([](store::Transaction&) -> Result<> { return {}; });
  }
  void end() {
    if (server_) flush();
    server_.reset();
  }

  TestFolder folder_;
  ManualClock clock_;
  SeededRandom random_;
  engine::CommitFaults commit_faults_{random_, clock_};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<objects::Objects> objects_;
  std::unique_ptr<Server> server_;
};

}  // namespace slipway::invocation_queue
